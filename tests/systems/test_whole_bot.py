"""`/ats health` and `/ats diag` in Slack, with the real systems under the bot's care (S31).

PM2, PostgreSQL, Redis, Docker with Compose and S3 are real; the trading API, the rate gate, Loki and Grafana, which no
package has, are the sandbox's.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig import DANA, OPS, Rig, eventually
from tests.systems.conftest import RedisOf
from tests.systems.daemon import PROGRAMS
from tests.systems.servers.docker import Docker
from tests.systems.servers.pm2 import CRASHING, Pm2
from tests.systems.servers.postgres import APP_PASSWORD, Postgres
from tests.systems.servers.s3 import S3
from tests.systems.servers.s3 import SECRET as S3_SECRET

REDIS_PASSWORD = "redis-s3cret-word"


FOUND = ("signal-worker errored", "connections exhausted", "worker exited", "Backup postgres")


@pytest.fixture
async def rig(
    database_url: str, tmp_path: Path, pm2: Pm2, trading: Postgres, redis_of: RedisOf, docker: Docker, s3: S3
) -> AsyncIterator[Rig]:
    """Each system has something wrong with it, but Redis."""
    pm2.start("trading-api")
    pm2.start("signal-worker", CRASHING, max_restarts=2, restart_delay=0, env={"API_KEY": "sk-live-0123456789"})
    pm2.wait_for("signal-worker", "errored")
    services = {"db": {"command": ["sleep", "600"]}, "worker": {"command": ["sh", "-c", "exit 3"]}}
    docker.compose(pm2.folder, services, "up", "-d")
    s3.put("postgres/old", 1000, hours_ago=80)
    s3.put("redis/new", 1000)
    settings: dict[str, Any] = {
        "ATS_TARGET__ENV": json.dumps(pm2.own | docker.environment | s3.environment),
        "ATS_TARGET__PATH": PROGRAMS,
        "ATS_TARGET__CWD": str(pm2.folder),
        "ATS_TARGET__DATABASE_URL": trading.url(),
        "ATS_TARGET__REDIS_URL": redis_of(password=REDIS_PASSWORD).url,
    }
    async with Rig.running(database_url, tmp_path, **settings) as rig:
        yield rig


def everything(rig: Rig) -> str:
    """All that the bot has posted, threads included."""
    top = rig.messages()
    replies = [m for each in top for m in rig.messages(thread_ts=each["ts"])]
    return json.dumps([*top, *replies], ensure_ascii=False, default=str)


async def shown(rig: Rig, command: str, *containing: str) -> str:
    """The finished answer in the channel that has these words; asked again while the machine is too busy for that."""
    text = ""
    for _ in range(6):
        before = {m["ts"] for m in rig.messages()}
        assert (await rig.slack.command(DANA, OPS, command)).ok
        text = str(await eventually(lambda: _finished(rig, before), within=60))  # noqa: B023 - awaited here
        if all(word in text for word in containing):
            return text
    raise AssertionError(f"{containing} not in: {text}")


def _finished(rig: Rig, before: set[str]) -> str:
    """A new message that waits for nothing more."""
    texts = [json.dumps(m["blocks"], ensure_ascii=False) for m in rig.messages() if m["ts"] not in before]
    return next((t for t in texts if "Still waiting" not in t), "")


async def test_health_names_what_is_wrong_with_each_real_system(rig: Rig, trading: Postgres) -> None:
    """With the pool exhausted too: PM2, PostgreSQL, Docker and the backups by name, Redis fine, and no secret."""
    with trading.exhausted():
        text = await shown(rig, "health", *FOUND, "PONG")
    assert text.index("signal-worker errored") < text.index("PONG"), "critical first"
    posted = everything(rig)
    for secret in (APP_PASSWORD, REDIS_PASSWORD, S3_SECRET, "sk-live-0123456789"):
        assert secret not in posted


async def test_a_diagnosis_shows_the_error_log_of_the_failing_application(rig: Rig) -> None:
    """`/ats diag pm2`: the real log's last words are in the thread, the application's secret is not."""
    await shown(rig, "diag pm2 high restart rate", "signal-worker errored")
    await eventually(lambda: "exchange refused the order" in everything(rig), within=60)
    assert "sk-live-0123456789" not in everything(rig)
