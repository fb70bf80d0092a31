"""The ladder under workers that are killed: three of them, one kill -9 every 20 seconds.

`make soak` runs it for five minutes; here it is a minute, unless ATS_SOAK_SECONDS says otherwise.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bench.line import spread
from bot.operations import timeline
from bot.store import embedded
from tests.chaos.climbers import Verdict, climb, judge
from tests.chaos.nursery import Nursery
from tests.chaos.oracle import settled
from tests.chaos.process import BotProcess, free_port
from tests.chaos.stage import Stage

pytestmark = pytest.mark.slow

SECONDS = int(os.environ.get("ATS_SOAK_SECONDS", "60"))
A_SECOND = float(os.environ.get("ATS_SOAK_RATE", "2"))  # rungs that fall due
WORKERS = 3
EVERY = 20.0  # seconds between two kills
LATEST = 60.0  # seconds that the killed one's work may be late
LEAD = timedelta(seconds=5)


@pytest.fixture
async def stage(postgres: embedded.EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    """A sandbox, and a database that nobody else uses."""
    async with Stage.alone(postgres, "soak", tmp_path) as stage:
        yield stage


class Workers:
    """Three processes of the same bot, each replaced as soon as it is killed."""

    def __init__(self, stage: Stage, nursery: Nursery) -> None:
        self._stage, self._nursery = stage, nursery
        self.running = [self._start(n) for n in range(WORKERS)]
        self.kills = 0

    def _start(self, number: int) -> BotProcess:
        name = f"worker{number}"
        return self._stage.forked(self._nursery, port=free_port(), role="worker", name=name)

    async def kill_one_by_one(self, until: float) -> None:
        """One every 20 seconds, in turn, whatever it is doing."""
        while time.monotonic() + EVERY < until:
            await asyncio.sleep(EVERY)
            number = self.kills % WORKERS
            assert self.running[number].running, self.running[number].said()
            await self.running[number].kill()
            self.running[number] = await asyncio.to_thread(self._start, number)
            self.kills += 1

    async def close(self) -> None:
        for bot in self.running:
            await bot.close()


async def test_killed_workers_lose_no_reminder_and_send_none_twice(stage: Stage) -> None:
    """Three workers, one killed every 20 s: each rung once, none early, and none more than a minute late."""
    nursery, count = Nursery(), int(SECONDS * A_SECOND)
    workers = Workers(stage, nursery)
    try:
        climbers = await climb(stage, count, lead=LEAD, within=timedelta(seconds=SECONDS))
        await workers.kill_one_by_one(time.monotonic() + LEAD.total_seconds() + SECONDS)
        await asyncio.sleep(max(0.0, climbers[-1].due.timestamp() - time.time()))
        await settled(stage, within=120, webhooks=False)
    finally:
        await workers.close()
        nursery.close()
    verdict = await asyncio.to_thread(judge, stage, climbers)
    _say(count, workers.kills, verdict)
    assert workers.kills >= SECONDS // EVERY - 1
    assert not verdict.wrong
    assert max(verdict.written) <= LATEST
    async with stage.store.transaction() as tx:
        assert await timeline.verify(tx) == []


def _say(count: int, kills: int, verdict: Verdict) -> None:
    """The figure, as the benches print theirs."""
    line = {
        "name": "soak.lateness", "n": count, "kills": kills, "workers": WORKERS, "wrong": len(verdict.wrong),
        "written": spread(verdict.written or [0.0]), "in_slack": spread(verdict.in_slack or [0.0]),
        "target": {"wrong": 0, "max_ms": LATEST * 1000}, "loadavg_1m": round(os.getloadavg()[0], 2),
    }  # fmt: skip
    sys.stdout.write(json.dumps(line) + "\n")
