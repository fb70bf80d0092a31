"""kill -9, again and again, at random points: nothing is lost and nothing is done twice."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.store import embedded
from tests.chaos.nursery import Nursery
from tests.chaos.oracle import problems, settled
from tests.chaos.people import People
from tests.chaos.process import BotProcess
from tests.chaos.stage import Stage
from tests.rig import eventually

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("ATS_TEST_KILLS", "52"))
SEED = int(os.environ.get("ATS_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
EXECUTED = 10  # every so-and-so-many-th life is `python -m bot run` to the letter, the others are forked


@pytest.fixture
async def stage(postgres: embedded.EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    """A sandbox, and a database that nobody else uses."""
    async with Stage.alone(postgres, "kills", tmp_path) as stage:
        yield stage


@asynccontextmanager
async def alive(bot: BotProcess) -> AsyncIterator[BotProcess]:
    """Kill whatever becomes of it."""
    try:
        yield bot
    finally:
        await bot.kill()


async def test_no_kill_loses_or_doubles_anything(stage: Stage) -> None:
    """After 50 kill -9 at random points, every card, reminder, click and note is there exactly once."""
    dice = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    sys.stdout.write(f"seed {SEED}, {KILLS} kills; ATS_TEST_SEED={SEED} repeats the choices" + "\n")
    people, nursery = People(stage, dice), Nursery()
    try:
        for life in range(KILLS):
            await _one_life(stage, nursery, people, life)
        stage.slack.faults.clear()
        stage.pagerduty.faults.clear()
        async with alive(stage.bot()) as bot:
            await bot.ready(within=60)
            await people.finish()
            await settled(stage, within=90)
            await stage.advance(timedelta(minutes=61))
            await settled(stage, within=30)
            found = await problems(stage, people)
    finally:
        nursery.close()
    acked = sum(press.acked for press in people.presses)
    sys.stdout.write(
        f"{len(people.cases)} incidents, {len(people.presses)} clicks and commands, {acked} of them taken\n"
    )
    assert acked >= KILLS // 5, "too little happened between the kills to show anything"
    assert not found, f"seed {SEED}:\n" + "\n".join(found)


async def _one_life(stage: Stage, nursery: Nursery, people: People, life: int) -> None:
    dice = people.dice
    async with alive(stage.forked(nursery) if life % EXECUTED else stage.bot()) as bot:
        if dice.random() < 0.2:  # killed while it starts
            await people.act()
            await asyncio.sleep(dice.uniform(0.0, 1.5))
            return
        await eventually(lambda: stage.slack.sockets.connections or not bot.running, within=30)
        assert bot.running, bot.said()
        if dice.random() < 0.6:  # by then there is something to click at
            await people.every_card(within=3.0)
        people.trouble()
        for _ in range(dice.randint(2, 5)):
            await people.act()
            await asyncio.sleep(dice.uniform(0.0, 0.1))
        await asyncio.sleep(dice.uniform(0.0, 0.4))
