"""What goes wrong while something is changed, and what people are told then."""

import asyncio
import os
from pathlib import Path

import psycopg
import pytest

from bot.jobs import execute as executing
from bot.operations import execution, runs
from bot.operations.runs import Ask, RunPress
from tests.rig import DANA, OPS, SAM, Rig, eventually
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
    told,
)
from tests.system.remediation.own import host, ran

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def pid_of(rig: Rig, name: str) -> int:
    """The process of a script that has begun."""
    file = host(rig) / f"{name}.pid"
    await eventually(lambda: file.exists() and file.read_text().strip(), within=20)
    return int(file.read_text())


async def test_progress_is_shown_and_cancel_really_kills(own: Rig) -> None:
    """A long step tells how far it is in one message; Cancel kills the process and leaves the outcome to people."""
    await request(own, DANA, "own.slow")
    pid = await pid_of(own, "slow")
    running = await message(own, "Running", "part 2 of 12")
    assert (await press(own, SAM, running, "run_cancel")).ok
    run = await reaches(own, "own.slow", "unknown")
    assert "Stopped by Sam" in run.reason
    await eventually(lambda: not alive(pid))
    assert not (host(own) / "slow.done").exists()
    over = await message(own, "Outcome unknown", "own.slow")
    assert over["ts"] == running["ts"]
    for part in ("Check:", "Decides what follows", "does not repeat it"):
        assert part in str(over["blocks"]), part


async def test_who_stops_the_look_afterwards_is_told_that_it_ran(own: Rig) -> None:
    """While it is verified the message says so; Cancel then ends the look, and does not make the outcome unknown."""
    (host(own).parent / "bin" / "docker").write_text("#!/bin/sh\nexit 0\n", "utf-8")
    await request(own, DANA, "own.patient")
    running = await message(own, "Running", "Looking whether it did what it is for")
    assert (await press(own, SAM, running, "run_cancel")).ok
    run = await reaches(own, "own.patient", "ran_not_verified")
    assert run.reason == "It ran without an error. Stopped by Sam Reyes before it was verified."


async def test_a_step_that_does_not_end_is_an_unknown_outcome(own: Rig) -> None:
    """At its timeout it is killed; what it did is not known, and it is not run again."""
    await request(own, DANA, "own.hang")
    await reaches(own, "own.hang", "unknown")
    pid = await pid_of(own, "hang")
    await eventually(lambda: not alive(pid))
    await message(own, "Outcome unknown", "own.hang")


async def test_a_failure_shows_exit_status_and_output(own: Rig) -> None:
    """Failed is not unknown: it ended, and said why."""
    await request(own, DANA, "own.fail")
    run = await reaches(own, "own.fail", "failed")
    assert run.exit == 3
    await message(own, "Failed", "the disk is full", "exit 3")


async def test_an_emergency_stop_that_is_answered_200_and_does_not_stop_is_loud(own: Rig) -> None:
    """The API says yes and goes on trading: “ran, not verified”, in the channel, with who must decide."""
    own.sandbox.platform.faults.deaf("api")
    assert (await own.slack.command(DANA, OPS, "run own.stop")).ok
    run = await reaches(own, "own.stop", "ran_not_verified")
    assert run.exit == 200
    assert "emergency_stop" in run.reading
    loud = await message(own, "📣", "Do not rely on it")
    assert DANA in str(loud["blocks"])
    assert loud["ts"] in {m["ts"] for m in own.messages()}  # in the channel, not in a thread


async def test_what_protects_is_noted_on_the_pagerduty_incident(rig: Rig) -> None:
    """At one click from the incident's actions, and PagerDuty has it in the name of who clicked."""
    incident = await rig.pagerduty.trigger("Negative Sharpe Ratio with Drawdown")
    card = await rig.card("Negative Sharpe")
    await rig.slack.press(DANA, OPS, card["ts"], "incident_more", selected=f"actions:{(await first(rig))}")
    view = await eventually(lambda: _filled(rig))
    button = next(
        b["accessory"]
        for b in view["blocks"]
        if b.get("accessory", {}).get("value", "").startswith("trading.disable")
    )
    assert (await rig.slack.press_in_view(DANA, view["id"], button["action_id"])).ok
    await reaches(rig, "trading.disable", "succeeded")
    notes = await eventually(
        lambda: [c for c in rig.pagerduty.calls if c.method == "POST" and "/notes" in c.path]
    )
    assert incident["id"] in notes[0].path
    assert notes[0].headers["from"] == "dana.oncall@ats.example"


async def first(rig: Rig) -> int:
    """The number of the one incident."""
    with psycopg.connect(rig.bot.store.url) as connection:
        row = connection.execute("SELECT number FROM incident").fetchone()
    assert row is not None
    return int(row[0])


async def _filled(rig: Rig) -> "dict[str, object] | None":
    view = await rig.modal(DANA)
    return view if any("accessory" in b for b in view["blocks"]) else None


async def test_the_bot_is_gone_in_the_middle_and_nothing_is_repeated(own: Rig) -> None:
    """No sign of life for half a minute: unknown, said with what to check; a second look changes nothing."""
    await request(own, DANA, "own.word WORD=x")
    await reaches(own, "own.word", "succeeded")
    asked = await request(own, DANA, "own.danger")
    with psycopg.connect(
        own.bot.store.url, autocommit=True
    ) as connection:  # as after a kill -9 behind the claim
        connection.execute(
            "UPDATE run SET state = 'approved', approved_at = now() + interval '1 h' WHERE step_id = 'own.danger'"
        )
        connection.execute(
            "UPDATE run SET state = 'running', worker = 'dead:1', started_at = now(), "
            "beat_at = now() - interval '31 s' WHERE step_id = 'own.danger'"
        )
    run = await reaches(own, "own.danger", "unknown")
    assert "stopped in the middle" in run.reason
    await message(own, "Outcome unknown", "own.danger")
    await press(own, SAM, asked, "run_approve")
    await executing.execute(own.bot.work, run.id or 0)
    assert ran(own) == 0


async def test_a_click_whose_bot_died_behind_its_acknowledgement_is_carried_on_by_another(own: Rig) -> None:
    """What was kept is looked into ten seconds later, once: the wish, and the press of Approve."""
    wish = Ask("own.danger", DANA, "a click")
    async with own.bot.store.transaction() as tx:
        await runs.submit(tx, own.bot.rules, wish, here=True)  # and here it ends: nobody goes on with it
    assert (await run_of(own, "own.danger")).state == "requested"
    await own.advance(seconds=11)
    asked = await message(own, "Approval needed", "own.danger")
    run = await run_of(own, "own.danger")
    approve = RunPress("approve", run.id or 0, run.digest[:16], SAM, OPS, message_ts=asked["ts"])
    async with own.bot.store.transaction() as tx:
        await runs.keep_presses(tx, [approve], here=True)
    await own.advance(seconds=11)
    await reaches(own, "own.danger", "succeeded")
    assert ran(own) == 1


async def test_an_outcome_that_comes_after_it_was_given_up_is_told_but_changes_no_state(own: Rig) -> None:
    """People were told “unknown” and may have acted: the late report is added, not substituted."""
    await request(own, DANA, "own.slow")
    await pid_of(own, "slow")
    with psycopg.connect(own.bot.store.url, autocommit=True) as connection:
        connection.execute(
            "UPDATE run SET worker = 'another', beat_at = now() - interval '40 s' WHERE state = 'running'"
        )
    await reaches(own, "own.slow", "unknown")
    (host(own) / "go").touch()
    await message(own, "Outcome unknown", "Heard of it after all", within=40)
    assert (await run_of(own, "own.slow")).state == "unknown"


async def test_the_database_is_restarted_in_the_middle_of_a_run(own: Rig) -> None:
    """The step goes on; its outcome is written down once the database is back."""
    await request(own, DANA, "own.slow")
    await pid_of(own, "slow")
    await own.break_database()
    await asyncio.sleep(1)
    await own.mend_database()
    (host(own) / "go").touch()
    await reaches(own, "own.slow", "succeeded", within=60)
    await message(own, "Done and verified", "own.slow")


async def test_slack_is_down_when_the_outcome_is_to_be_told(own: Rig) -> None:
    """It arrives later."""
    view = await ask(own, DANA, "own.word WORD=hello")
    own.slack.faults.fail("chat.postMessage", times=-1, status=503)
    assert (await confirm(own, DANA, view)).ok
    await reaches(own, "own.word", "succeeded")
    own.slack.faults.clear()
    await own.unpause()
    await message(own, "Done and verified", "own.word", within=40)


HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "| touch pwned",
    "&& touch pwned",
    "'\"",
    "> pwned",
    "*",
    "~",
    "${HOME}",
]


@pytest.mark.parametrize("value", HOSTILE)
async def test_shell_syntax_in_a_parameter_is_only_text(own: Rig, value: str) -> None:
    """It arrives as exactly one argument: nothing is evaluated, nothing is split."""
    view = await ask(own, DANA, f"own.word WORD=“{value}”")
    assert (await confirm(own, DANA, view)).ok
    await reaches(own, "own.word", "succeeded")
    assert (host(own) / "word.log").read_text() == f"{value}\n"
    assert not (host(own) / "pwned").exists()


@pytest.mark.parametrize(
    "value",
    ["a\nb", "a\x00b", "\u202egnp.exe", "a\u200bb", "x" * 100_000, "x" * 501, "-rf"],
    ids=["newline", "nul", "right-to-left", "zero-width", "100-KB", "too-long", "option"],
)
async def test_what_is_no_parameter_is_refused_and_kept_nowhere(own: Rig, value: str) -> None:
    """Refused with a sentence, before anything is stored or run."""
    await own.slack.command(DANA, OPS, f'run own.word WORD="{value}"')

    async def answered() -> bool:
        seen = str([m.get("text") for m in own.messages(user=DANA)])
        stack = own.slack.workspace.stacks.get(DANA) or []
        shown = str([own.slack.workspace.views[v].data for v in stack])
        return any(
            word in seen + shown for word in ("nothing was run", "Nothing was run", "must be visible text")
        )

    await eventually(answered, within=20)
    assert not (host(own) / "word.log").exists()


@pytest.mark.parametrize(
    "text",
    [
        "pm2 restart all",
        "rm -rf /",
        "docker compose down -v",
        "sudo ufw deny out 443",
        "own.danger; ls",
        "psql -c 'drop table x'",
    ],
)
async def test_a_command_typed_in_slack_is_never_run(own: Rig, text: str) -> None:
    """Only ids of the runbook's steps mean anything."""
    await own.slack.command(DANA, OPS, f"run {text}")
    await told(own, DANA, "was run")
    with psycopg.connect(own.bot.store.url) as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (0,)


async def test_manual_steps_have_no_button_for_anybody(own: Rig) -> None:
    """A step that is not in the lock file, or is for people: the window says why, and cannot be submitted."""
    plan = own.bot.rules.plan
    manual = next(s for e in plan.entries for s in e.steps if "ufw" in s.source)
    view = await ask(own, DANA, manual.id)
    assert not view.get("submit")
    assert "by hand" in str(view["blocks"])


async def test_one_change_at_a_time_on_a_system_names_who_is_at_it(own: Rig) -> None:
    """The second waits, says for whom, and runs when the first has ended."""
    await request(own, DANA, "own.slow")
    await pid_of(own, "slow")
    with psycopg.connect(own.bot.store.url, autocommit=True) as connection:
        connection.execute("UPDATE run SET system = 'Docker' WHERE step_id = 'own.slow'")
    view = await ask(own, SAM, "own.word WORD=second")
    assert "Waits for" in str(view["blocks"])
    assert (await confirm(own, SAM, view)).ok
    await message(own, "own.word", "Waits for", "Dana Ortiz")
    assert not (host(own) / "word.log").exists()
    (host(own) / "go").touch()
    await reaches(own, "own.word", "succeeded", within=60)
    assert (await run_of(own, "own.slow")).state == "succeeded"


async def test_a_read_is_answered_to_whoever_asked(rig: Rig) -> None:
    """No confirmation, no message for everybody; an outsider of the roles but in the channel may look."""
    await rig.slack.command(SAM, OPS, "run rate-gate.status")
    await told(rig, SAM, "blocked")
    assert not [m for m in every(rig) if "rate-gate.status" in str(m["blocks"])]


async def test_a_dry_run_shows_everything_and_changes_nothing(rig: Rig) -> None:
    """The same as the window, and no run is kept."""
    await rig.slack.command(DANA, OPS, "run pm2.restart --dry-run")
    seen = await told(rig, DANA, "Dry run", "pm2 restart")
    assert "Guard" in str(seen["blocks"])
    assert not [c for c in calls(rig, "pm2") if c.what[1] == "restart"]


async def test_actions_lists_what_one_may_and_may_not_and_why(rig: Rig) -> None:
    """For a responder and for security."""
    await rig.slack.command(DANA, OPS, "actions")
    seen = str((await told(rig, DANA, "You may run"))["blocks"])
    assert "rate-gate.reset" in seen
    assert "approval of another person" in seen
    from tests.rig import SIA

    await rig.slack.command(SIA, OPS, "actions")
    assert "role responder is needed" in str((await told(rig, SIA, "You may not"))["blocks"])


async def test_the_audit_finds_a_run_by_person_and_by_step(own: Rig) -> None:
    """Who asked, who approved, what came of it; `timeline verify` finds the chain whole, and a removed end."""
    asked = await request(own, DANA, "own.danger")
    await press(own, SAM, asked, "run_approve")
    await reaches(own, "own.danger", "succeeded")
    for wanted in ("Dana", "own.danger", "Sam"):
        await own.slack.command(DANA, OPS, f"audit {wanted}")
        await told(own, DANA, f"Audit: {wanted}", "own.danger" if wanted != "Sam" else "Approved")
    from bot.operations import audit, timeline

    async with own.bot.store.transaction() as tx:
        assert await timeline.verify(tx) == []
        assert await audit.missing(tx) == []
    with psycopg.connect(own.bot.store.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE timeline DISABLE TRIGGER USER")
        connection.execute(
            "DELETE FROM timeline WHERE id >= (SELECT min(id) FROM timeline WHERE kind = 'run_intent')"
        )
        connection.execute("ALTER TABLE timeline ENABLE TRIGGER USER")
    async with own.bot.store.transaction() as tx:
        assert await timeline.verify(tx) == []  # a chain whose end is cut off is whole
        assert len(await audit.missing(tx)) == 1


async def test_without_its_intent_in_the_timeline_nothing_runs(own: Rig) -> None:
    """The line and the claim are one transaction: if it cannot be written, the claim is gone too."""
    with psycopg.connect(own.bot.store.url, autocommit=True) as connection:
        connection.execute(
            "ALTER TABLE timeline ADD CONSTRAINT test_no_intent CHECK (kind <> 'run_intent') NOT VALID"
        )
        try:
            asked = await request(own, DANA, "own.danger")
            await press(own, SAM, asked, "run_approve")
            await eventually(lambda: own.bot.work.soon.idle)
            assert (await run_of(own, "own.danger")).state == "awaiting"
            await own.advance(minutes=11)
            await reaches(own, "own.danger", "expired")
        finally:
            connection.execute("ALTER TABLE timeline DROP CONSTRAINT test_no_intent")
    assert ran(own) == 0


async def test_replicas_whose_clocks_differ_by_a_minute_agree_on_what_is_due(own: Rig) -> None:
    """What is due is decided by the database's clock, whatever a replica's own clock says."""
    from datetime import timedelta

    await request(own, DANA, "own.danger")
    run = await run_of(own, "own.danger")
    async with own.bot.store.transaction() as tx:
        tx.now += timedelta(minutes=11)  # a replica that is far ahead
        assert not await runs.expire(tx, own.bot.rules, run.id or 0)
        assert not await runs.overdue(tx, by=timedelta(seconds=3))
        assert not await execution.orphans(tx)
    assert (await run_of(own, "own.danger")).state == "awaiting"
    assert os.getpid()
