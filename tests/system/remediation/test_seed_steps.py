"""Every step of the seed that changes something, run from Slack on the sandbox's platform, with its real effect."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from runbook.model import Risk
from sandbox.platform import troubles
from sandbox.platform.state import PlatformState
from tests.rig import CHRIS, DANA, OPS, SAM, Rig, eventually
from tests.system.remediation.acting import (
    ask,
    calls,
    confirm,
    every,
    message,
    press,
    reaches,
    request,
    run_of,
)

PM2_RESTART = ("pm2", "restart", "ecosystem.config.cjs", "--update-env")


def nothing(_state: PlatformState) -> None:
    """The platform is well."""


def block_one(state: PlatformState) -> None:
    troubles.exhaust_rate_gate(state)


PLAIN: list[tuple[str, str, tuple[str, ...], Callable[[PlatformState], None]]] = [
    ("pm2.restart", "pm2", PM2_RESTART, troubles.crash_loop),
    ("postgres.app-restart", "pm2", PM2_RESTART, nothing),
    ("memory.restart", "pm2", PM2_RESTART, nothing),
    ("keys.restart", "pm2", PM2_RESTART, nothing),
    ("pm2.reload", "pm2", ("pm2", "reload", "ecosystem.config.cjs"), nothing),
    ("backup.postgres", "backup", ("backup-postgres.sh",), nothing),
    ("backup.redis", "backup", ("backup-redis.sh",), nothing),
]


async def approve(rig: Rig, step_id: str, by: str = SAM) -> None:
    """The second person agrees."""
    await press(rig, by, await message(rig, "Approval needed", step_id), "run_approve")


@pytest.mark.parametrize(("step_id", "system", "command", "trouble"), PLAIN, ids=[row[0] for row in PLAIN])
async def test_a_step_is_confirmed_run_once_and_verified(
    trading: Rig, step_id: str, system: str, command: tuple[str, ...], trouble: Callable[[PlatformState], None]
) -> None:
    """A responder confirms what the window shows; it runs once; done is said only when it was verified."""
    trouble(trading.sandbox.platform.state)
    view = await ask(trading, DANA, step_id)
    step = trading.bot.rules.plan.step(step_id)
    assert step is not None
    for part in (
        "On:",
        "Risk:",
        "Guard:",
        "Verified afterwards",
        "If it goes wrong",
        *(c.partition(": ")[2] for c in step.cautions),
    ):
        assert part[:40] in str(view["blocks"]), part
    assert (await confirm(trading, DANA, view)).ok
    run = await reaches(trading, step_id, "succeeded")
    assert [c.what for c in calls(trading, system)].count(command) == 1
    assert run.requester["name"] == "Dana Ortiz"
    assert run.exit == 0
    await message(trading, "Done and verified", step_id)


async def test_pm2_restart_has_a_scrubbed_environment(trading: Rig) -> None:
    """None of the bot's secrets reaches the applications that are restarted."""
    await request(trading, DANA, "pm2.restart")
    await reaches(trading, "pm2.restart", "succeeded")
    done = next(c for c in calls(trading, "pm2") if c.what == PM2_RESTART)
    assert not [name for name in done.environment if name.startswith(("SLACK_", "PAGERDUTY_", "ATS_"))]


@pytest.mark.parametrize("step_id", ["rate-gate.reset-alphavantage", "limits.reset-alphavantage"])
async def test_one_providers_quota_is_reset_only_while_it_blocks(trading: Rig, step_id: str) -> None:
    """The guard really reads the rate gate: refused while all is well, run with an approval when it blocks."""
    view = await ask(trading, DANA, step_id)
    assert "does not hold" in str(view["blocks"])
    assert not view.get("submit")
    troubles.exhaust_rate_gate(trading.sandbox.platform.state)
    await request(trading, DANA, step_id)
    await approve(trading, step_id)
    await reaches(trading, step_id, "succeeded")
    assert [c.what for c in calls(trading, "rate-gate")] == [("POST", "/reset/alphavantage")]


async def test_loki_is_restarted_and_waited_for_until_it_is_ready(trading: Rig) -> None:
    """It answers 503 for a while after its restart; the verification tries again."""
    troubles.lag_loki(trading.sandbox.platform.state)
    await request(trading, DANA, "loki.restart")
    await eventually(
        lambda: ("docker", "restart", "loki") in [c.what for c in calls(trading, "docker")], within=20
    )
    await trading.advance(minutes=1)
    await reaches(trading, "loki.restart", "succeeded")


async def test_the_pm2_configuration_is_kept_restored_and_brought_back(trading: Rig) -> None:
    """Backup, restore with an approval, and the way back: the copy that was kept is what is there again."""
    host = trading.sandbox.platform._programs.host  # type: ignore[union-attr]
    file, copy = host / "ecosystem.config.cjs", host / "ecosystem.config.backup.cjs"
    now = file.read_text()
    view = await ask(trading, DANA, "pm2.config-restore")
    assert "does not hold" in str(view["blocks"])  # without a copy there would be no way back
    await request(trading, DANA, "pm2.config-backup")
    await reaches(trading, "pm2.config-backup", "succeeded")
    assert copy.read_text() == now
    await request(trading, DANA, "pm2.config-restore")
    await approve(trading, "pm2.config-restore")
    await reaches(trading, "pm2.config-restore", "succeeded")
    assert "384M" in file.read_text()
    done = await message(trading, "Done and verified", "pm2.config-restore", "Undo")
    assert (await press(trading, DANA, done, "run_open")).ok
    view = await eventually(lambda: _asks(trading, DANA))
    assert (await confirm(trading, DANA, view)).ok
    await approve(trading, "pm2.config-undo", CHRIS)
    undone = await reaches(trading, "pm2.config-undo", "succeeded")
    assert file.read_text() == copy.read_text() == now
    assert undone.undo_of == (await run_of(trading, "pm2.config-restore")).id


async def _asks(rig: Rig, user: str) -> dict[str, Any] | None:
    view = await rig.modal(user)
    return view if view.get("submit") else None


async def test_helm_rollback_offers_the_revisions_of_its_history_and_goes_back(trading: Rig) -> None:
    """The menu is filled from the live history; after the rollback, Undo goes to the revision of before."""
    state = trading.sandbox.platform.state
    before = next(r.number for r in state.revisions if r.status == "deployed")
    outcome = await trading.slack.command(DANA, OPS, "run ats.rollback")
    assert outcome.ok
    view = await eventually(lambda: _asks(trading, DANA), within=20)
    options = [o["value"] for o in view["blocks"][-1]["element"]["options"]]
    assert set(options) == {str(r.number) for r in state.revisions}
    wanted = next(value for value in options if value != str(before))
    assert (await confirm(trading, DANA, view, param_REVISION={"value": wanted})).ok
    view = await eventually(lambda: _shows(trading, DANA, f"helm rollback ats {wanted}"), within=20)
    assert (await confirm(trading, DANA, view)).ok
    await approve(trading, "ats.rollback")
    run = await reaches(trading, "ats.rollback", "succeeded")
    assert run.parameters == {"REVISION": wanted}
    assert any(c.what[:4] == ("helm", "rollback", "ats", wanted) for c in calls(trading, "helm"))
    done = await message(trading, "ats.rollback", f"back to {before}")
    assert (await press(trading, DANA, done, "run_open")).ok
    view = await eventually(lambda: _shows(trading, DANA, f"helm rollback ats {before}"), within=20)
    assert (await confirm(trading, DANA, view)).ok
    await eventually(lambda: _newest(trading, "ats.rollback", "awaiting"), within=20)
    await approve(trading, "ats.rollback", CHRIS)
    await eventually(lambda: _newest(trading, "ats.rollback", "succeeded"), within=30)
    undone = await run_of(trading, "ats.rollback")
    assert (undone.undo_of, undone.parameters) == (run.id, {"REVISION": str(before)})
    assert any(c.what[:4] == ("helm", "rollback", "ats", str(before)) for c in calls(trading, "helm"))


async def _newest(rig: Rig, step_id: str, state: str) -> bool:
    return (await run_of(rig, step_id)).state == state


async def _shows(rig: Rig, user: str, text: str) -> dict[str, Any] | None:
    view = await rig.modal(user)
    return view if text in str(view["blocks"]) and view.get("submit") else None


async def test_helm_test_runs_the_charts_own_probes(trading: Rig) -> None:
    """It starts test pods, so it is confirmed; nothing verifies it but its exit status, and that is said."""
    await request(trading, DANA, "ats.test")
    run = await reaches(trading, "ats.test", "succeeded", "ran_not_verified")
    assert run.exit == 0


def setting(url: str, name: str) -> tuple[str, bool]:
    """(value, whether it waits for a restart) of a setting of the trading platform's PostgreSQL."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT setting, pending_restart FROM pg_settings WHERE name = %s", [name]
        ).fetchone()
    assert row is not None
    return str(row[0]), bool(row[1])


async def test_slow_statements_are_logged_for_a_while_and_taken_back(trading: Rig, trading_url: str) -> None:
    """A temporary change is asked about after an hour, and again, until somebody presses Undo."""
    await request(trading, DANA, "postgres.log-slow")
    await reaches(trading, "postgres.log-slow", "succeeded")
    assert setting(trading_url, "log_min_duration_statement") == ("1000", False)
    await trading.advance(hours=1)
    reminder = await message(trading, "meant to be temporary", DANA)
    assert (await press(trading, SAM, reminder, "run_open")).ok  # anybody who may run the way back
    view = await eventually(lambda: _asks(trading, SAM), within=20)
    assert (await confirm(trading, SAM, view)).ok
    await reaches(trading, "postgres.log-slow-off", "succeeded")
    assert setting(trading_url, "log_min_duration_statement") == ("-1", False)
    count = len([m for m in every(trading) if "meant to be temporary" in str(m["blocks"])])
    await trading.advance(hours=30)
    await eventually(lambda: _no_revert_due(trading))
    assert len([m for m in every(trading) if "meant to be temporary" in str(m["blocks"])]) == count


async def _no_revert_due(rig: Rig) -> bool:
    return (await run_of(rig, "postgres.log-slow")).revert_due_at is None


async def test_max_connections_says_that_a_restart_is_needed_and_shows_it_pending(
    trading: Rig, trading_url: str
) -> None:
    """The caution says it before, and the look afterwards shows it: the value is not in force yet."""
    view = await ask(trading, DANA, "postgres.max-connections")
    assert "after a restart" in str(view["blocks"])
    assert (await confirm(trading, DANA, view)).ok
    await approve(trading, "postgres.max-connections")
    await reaches(trading, "postgres.max-connections", "succeeded")
    done = await message(trading, "Done and verified", "postgres.max-connections", "Undo")
    await request(trading, DANA, "postgres.reload-conf")
    await reaches(trading, "postgres.reload-conf", "succeeded")
    await eventually(lambda: setting(trading_url, "max_connections")[1])
    assert (await press(trading, DANA, done, "run_open")).ok
    view = await eventually(lambda: _asks(trading, DANA), within=20)
    assert (await confirm(trading, DANA, view)).ok
    await approve(trading, "postgres.max-connections-off", CHRIS)
    await reaches(trading, "postgres.max-connections-off", "succeeded")


async def test_the_statistics_are_kept_as_evidence_before_they_are_reset(
    trading: Rig, trading_url: str
) -> None:
    """What the reset destroys stands in the timeline first; the window shows it too."""
    view = await ask(trading, DANA, "postgres.statistics-reset")
    assert "the_slow_one" in str(view["blocks"])
    assert (await confirm(trading, DANA, view)).ok
    await approve(trading, "postgres.statistics-reset")
    await reaches(trading, "postgres.statistics-reset", "succeeded")
    with psycopg.connect(trading_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept_statements").fetchone() == (0,)
    with psycopg.connect(trading.bot.store.url) as connection:
        found = connection.execute(
            "SELECT data->>'evidence' FROM timeline WHERE kind = 'run_evidence'"
        ).fetchall()
    assert "the_slow_one" in str(found)


@pytest.mark.parametrize(
    ("step_id", "path", "stopped"),
    [
        ("trading.disable", "/api/trading/disable", {"enabled": False}),
        ("trading.emergency-stop", "/api/trading/emergency-stop", {"enabled": False, "emergency_stop": True}),
        ("data-corruption.stop", "/api/trading/emergency-stop", {"enabled": False, "emergency_stop": True}),
    ],
)
async def test_trading_is_stopped_at_one_click_and_loudly(
    trading: Rig, step_id: str, path: str, stopped: dict[str, bool]
) -> None:
    """No window, no second person: done, confirmed by the API's own state, and said in the channel itself."""
    assert (await trading.slack.command(DANA, OPS, f"run {step_id}")).ok
    await reaches(trading, step_id, "succeeded")
    assert [c.what for c in calls(trading, "api")].count(("POST", path)) == 1
    state = trading.sandbox.platform.state.trading
    assert {name: getattr(state, name) for name in stopped} == stopped
    await eventually(lambda: [m for m in trading.messages() if "📣 ✅" in str(m["blocks"])])
    assert len([m for m in trading.messages() if "📣" in str(m["blocks"])]) == 1


async def test_a_backup_is_downloaded_for_a_recovery(trading: Rig) -> None:
    """The choices are the objects that are there now; nothing verifies the download, and that is said."""
    assert (await trading.slack.command(DANA, OPS, "run recovery.download")).ok
    view = await eventually(lambda: _asks(trading, DANA), within=20)
    newest = max(trading.sandbox.platform.state.backups[0].objects, key=lambda o: o.modified)
    name = newest.key.removeprefix("postgres/")
    options = [o["value"] for o in view["blocks"][-1]["element"]["options"]]
    assert name in options
    assert (await confirm(trading, DANA, view, param_backup_file={"value": name})).ok
    view = await eventually(lambda: _shows(trading, DANA, f"{name} /tmp/"), within=20)
    assert (await confirm(trading, DANA, view)).ok
    run = await reaches(trading, "recovery.download", "ran_not_verified")
    assert f"download: s3://ai-trading-backups/{newest.key} to /tmp/{name}" in str(run.output)


async def test_no_step_of_the_runbook_that_changes_something_is_left_out(trading: Rig) -> None:
    """A new unlocked step needs a test here."""
    tested = {row[0] for row in PLAIN} | {
        "rate-gate.reset", "rate-gate.reset-alphavantage", "limits.reset-alphavantage", "loki.restart",
        "pm2.config-backup", "pm2.config-restore", "pm2.config-undo", "ats.rollback", "ats.test",
        "postgres.terminate-idle", "postgres.max-connections", "postgres.max-connections-off",
        "postgres.reload-conf", "postgres.log-slow", "postgres.log-slow-off", "postgres.statistics-reset",
        "trading.disable", "trading.emergency-stop", "data-corruption.stop", "recovery.download",
    }  # fmt: skip
    plan = trading.bot.rules.plan
    assert {s.id for e in plan.entries for s in e.steps if s.unlocked and s.risk is not Risk.READ} == tested
