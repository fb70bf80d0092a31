"""PostgreSQL goes away under a running bot and comes back: nothing is lost, and nobody restarts the bot."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.domain.escalation import LATE
from bot.store import embedded
from tests.chaos.oracle import problems, settled
from tests.chaos.people import Case, People
from tests.chaos.process import BotProcess
from tests.chaos.stage import Stage, words
from tests.rig import DANA, OPS, eventually

pytestmark = pytest.mark.slow

QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    """A directory of a server that may be stopped without harming other tests."""
    folder = Path(tempfile.mkdtemp(prefix="ats-re-"))
    embedded.start(folder / "pg", durable=False)
    yield folder
    embedded.stop(folder / "pg", mode="immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """A sandbox and a database on that server."""
    url = embedded.create_database(embedded.start(folder / "pg"), "restarts")
    async with Stage.set_up(url, folder) as stage:
        yield stage


@pytest.fixture
async def bot(stage: Stage) -> AsyncIterator[BotProcess]:
    """One bot, ready."""
    bot = stage.bot()
    try:
        await bot.ready(within=60)
        yield bot
    finally:
        await bot.close()


async def get(bot: BotProcess, path: str) -> tuple[int, Any]:
    async with httpx.AsyncClient(base_url=bot.url, timeout=15.0, trust_env=False) as client:
        answer = await client.get(path)
        return answer.status_code, answer.json()


async def not_ready(bot: BotProcess) -> Any:
    status, body = await get(bot, "/readyz")
    return body if status == 503 else None


async def begun(stage: Stage) -> People:
    """One incident, with everything done about it."""
    people = People(stage, random.Random(1))  # noqa: S311 - no secret
    await trigger(stage, people)
    await settled(stage, within=30)
    return people


@pytest.mark.parametrize(("mode", "seconds"), [("fast", 0.0), ("immediate", 0.0), ("fast", 5.0)])
async def test_a_restart_of_postgresql_loses_nothing(
    stage: Stage, bot: BotProcess, folder: Path, mode: str, seconds: float
) -> None:
    """Webhooks meanwhile are answered 503 and come again; cards, reminders and clicks go on by themselves."""
    people = await begun(stage)
    await asyncio.to_thread(embedded.stop, folder / "pg", mode=mode)
    await trigger(stage, people)  # its webhook finds no database
    if seconds:
        refused = await eventually(lambda: statuses(stage, people.cases[-1]), within=30)
        assert refused[0] == 503
        parts = (await eventually(lambda: not_ready(bot), within=30))["parts"]
        assert "does not answer" in parts["database"]
        assert (await get(bot, "/healthz"))[0] == 200  # alive: a restart of the bot would mend nothing
        await asyncio.sleep(seconds)
    await asyncio.to_thread(embedded.start, folder / "pg")
    await stage.advance(timedelta(minutes=16))  # the second rung falls due
    await bot.ready(within=60)
    await settled(stage, within=90)
    card = stage.card_of(people.cases[0].incident)
    assert card is not None
    press = stage.slack.press(DANA, OPS, card["ts"], "incident_ack")
    assert (await press).ok
    await eventually(lambda: people.cases[0].status == "acknowledged", within=30)
    await settled(stage, within=60)
    assert not await problems(stage, people)
    assert bot.running


@pytest.mark.parametrize(("mode", "seconds"), [("immediate", 0.0), ("fast", 5.0), ("fast", 45.0)])
async def test_rungs_that_fall_due_while_postgresql_is_away_are_asked_once_after_it(
    stage: Stage, bot: BotProcess, folder: Path, mode: str, seconds: float
) -> None:
    """Of two ladders a rung falls due meanwhile: each once, in the thread and in person; its lateness is known."""
    people = await begun(stage)
    await stage.advance(timedelta(minutes=45))
    await trigger(stage, people)
    await settled(stage, within=30)
    dues = [people.cases[0].incident.created_at + HOUR, people.cases[1].incident.created_at + QUARTER]
    await stage.advance(min(dues) - stage.sandbox.clock.now() - timedelta(seconds=6))
    # The ticker must have seen that the clock was moved: over that stretch nobody counts as late.
    await eventually(lambda: stage.sandbox.clock.now() > min(dues) - timedelta(seconds=1))
    await asyncio.to_thread(embedded.stop, folder / "pg", mode=mode)
    await eventually(lambda: stage.sandbox.clock.now() > max(dues), within=60)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(embedded.start, folder / "pg")
    await bot.ready(within=60)
    await eventually(lambda: len(rungs(stage)) == 5, within=60)
    await settled(stage, within=60)
    assert not await problems(stage, people)
    assert sorted(rungs(stage)) == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    late = [rungs(stage)[1, 2], rungs(stage)[2, 1]]
    assert min(late) >= seconds
    for case, by in zip(people.cases, late, strict=True):
        card = stage.card_of(case.incident)
        assert card is not None
        assert ("late" in words(stage.thread(card)[-1]["blocks"])) == (by >= LATE.total_seconds())
    assert bot.running


def rungs(stage: Stage) -> dict[tuple[int, int], float]:
    """How late each rung was, in seconds, by incident and level; a rung that was asked twice fails."""
    query = (
        "select i.number, (t.data->>'level')::int, (t.data->>'late_seconds')::float from timeline t"
        " join incident i on i.id = t.incident_id where t.kind = 'reminder'"
    )
    found = stage.rows(query)
    assert len({row[:2] for row in found}) == len(found), found
    return {(number, level): late for number, level, late in found}


async def trigger(stage: Stage, people: People) -> None:
    shape = await stage.pagerduty.trigger(f"PM2 High Restart Rate ({len(people.cases)})")
    people.cases.append(Case(stage.pagerduty.incident(shape["id"]), "open", DANA))


def statuses(stage: Stage, case: Case) -> list[int | None]:
    """What the attempts at an incident's first webhook were answered."""
    return [a.status for d in stage.pagerduty.deliveries if d.order_key == case.incident.id for a in d.attempts]


async def test_a_click_while_the_database_is_away_is_not_taken(
    stage: Stage, bot: BotProcess, folder: Path
) -> None:
    """Nothing can be kept then, so the click is not acknowledged, and the person is told so."""
    people = await begun(stage)
    card = stage.card_of(people.cases[0].incident)
    assert card is not None
    await asyncio.to_thread(embedded.stop, folder / "pg", mode="fast")
    outcome = await stage.slack.press(DANA, OPS, card["ts"], "incident_ack")
    assert not outcome.ok
    told = [m for m in stage.slack.messages(OPS, user=DANA) if m.get("is_ephemeral")]
    assert "not kept" in str(told[-1])
    await asyncio.to_thread(embedded.start, folder / "pg")
    await bot.ready(within=60)
    await settled(stage, within=60)
    assert people.cases[0].status == "triggered"
