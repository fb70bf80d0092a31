"""The runbook's PM2 steps on a real PM2 (S13, S27; hazards 9, 12, 14 to 16)."""

import contextlib
import subprocess

import pytest

from bot.targets import Target
from bot.targets.steps import FillError, Outcome
from tests.systems.conftest import TargetOf
from tests.systems.daemon import Place, until
from tests.systems.servers.pm2 import CRASHING, Pm2, daemons_in
from tests.systems.steps import guard, output, run

SECRET = "sk-live-0123456789abcdef"
OURS = "xoxb-the-bots-own-token-0123456789"


@pytest.fixture
def reached(pm2: Pm2, target: TargetOf) -> Target:
    """The host where this PM2 runs."""
    return target(env=pm2.own, cwd=pm2.folder)


def git(pm2: Pm2, *argv: str) -> str:
    name = ("-c", "user.name=ats", "-c", "user.email=ats@ats.example")
    done = subprocess.run(["git", *name, *argv], cwd=pm2.folder, capture_output=True, text=True, check=True)
    return done.stdout


def deployed(pm2: Pm2, **second: object) -> None:
    """Two commits of ecosystem.config.cjs, the second with a mistake; what runs is the second."""
    pm2.app("trading-api")
    git(pm2, "init", "-q")
    for options in ({"args": "--good"}, second):
        pm2.ecosystem({"name": "trading-api"} | options)
        git(pm2, "add", "ecosystem.config.cjs")
        git(pm2, "commit", "-q", "-m", "configuration")
    pm2.run("start", "ecosystem.config.cjs")


async def test_the_status_is_a_table_without_secrets(pm2: Pm2, reached: Target) -> None:
    """Names and states come through, colours and environments do not."""
    pm2.start("trading-api", env={"EXCHANGE_API_KEY": SECRET})
    result = await run(reached, "pm2.status")
    assert result.ok, result
    assert "trading-api" in output(result)
    assert "online" in output(result)
    assert "\x1b" not in output(result)
    assert SECRET not in repr(result)


async def test_the_log_ends_and_has_the_error(pm2: Pm2, reached: Target) -> None:
    """Hazard 9: `pm2 logs` would never end; the step does, with the application's last words."""
    pm2.start("signal-worker", CRASHING, max_restarts=2, restart_delay=0)
    pm2.wait_for("signal-worker", "errored")
    result = await run(reached, "pm2.logs", deadline=20)
    assert result.ok, result
    assert "exchange refused the order" in output(result)


async def test_a_description_shows_what_is_wrong_and_no_secret(pm2: Pm2, reached: Target) -> None:
    """`pm2 describe` prints environment variables too; what looks like a secret is not shown."""
    pm2.start("trading-api", env={"EXCHANGE_API_KEY": SECRET, "NODE_ENV": "production"})
    result = await run(reached, "pm2.describe", process_name="trading-api")
    assert result.ok, result
    assert "online" in output(result)
    assert SECRET not in repr(result)


async def test_a_name_that_pm2_does_not_know_fails(pm2: Pm2, reached: Target) -> None:
    """No such application: failed, in PM2's words."""
    pm2.start("trading-api")
    result = await run(reached, "pm2.describe", process_name="trading-apy")
    assert result.outcome is Outcome.FAILED
    assert "doesn't exist" in output(result)


@pytest.mark.parametrize("name", ["all", "a; pm2 kill", "$(pm2 kill)", "--help", "x\npm2 kill"])
async def test_a_name_with_a_meaning_of_its_own_harms_nothing(pm2: Pm2, reached: Target, name: str) -> None:
    """Hazard 4: a parameter is one argument, or refused; the daemon and its applications are unharmed."""
    pm2.start("trading-api")
    daemon = pm2.daemon_pid
    with contextlib.suppress(FillError):
        await run(reached, "pm2.describe", process_name=name)
    assert pm2.daemon_pid == daemon
    assert pm2.one("trading-api")["pm2_env"]["status"] == "online"
    assert pm2.one("trading-api")["pm2_env"]["restart_time"] == 0


async def test_a_restart_restarts_once_and_brings_no_secret_of_ours(
    pm2: Pm2, reached: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard 14: `--update-env` from the bot hands on the target's environment only."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", OURS)
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", OURS)
    deployed(pm2, max_restarts=7)
    before = pm2.one("trading-api")["pid"]
    assert (await guard(reached, "pm2.restart")).holds
    result = await run(reached, "pm2.restart", deadline=60)
    assert result.ok, result
    after = pm2.one("trading-api")
    assert after["pm2_env"]["restart_time"] == 1
    assert after["pid"] != before
    assert OURS not in pm2.run("jlist", "--silent").stdout


async def test_the_guard_refuses_a_restart_where_nothing_runs(pm2: Pm2, place: Place, target: TargetOf) -> None:
    """Hazard 12: in the wrong PM2_HOME a restart would start a second copy of everything; the guard does not hold."""
    deployed(pm2, max_restarts=7)
    other = place.make("other-home")
    wrong = target(env={"PM2_HOME": str(other / "pm2"), "HOME": str(other), "CI": "1"}, cwd=pm2.folder)
    verdict = await guard(wrong, "pm2.restart")
    assert not verdict.holds, verdict
    assert len(pm2.list()) == 1
    for pid in daemons_in(other):
        pm2.end(pid)


async def test_the_configuration_comes_back_and_a_good_copy_is_never_overwritten(
    pm2: Pm2, reached: Target
) -> None:
    """Hazard 16, S27: backup, look, restore, reload; a second backup keeps the first under a number."""
    deployed(pm2, args="--mistake")
    broken = (pm2.folder / "ecosystem.config.cjs").read_text()
    assert not (await guard(reached, "pm2.config-restore")).holds, "no copy has been made yet"
    assert (await run(reached, "pm2.config-backup")).ok
    copy = pm2.folder / "ecosystem.config.backup.cjs"
    assert copy.read_text() == broken
    history = await run(reached, "pm2.config-history")
    assert "--mistake" in output(history)
    assert (await guard(reached, "pm2.config-restore")).holds
    assert (await run(reached, "pm2.config-restore")).ok
    assert "--mistake" not in (pm2.folder / "ecosystem.config.cjs").read_text()
    assert (await run(reached, "pm2.config-backup")).ok
    older = copy.with_name(copy.name + ".~1~")
    assert older.read_text() == broken, "the copy was overwritten by the second backup"
    assert (await run(reached, "pm2.reload", deadline=60)).ok
    until(lambda: pm2.one("trading-api")["pm2_env"]["status"] == "online", "it runs again")
    assert pm2.one("trading-api")["pm2_env"]["args"] == ["--good"]


async def test_a_reload_does_not_forget_what_the_configuration_no_longer_says(
    pm2: Pm2, reached: Target
) -> None:
    """Shown: PM2 merges. An environment variable that only the mistake had stays in the reloaded application."""
    deployed(pm2, args="--good", env={"MISTAKE": "1"})
    assert (await run(reached, "pm2.config-backup")).ok
    assert (await run(reached, "pm2.config-restore")).ok
    assert (await run(reached, "pm2.reload", deadline=60)).ok
    assert pm2.one("trading-api")["pm2_env"]["MISTAKE"] == "1"
