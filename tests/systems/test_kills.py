"""kill -9 of one of two replicas while remediations run on a real PM2: none runs twice, none is lost (issue 5)."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from bot.store import embedded
from tests.chaos.nursery import Nursery
from tests.chaos.process import BotProcess, free_port
from tests.chaos.stage import Stage
from tests.rig import DANA, OPS, eventually
from tests.systems.daemon import PROGRAMS
from tests.systems.servers.pm2 import Pm2

ROUNDS = int(os.environ.get("ATS_TEST_RUNS", "6"))  # 300 for the long form
SEED = int(os.environ.get("ATS_TEST_SEED", "20261127"))
ENDED = ("succeeded", "failed", "ran_not_verified", "unknown")
_OPEN = "select count(*) from run where state in ('requested', 'awaiting', 'approved', 'running')"


class Replicas:
    """Two bots on one database, either of which may be killed."""

    def __init__(self, stage: Stage, target: dict[str, str], nursery: Nursery) -> None:
        self._stage, self._target, self._nursery = stage, target, nursery
        self._ports = (stage.port, free_port())
        self.bots = [self._start(0), self._start(1)]

    def _start(self, which: int) -> BotProcess:
        port, log = self._ports[which], self._stage.folder / f"bot-{which}.log"
        pid = self._nursery.start(self._stage.settings(port, **self._target), log, ["run"])
        return BotProcess(psutil.Process(pid), f"http://127.0.0.1:{port}", log)

    async def ready(self) -> None:
        for bot in self.bots:
            await bot.ready(within=90)

    async def kill(self, which: int) -> None:
        """SIGKILL; what it was doing counts as lost at once, as if nothing had been heard of it for a minute."""
        pid = self.bots[which].pid
        await self.bots[which].kill()
        self._stage.rows(
            "update run set beat_at = beat_at - interval '1 minute' where state = 'running' and worker like %s "
            "returning id", f"%:{pid}:%"
        )  # fmt: skip

    async def replace(self, which: int) -> None:
        """Another one in its place."""
        self.bots[which] = self._start(which)
        await self.ready()

    async def close(self) -> None:
        for bot in self.bots:
            await bot.close()


@pytest.fixture
async def stage(postgres: embedded.EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    """A sandbox, and a database that nobody else uses."""
    async with Stage.alone(postgres, "kills_on_pm2", tmp_path) as stage:
        yield stage


@pytest.fixture
async def replicas(stage: Stage, pm2: Pm2) -> AsyncIterator[Replicas]:
    """Both ready, with the real PM2 under their care."""
    pm2.app("trading-api")
    pm2.ecosystem({"name": "trading-api"})
    pm2.run("start", "ecosystem.config.cjs")
    target = {
        "ATS_TARGET__ENV": json.dumps(pm2.own),
        "ATS_TARGET__PATH": PROGRAMS,
        "ATS_TARGET__CWD": str(pm2.folder),
    }
    nursery = Nursery()
    pair = Replicas(stage, target, nursery)
    try:
        await pair.ready()
        yield pair
    finally:
        await pair.close()
        nursery.close()


def restarts(pm2: Pm2) -> int:
    return int(pm2.one("trading-api")["pm2_env"]["restart_time"])


async def test_no_kill_makes_a_restart_happen_twice(stage: Stage, replicas: Replicas, pm2: Pm2) -> None:
    """After each kill: one restart at most, exactly one if it is called done, and an outcome that everybody sees."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    for number in range(1, ROUNDS + 1):
        before = await asyncio.to_thread(restarts, pm2)
        await stage.asks(DANA, "pm2.restart")
        await asyncio.sleep(chance.uniform(0.0, 2.0))  # anywhere between the claim and the verification
        which = chance.randrange(2)
        await replicas.kill(which)
        state = await eventually(lambda: _ended(stage, number), within=120)  # noqa: B023 - awaited here
        happened = await asyncio.to_thread(restarts, pm2) - before
        assert happened <= 1, f"round {number}: {state}, restarted {happened} times"
        if state == "succeeded":
            assert happened == 1, f"round {number}: called done, and it was not restarted"
        await replicas.replace(which)
    assert stage.rows(_OPEN) == [(0,)]
    shown = [m for m in stage.slack.messages(OPS) if "pm2.restart" in str(m["blocks"])]
    assert len(shown) == ROUNDS


def _ended(stage: Stage, number: int) -> str:
    """The newest run's state, once there are so many and it has ended."""
    rows = stage.rows("select state from run order by id")
    last = str(rows[-1][0]) if len(rows) == number else ""
    return last if last in ENDED else ""
