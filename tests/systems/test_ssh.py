"""Steps and probes over a real OpenSSH server, as another user of this host (issue 4: targets)."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bot.domain.health import Status
from bot.errors import AtsError
from bot.targets.settings import SshSettings
from tests.rig import eventually
from tests.systems.conftest import RedisOf, TargetOf
from tests.systems.daemon import free_port
from tests.systems.health import line
from tests.systems.servers.pm2 import Pm2
from tests.systems.servers.postgres import Postgres
from tests.systems.servers.ssh import Ssh, keygen
from tests.systems.steps import output, run


def through(ssh: Ssh) -> SshSettings:
    return SshSettings(host="127.0.0.1", user=ssh.user, known_hosts=ssh.known_hosts, port=ssh.port, key=ssh.key)


async def test_a_program_runs_there_with_the_targets_environment_only(
    ssh: Ssh, target: TargetOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Working directory and variables are the target's; the bot's token does not cross the line."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-the-bot")
    reached = target(ssh=through(ssh), cwd=tmp_path, env={"NODE_ENV": "production"})
    answer = await reached.run(["env"])
    assert answer.exit == 0
    assert "NODE_ENV=production" in answer.stdout
    assert "xoxb-of-the-bot" not in answer.stdout
    assert (await reached.run(["pwd"])).stdout.strip() == str(tmp_path)


async def test_arguments_arrive_as_they_are(ssh: Ssh, target: TargetOf) -> None:
    """No shell on the far side takes them apart."""
    odd = ["a b", "$(id)", "*", "'", '"', "x;y", "ä\n"]
    answer = await target(ssh=through(ssh)).run(["printf", "%s|", *odd])
    assert answer.stdout == "|".join(odd) + "|"


async def test_a_program_that_takes_too_long_is_gone_over_there(ssh: Ssh, target: TargetOf) -> None:
    """Hazard 43: after the deadline the remote process and its child are really dead."""
    with pytest.raises(AtsError, match="timed out"):
        await target(ssh=through(ssh)).run(["sh", "-c", "sleep 4711 & exec sleep 4712"], deadline=2)
    await eventually(lambda: not _running("4711") and not _running("4712"), within=20)


async def test_a_dead_line_leaves_nothing_running_over_there(ssh: Ssh, target: TargetOf) -> None:
    """The connection is cut in mid-command: unreachable, and the remote process ends by itself."""
    reached = target(ssh=through(ssh))
    task = asyncio.create_task(reached.run(["sleep", "4713"], deadline=60))
    await eventually(lambda: _running("4713"), within=20)
    for session in ssh.daemon.process.children():
        session.kill()
    with pytest.raises(AtsError):
        await task
    await eventually(lambda: not _running("4713"), within=30)


def _running(seconds: str) -> bool:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cmdline()[:2] == ["sleep", seconds] and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


async def test_another_host_key_is_never_accepted(ssh: Ssh, target: TargetOf, tmp_path: Path) -> None:
    """A host that shows a key which is not the known one is not talked to."""
    keygen(tmp_path / "other")
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{ssh.port} {(tmp_path / 'other.pub').read_text()}")
    with pytest.raises(AtsError, match="shows a key"):
        await target(ssh=replace(through(ssh), known_hosts=known)).run(["true"])


async def test_a_key_that_is_not_let_in_is_no_permission(ssh: Ssh, target: TargetOf, tmp_path: Path) -> None:
    """A wrong key is told from a host that is down."""
    keygen(tmp_path / "other")
    with pytest.raises(AtsError, match="no permission"):
        await target(ssh=replace(through(ssh), key=tmp_path / "other")).run(["true"])


async def test_a_host_that_is_down_is_refused(ssh: Ssh, target: TargetOf) -> None:
    """Nothing listens: refused."""
    with pytest.raises(AtsError, match="refused"):
        await target(ssh=replace(through(ssh), port=free_port())).run(["true"])


async def test_pm2_postgres_and_redis_are_reached_through_the_line(
    ssh: Ssh, pm2: Pm2, trading: Postgres, redis_of: RedisOf, target: TargetOf
) -> None:
    """“localhost” of the runbook is the trading host: the programs run there, the connections go through."""
    pm2.start("trading-api")
    reached = target(
        ssh=through(ssh), env=pm2.own, cwd=pm2.folder, database_url=trading.url(), redis_url=redis_of().url
    )
    for name in ("pm2", "database", "redis"):
        found = await line(reached, name, deadline=30)
        assert found.status is Status.OK, found
    status = await run(reached, "pm2.status", deadline=30)
    assert "trading-api" in output(status)
    assert "SSH" in status.where
