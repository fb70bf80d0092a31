"""kill -9 of either of two replicas, at random, during many remediations: none runs twice, none is left unsaid."""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import load_rules
from bot.config import Settings
from bot.operations import runs
from bot.operations.runs import Ask
from bot.store import embedded
from bot.store.migrate import migrate
from tests.chaos.process import BotProcess, free_port
from tests.chaos.stage import Stage, words
from tests.rig import DANA, OPS, eventually
from tests.system.remediation.own import write

pytestmark = pytest.mark.slow

RUNS = int(os.environ.get("ATS_TEST_RUNS", "24"))  # 300 for the long form
KILLS = int(os.environ.get("ATS_TEST_RUN_KILLS", "5"))
SEED = int(os.environ.get("ATS_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
OVER = ("succeeded", "failed", "ran_not_verified", "unknown", "expired", "denied", "voided", "cancelled")
SCRIPT = '#!/bin/sh\n[ "$1" = restart ] || exit 0\nprintf "%s\\n" "$2" >> word.log\nsleep 0.3\n'


@pytest.fixture
async def stage(postgres: embedded.EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    """A sandbox whose Docker writes down what it was told, and a database that nobody else uses."""
    url = embedded.create_database(postgres, "remediation_chaos")
    await asyncio.to_thread(migrate, url)
    async with Stage.set_up(url, tmp_path) as stage:
        (tmp_path / "platform" / "bin" / "docker").write_text(SCRIPT, "utf-8")
        yield stage


async def test_killed_replicas_run_nothing_twice_and_leave_nothing_unsaid(stage: Stage, tmp_path: Path) -> None:
    """Every wish ends as done, failed or unknown, with a message; what really ran, ran once."""
    dice = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    sys.stdout.write(f"seed {SEED}, {RUNS} runs, {KILLS} kills\n")
    book = str(write(tmp_path))
    rules = load_rules(Settings(runbook=Path(book)))
    ports = {"one": free_port(), "two": free_port()}
    bots: dict[str, BotProcess] = {}

    def begin(name: str) -> None:
        bots[name] = stage.bot(port=ports[name], name=name, ATS_RUNBOOK=book)

    try:
        for name in ports:
            begin(name)
        for bot in bots.values():
            await bot.ready(within=90)
        wishing = asyncio.create_task(_wish(stage, rules, dice))
        for _ in range(KILLS):
            await asyncio.sleep(dice.uniform(0.5, 4.0))
            name = dice.choice(sorted(bots))
            await bots[name].kill()
            begin(name)
        await wishing
        await eventually(lambda: not _open(stage), within=60 + 40 * KILLS + 2 * RUNS)
        await _check(stage, tmp_path)
    finally:
        for bot in bots.values():
            await bot.close()


async def _wish(stage: Stage, rules: object, dice: random.Random) -> None:
    for number in range(RUNS):
        ask = Ask("own.word", DANA, f"chaos-{number}", parameters={"WORD": f"word-{number}"})
        async with stage.store.transaction() as tx:
            await runs.submit(tx, rules, ask)  # type: ignore[arg-type]
        await asyncio.sleep(dice.uniform(0.0, 0.5))


def _open(stage: Stage) -> list[tuple[int, str]]:
    return [(r, s) for r, s in stage.rows("select id, state from run") if s not in OVER]


async def _check(stage: Stage, folder: Path) -> None:
    ended = stage.rows("select id, parameters->>'WORD', state from run")
    assert len(ended) == RUNS
    log = folder / "platform" / "host" / "word.log"
    times = Counter(log.read_text().split())
    assert not [word for word, count in times.items() if count > 1]
    for _, word, state in ended:
        assert state != "succeeded" or times[word] == 1
        assert state not in {"expired", "denied", "voided"} or times[word] == 0

    def unsaid() -> list[int]:
        shown = words(stage.slack.messages(OPS))
        return [
            run_id for run_id, _, _ in ended if f"run {run_id} ·" not in shown and f'run {run_id}"' not in shown
        ]

    try:
        await eventually(lambda: not unsaid(), within=60 + RUNS / 3)
    except AssertionError:
        waiting = stage.rows(
            "select kind, ref, wanted, sent, attempts, failed, ts from message where wanted > sent or failed <> ''"
        )
        said = stage.rows(
            "select id, state, reason, worker, digest <> '' from run where id = any(%s)", unsaid()
        )
        posts = stage.rows(
            "select ref, wanted, sent, ts from message where ref = any(%s)", list(map(str, unsaid()))
        )
        raise AssertionError(f"unsaid: {said}; their posts: {posts}; waiting: {waiting[:20]}") from None
    assert "Running:" not in words(stage.slack.messages(OPS)) or await eventually(
        lambda: "Running:*" not in words(stage.slack.messages(OPS)), within=60
    )
