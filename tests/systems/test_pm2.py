"""Health and hazards of a real PM2 (S13; hazards 12 to 16)."""

import os
from datetime import timedelta

import pytest

from bot.domain.health import Status
from tests.systems.conftest import TargetOf
from tests.systems.daemon import Place, until
from tests.systems.health import line, look, sampled
from tests.systems.servers.pm2 import CRASHING, Pm2, daemons_in

SECRET = "sk-live-0123456789abcdef"


async def test_applications_that_run_are_ok(pm2: Pm2, target: TargetOf) -> None:
    """Two applications online: one line that says so, and how many."""
    pm2.start("trading-api")
    pm2.start("signal-worker")
    found = await line(target(env=pm2.own), "pm2")
    assert found.status is Status.OK, found
    assert "2 of 2 online" in found.value


async def test_an_application_that_pm2_gave_up_on_is_critical(pm2: Pm2, target: TargetOf) -> None:
    """An application that crashes at once ends as errored: named, with its restarts and exit code."""
    pm2.start("trading-api")
    pm2.start("signal-worker", CRASHING, max_restarts=3, restart_delay=0)
    pm2.wait_for("signal-worker", "errored")
    found = await line(target(env=pm2.own), "pm2")
    assert found.status is Status.CRITICAL, found
    assert "signal-worker errored" in found.value
    assert "exit code 3" in found.value
    assert "1 of 2 online" in found.value


async def test_a_stopped_application_is_no_success_though_pm2_exits_0(pm2: Pm2, target: TargetOf) -> None:
    """Hazard 15: `pm2 status` exits 0 with a stopped application; the probe warns and names it."""
    pm2.start("trading-api")
    pm2.run("stop", "trading-api")
    assert pm2.run("status", "--no-color").returncode == 0
    found = await line(target(env=pm2.own), "pm2")
    assert found.status is Status.WARNING, found
    assert "trading-api stopped" in found.value


async def test_an_application_between_two_tries_is_seen(pm2: Pm2, target: TargetOf) -> None:
    """Hazard 15: one that PM2 lets wait is “waiting restart”, neither running nor given up."""
    pm2.start("signal-worker", CRASHING, restart_delay=600_000)
    pm2.wait_for("signal-worker", "waiting restart")
    found = await line(target(env=pm2.own), "pm2")
    assert found.status is not Status.OK, found
    assert "signal-worker waiting restart" in found.value


async def test_restart_counters_are_read_and_may_fall(pm2: Pm2, target: TargetOf) -> None:
    """Hazard 15: restarts are counted, and a counter that PM2 reset is no negative number of restarts."""
    pm2.start("trading-api")
    for _ in range(2):
        assert pm2.run("restart", "trading-api").returncode == 0
    reached = target(env=pm2.own)
    assert "2 restarts" in (await line(reached, "pm2")).value
    assert pm2.run("reset", "trading-api").returncode == 0
    after = await line(reached, "pm2")
    assert after.status is Status.OK, after
    assert "0 restarts" in after.value


async def test_the_wrong_pm2_home_is_no_empty_success_and_starts_no_daemon(
    pm2: Pm2, place: Place, target: TargetOf
) -> None:
    """Hazard 12: pm2 would start a daemon there and list nothing with exit 0; the probe says that none runs."""
    pm2.start("trading-api")
    other = place.make("other-home")
    reached = target(env={"PM2_HOME": str(other / "pm2"), "HOME": str(other), "CI": "1"})
    found = await line(reached, "pm2")
    assert found.status is not Status.OK, found
    assert "no PM2 daemon runs in" in found.value
    assert daemons_in(other) == []
    assert len(pm2.list()) == 1


async def test_a_daemon_without_applications_is_a_warning(pm2: Pm2, target: TargetOf) -> None:
    """Hazard 12: an empty list with exit 0 is not “all well”, and not to be restarted from."""
    assert pm2.list() == []
    found = await line(target(env=pm2.own), "pm2")
    assert found.status is Status.WARNING, found
    assert "no applications" in found.value
    assert "Do not restart" in found.hint


async def test_four_restarts_in_five_minutes_are_the_runbooks_alert(pm2: Pm2, target: TargetOf) -> None:
    """S06: the difference to what was counted two minutes ago, not the counter, is what alarms."""
    pm2.start("signal-worker")
    reached = target(env=pm2.own)
    before = await look(reached, "pm2")
    history = sampled(before, ago=timedelta(minutes=2))
    assert (await line(reached, "pm2", history=history)).status is Status.OK
    for _ in range(4):
        pm2.run("restart", "signal-worker")
    found = await line(reached, "pm2", history=history)
    assert found.status is Status.CRITICAL, found
    assert "signal-worker" in found.value
    after = sampled(await look(reached, "pm2", history=history), ago=timedelta(minutes=2))
    pm2.run("reset", "signal-worker")
    fallen = await line(reached, "pm2", history=after)
    assert fallen.status is Status.OK, "a counter that fell is no negative number of restarts"


def test_a_renamed_application_leaves_the_old_one_running(pm2: Pm2) -> None:
    """Hazard 13: after a rename, starting the configuration again runs both: the double spawn of the warning."""
    pm2.app("old")
    pm2.app("new")
    pm2.run("start", str(pm2.ecosystem({"name": "old"})))
    pm2.run("start", str(pm2.ecosystem({"name": "new"})))
    assert sorted(a["name"] for a in pm2.list()) == ["new", "old"]
    assert all(a["pm2_env"]["status"] == "online" for a in pm2.list())


async def test_the_applications_secrets_stay_in_their_environment(pm2: Pm2, target: TargetOf) -> None:
    """Hazard 15: `pm2 jlist` holds every secret; none is in what the probe keeps or shows."""
    pm2.start("trading-api", env={"EXCHANGE_API_KEY": SECRET})
    assert SECRET in pm2.run("jlist", "--silent").stdout
    found = await line(target(env=pm2.own), "pm2")
    assert "trading-api" not in found.hint
    assert SECRET not in repr(found)


async def test_the_bots_own_environment_never_reaches_an_application(
    pm2: Pm2, target: TargetOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard 14: `--update-env` hands the caller's environment on; run by the bot, that is a scrubbed one."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", SECRET)
    pm2.app("trading-api")
    pm2.ecosystem({"name": "trading-api"})
    pm2.run("start", "ecosystem.config.cjs")
    pm2.run("restart", "ecosystem.config.cjs", "--update-env", SLACK_BOT_TOKEN=SECRET)
    assert SECRET in pm2.run("jlist", "--silent").stdout, "the hazard itself"
    pm2.run("delete", "trading-api")
    pm2.run("start", "ecosystem.config.cjs")
    reached = target(env=pm2.own, cwd=pm2.folder)
    done = await reached.run(["pm2", "restart", "ecosystem.config.cjs", "--update-env"], deadline=30)
    assert done.exit == 0, done.stderr
    until(lambda: pm2.one("trading-api")["pm2_env"]["restart_time"] == 1, "restarted")
    assert SECRET not in pm2.run("jlist", "--silent").stdout


async def test_a_hanging_pm2_costs_its_deadline_only(pm2: Pm2, target: TargetOf) -> None:
    """A daemon that does not answer: “timed out”, and the program that waited for it is gone."""
    pm2.start("trading-api")
    pid = pm2.daemon_pid
    assert pid
    os.kill(pid, 19)
    try:
        found = await line(target(env=pm2.own), "pm2", deadline=3)
    finally:
        os.kill(pid, 18)
    assert found.status is Status.CRITICAL, found
    assert found.value == "timed out after 3 s"
