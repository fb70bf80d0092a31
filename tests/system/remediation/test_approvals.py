"""Who may approve, what voids an approval, and what a press can and cannot do."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.clients.remembered import JUST_NOW, _Here
from bot.domain.policy import Role
from bot.domain.step_policy import Rule
from bot.jobs import presses as jobs
from bot.operations import runs
from bot.operations.runs import RunPress
from sandbox.platform import troubles
from tests.rig import CHRIS, DANA, OLLI, OPS, SAM, SIA, Rig, eventually
from tests.system.remediation.acting import (
    ask,
    confirm,
    message,
    press,
    reaches,
    request,
    run_of,
    told,
    window,
)
from tests.system.remediation.own import host, install, ran, write


@pytest.mark.parametrize(("user", "why"), [(DANA, "second person"), (SIA, "approver"), (OLLI, "approver")])
async def test_an_approval_by_the_wrong_person_does_not_count(own: Rig, user: str, why: str) -> None:
    """The requester, security, an outsider: nothing runs, the person is told why, and it is in the timeline."""
    asked = await request(own, DANA, "own.danger")
    await press(own, user, asked, "run_approve")
    await told(own, user, "does not count", why)
    assert ran(own) == 0
    assert (await run_of(own, "own.danger")).state == "awaiting"


async def test_whoever_is_an_approver_too_cannot_approve_their_own_request(own: Rig) -> None:
    """Sam is on call and an approver: a person in two roles is still one person."""
    asked = await request(own, SAM, "own.danger")
    await press(own, SAM, asked, "run_approve")
    await told(own, SAM, "does not count")
    await press(own, CHRIS, asked, "run_approve")
    await reaches(own, "own.danger", "succeeded")
    assert ran(own) == 1


async def test_one_person_counts_once(own: Rig) -> None:
    """Two approvals are two people, however often one of them presses."""
    asked = await request(own, DANA, "own.two")
    await press(own, SAM, asked, "run_approve")
    await message(own, "own.two", "Approval needed", "approved by Sam")
    await press(own, SAM, asked, "run_approve")
    await told(own, SAM, "counts once")
    assert ran(own) == 0
    await press(own, CHRIS, asked, "run_approve")
    await reaches(own, "own.two", "succeeded")
    assert ran(own) == 1


async def test_a_second_account_of_the_same_person_counts_as_that_person(
    database_url: str, tmp_path: Path
) -> None:
    """Olli's account is linked to Sam's PagerDuty user: it neither approves for Sam nor counts beside Sam."""
    admins, book = '{"admin": ["U0CTO"]}', str(write(tmp_path))
    async with Rig.running(database_url, tmp_path, ATS_ROLES=admins, ATS_RUNBOOK=book) as rig:
        install(rig)
        await rig.slack.command(CHRIS, OPS, f"link <@{OLLI}> sam.sre@ats.example")
        await told(rig, CHRIS, "in PagerDuty that is Sam")
        mine = await request(rig, SAM, "own.danger")
        await press(rig, OLLI, mine, "run_approve")
        await told(rig, OLLI, "does not count", "another account of the same person")
        asked = await request(rig, DANA, "own.two")
        await press(rig, SAM, asked, "run_approve")
        await message(rig, "own.two", "approved by Sam")
        await press(rig, OLLI, asked, "run_approve")
        await told(rig, OLLI, "counts once")
        assert ran(rig) == 0
        await press(rig, CHRIS, asked, "run_approve")
        await reaches(rig, "own.two", "succeeded")


async def test_two_people_pressing_at_the_same_moment_run_it_once(own: Rig) -> None:
    """And many presses of both: one execution."""
    asked = await request(own, DANA, "own.danger")
    await asyncio.gather(*(press(own, user, asked, "run_approve") for user in (SAM, CHRIS) * 5))
    await reaches(own, "own.danger", "succeeded")
    await eventually(lambda: _idle(own))
    assert ran(own) == 1


async def test_a_crowd_at_one_button_is_acknowledged_and_each_is_told_once(own: Rig) -> None:
    """Two hundred presses of two people: all kept before they are acknowledged, one execution, no flood of answers."""
    asked = await request(own, DANA, "own.danger")
    acks = await asyncio.gather(*(press(own, user, asked, "run_approve") for user in (SAM, CHRIS) * 100))
    assert all(ack.ok for ack in acks)
    await reaches(own, "own.danger", "succeeded")
    await eventually(lambda: _idle(own), within=60)
    assert ran(own) == 1
    answers = [m for user in (SAM, CHRIS) for m in own.messages(user=user) if "changed nothing" in m["text"]]
    assert len(answers) < 100


async def _idle(rig: Rig) -> bool:
    """Whether no job waits or is carried out."""

    def count() -> int:
        with psycopg.connect(rig.bot.store.url) as connection:
            query = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' OR (status = 'todo' AND "
            row = connection.execute(query + "coalesce(scheduled_at, now()) <= now())").fetchone()
        return int(row[0]) if row else 0

    return rig.bot.work.soon.idle and await asyncio.to_thread(count) == 0


async def test_denying_needs_a_reason_and_ends_it(own: Rig) -> None:
    """Whoever could approve can say no; the reason stands on the message, and approving afterwards does nothing."""
    asked = await request(own, DANA, "own.danger")
    assert (await press(own, SAM, asked, "run_deny")).ok
    view = await window(own, SAM, "Why not?")
    empty = await confirm(own, SAM, view)
    assert not empty.ok
    assert (await confirm(own, SAM, view, reason={"text": "the market opens in a minute"})).ok
    await message(own, "Denied", "the market opens in a minute")
    await replay(own, CHRIS, asked)
    assert (await run_of(own, "own.danger")).state == "denied"
    assert ran(own) == 0


async def replay(rig: Rig, user: str, asked: dict[str, Any]) -> None:
    """The press of a button that the message has no longer: as it arrives behind Slack's signature."""
    buttons = [e for b in asked["blocks"] for e in b.get("elements", []) if e.get("action_id") == "run_approve"]
    run_id, _, digest = buttons[0]["value"].partition(":")
    await jobs.carry_out(rig.bot.work, [RunPress("approve", int(run_id), digest, user, OPS, "", asked["ts"])])


async def test_a_request_expires_and_a_late_press_does_nothing(own: Rig) -> None:
    """Ten minutes by default, by a durable timer; half-way those who may approve are asked again."""
    asked = await request(own, DANA, "own.danger")
    await own.advance(minutes=5)
    await message(own, "waits for an approval", SAM)
    await own.advance(minutes=5, seconds=1)
    await reaches(own, "own.danger", "expired")
    await message(own, "Expired, nothing was run")
    await replay(own, SAM, asked)
    assert (await run_of(own, "own.danger")).state == "expired"
    assert ran(own) == 0


async def test_an_edited_runbook_voids_the_request(own: Rig, tmp_path: Path) -> None:
    """What was agreed to is no longer what the document says, wherever the edit is."""
    asked = await request(own, DANA, "own.danger")
    path = tmp_path / "own.md"
    before = own.bot.rules.plan.digest
    path.write_text(path.read_text() + "\n\nA word more.\n", "utf-8")
    await eventually(lambda: own.bot.rules.plan.digest != before)
    await press(own, SAM, asked, "run_approve")
    run = await reaches(own, "own.danger", "voided")
    assert "edited" in run.reason
    assert ran(own) == 0


async def test_a_changed_parameter_voids_what_was_agreed_to(own: Rig) -> None:
    """Whoever could change the row cannot smuggle another value past the approval."""
    asked = await request(own, DANA, "own.danger")
    with psycopg.connect(own.bot.store.url, autocommit=True) as connection:
        connection.execute("""UPDATE run SET parameters = '{"X": "1"}'""")
    await press(own, SAM, asked, "run_approve")
    await reaches(own, "own.danger", "voided")
    assert ran(own) == 0


async def test_a_resolved_incident_voids_the_request(trading: Rig) -> None:
    """It was for that incident, which is over."""
    troubles.exhaust_rate_gate(trading.sandbox.platform.state)
    incident = await trading.pagerduty.trigger("Rate Gate API Exhaustion")
    card = await trading.card("Rate Gate")
    await request(trading, DANA, f"rate-gate.reset #{incident['incident_number']}")
    assert (await run_of(trading, "rate-gate.reset")).incident_id is not None
    await trading.slack.press(DANA, OPS, card["ts"], "incident_resolve")
    run = await reaches(trading, "rate-gate.reset", "voided")
    assert "resolved" in run.reason


async def test_the_guard_is_read_again_when_it_is_approved(own: Rig) -> None:
    """It held when it was asked for and does not now: void, with the reading."""
    asked = await request(own, DANA, "own.danger")
    (host(own) / "allowed").unlink()
    await press(own, SAM, asked, "run_approve")
    run = await reaches(own, "own.danger", "voided")
    assert "guard does not hold" in run.reason
    assert ran(own) == 0


async def test_the_guard_is_what_is_read_last_before_it_runs(own: Rig) -> None:
    """The look before a change takes a while: a guard that turns false during it stops the change."""
    asked = await request(own, DANA, "own.looked")
    pm2 = host(own).parent / "bin" / "pm2"
    pm2.write_text("#!/bin/sh\nrm -f allowed\necho all online\n", "utf-8")  # meanwhile somebody else mends it
    await press(own, SAM, asked, "run_approve")
    run = await reaches(own, "own.looked", "voided")
    assert "guard does not hold any more" in run.reason
    assert ran(own) == 0


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule("two are safer", steps=("own.danger",), approvals=2), "needs 2 approvals by now: two are safer"),
        (
            Rule("theirs", steps=("own.danger",), approver=Role.SECURITY),
            "approval of a security by now: theirs",
        ),
        (Rule("frozen", steps=("own.danger",), deny=True), "may not any more: frozen"),
        (Rule("admins", steps=("own.danger",), role=Role.ADMIN), "may not any more: the role admin"),
    ],
)
async def test_a_policy_that_came_between_counts(own: Rig, rule: Rule, why: str) -> None:
    """The settings became stricter after it was asked for (a restart): what they ask now is what counts."""
    asked = await request(own, DANA, "own.danger")
    own.bot.rules = replace(own.bot.rules, policies=(rule,))
    await press(own, SAM, asked, "run_approve")
    run = await reaches(own, "own.danger", "voided")
    assert why in run.reason
    assert ran(own) == 0


async def test_a_role_removed_between_request_and_approval_counts(own: Rig) -> None:
    """Dana's duty ends after she asked: the approval finds her without the role, and nothing runs."""
    asked = await request(own, DANA, "own.danger")
    await off_duty(own, "PD-TRADING-PRIMARY")
    await press(own, SAM, asked, "run_approve")
    run = await reaches(own, "own.danger", "voided")
    assert "may not any more" in run.reason
    assert ran(own) == 0


@pytest.mark.parametrize("whose", ["approver", "requester"])
async def test_a_role_that_was_just_taken_away_counts_no_more_whatever_is_remembered(
    database_url: str, tmp_path: Path, whose: str
) -> None:
    """A user group left a moment ago: groups are remembered for five minutes, but asked anew where it decides."""
    roles = json.dumps({"responder": ["S0ATS"], "approver": ["S0BOSS"]})
    book = str(write(tmp_path))
    async with Rig.running(database_url, tmp_path, ATS_RUNBOOK=book, ATS_ROLES=roles) as rig:
        install(rig)
        workspace = rig.slack.workspace
        workspace.add_usergroup("S0ATS", "ats", [OLLI], name="Operators")
        workspace.add_usergroup("S0BOSS", "boss", [SIA], name="Who decides")
        asked = await request(rig, OLLI, "own.danger")
        assert (await rig.bot.directory.access(SIA)).roles >= {Role.APPROVER}  # remembered from now on
        if whose == "approver":
            workspace.usergroups["S0BOSS"].users.clear()
        else:
            workspace.usergroups["S0ATS"].users.clear()
        passes_by(rig, JUST_NOW)
        await press(rig, SIA, asked, "run_approve")
        if whose == "approver":
            await told(rig, SIA, "does not count")
        else:
            assert "may not any more" in (await reaches(rig, "own.danger", "voided")).reason
        assert ran(rig) == 0


def passes_by(rig: Rig, seconds: float) -> None:
    """What is remembered becomes so much older; none of it is forgotten."""
    cache = rig.bot.remembered._cache
    assert isinstance(cache, _Here)
    cache._kept.update({key: (at - seconds, answer) for key, (at, answer) in cache._kept.items()})


async def off_duty(rig: Rig, schedule: str) -> None:
    """Nobody is on call for a schedule any more, and the bot's cache is as old as it may get."""
    rig.pagerduty.world.schedule_named(schedule).on_call = None
    await rig.bot.remembered._cache.clear()


@pytest.mark.parametrize(
    "value",
    [
        "999999:0123456789abcdef",
        "0:",
        "x",
        "1; drop table run",
        "-1:0123456789abcdef",
        "1:" + "f" * 16,
        "1" * 3000,
    ],
)
async def test_a_forged_value_does_nothing_and_is_answered(own: Rig, value: str) -> None:
    """Whatever stands in a button's value: it only names a request, and must fit it."""
    from handlers.running import _pressed

    await request(own, DANA, "own.danger")
    body = {"user": {"id": SAM}, "channel": {"id": OPS}}
    made = _pressed(body, "approve", value)
    async with own.bot.store.transaction() as tx:
        await runs.keep_presses(tx, [made])
    await told(own, SAM, "nothing was done")
    assert (await run_of(own, "own.danger")).state == "awaiting"
    assert ran(own) == 0


async def test_a_press_on_another_message_than_the_requests_does_nothing(own: Rig) -> None:
    """The right value on the wrong message is a forgery."""
    await request(own, DANA, "own.danger")
    run = await run_of(own, "own.danger")
    forged = RunPress("approve", run.id or 0, run.digest[:16], SAM, OPS, "", "1.000001")
    await jobs.carry_out(own.bot.work, [forged])
    await told(own, SAM, "another message")
    assert (await run_of(own, "own.danger")).state == "awaiting"


@pytest.mark.parametrize(
    "metadata",
    [
        "", "null", "[]", "{}", '{"s":1}', "x" * 3000,
        json.dumps({"s": "own.danger", "n": 0, "p": {}, "d": "", "u": 0}),
        json.dumps({"s": "own.danger", "n": 0, "p": {}, "d": "f" * 64, "u": 0}),
        json.dumps({"s": "pm2 restart all", "n": 0, "p": {}, "d": "f" * 64, "u": 0}),
        json.dumps({"s": "own.danger", "n": 10**12, "p": {}, "d": "f" * 64, "u": 0}),
        json.dumps({"s": "own.danger", "n": 0, "p": {"X": "\x00"}, "d": "f" * 64, "u": 0}),
        json.dumps({"s": "own.danger", "n": 0, "p": {"X": "y" * 100_000}, "d": "f" * 64, "u": 0}),
    ],
)  # fmt: skip
async def test_a_forged_window_runs_nothing(own: Rig, metadata: str) -> None:
    """What a submitted window says it had shown is checked like anything else from outside."""
    view = await ask(own, DANA, "own.danger")
    kept = own.slack.workspace.views[view["id"]]
    kept.data["private_metadata"] = metadata
    await confirm(own, DANA, view)
    await eventually(lambda: _idle(own))
    with psycopg.connect(own.bot.store.url) as connection:
        states = connection.execute("SELECT state FROM run").fetchall()
    assert set(states) <= {("denied",)}
    assert ran(own) == 0


async def test_the_same_window_submitted_twice_is_one_run(own: Rig) -> None:
    """A double click, or a lost acknowledgement."""
    view = await ask(own, DANA, "own.word WORD=once")
    await asyncio.gather(confirm(own, DANA, view), confirm(own, DANA, view))
    await reaches(own, "own.word", "succeeded")
    assert (host(own) / "word.log").read_text() == "once\n"


async def test_a_viewer_cannot_run_what_changes_something(own: Rig) -> None:
    """The window says so and has no button; a forged submission is refused all the same."""
    view = await ask(own, OLLI, "own.danger")
    assert not view.get("submit")
    assert "You may not run this" in str(view["blocks"])
    assert ran(own) == 0


async def test_break_glass_is_for_admins_loud_and_in_pagerduty(database_url: str, tmp_path: Path) -> None:
    """An admin off duty goes past the policy: reason required, everybody told, timeline, a note in PagerDuty."""
    admins = '{"admin": ["U0OUT"]}'
    async with Rig.running(
        database_url, tmp_path, ATS_ROLES=admins, PAGERDUTY_FROM_EMAIL="sam.sre@ats.example"
    ) as rig:
        await rig.pagerduty.trigger("Loki Ingestion Lag")
        await rig.card("Loki")
        view = await ask(rig, OLLI, "loki.restart")
        assert view["title"]["text"] == "Break the glass"
        assert not (await confirm(rig, OLLI, view)).ok
        assert (await confirm(rig, OLLI, view, glass={"text": "nobody on call answers"})).ok
        await message(rig, "broke the glass", "nobody on call answers")
        await rig.advance(minutes=1)
        await reaches(rig, "loki.restart", "succeeded", within=60)
        with psycopg.connect(rig.bot.store.url) as connection:
            found = connection.execute("SELECT text FROM timeline WHERE kind = 'run_glass'").fetchall()
        assert "nobody on call answers" in str(found)

        def noted() -> bool:
            sent = [c for c in rig.pagerduty.calls if c.method == "POST" and c.path.endswith("/notes")]
            return any("The glass was broken: nobody on call answers" in str(c.body) for c in sent)

        await eventually(noted, within=20)


async def test_a_policy_of_the_settings_asks_for_more(database_url: str, tmp_path: Path) -> None:
    """No restart without a second person: what the runbook lets one person do now takes two."""
    policy = [{"because": "market hours", "steps": ["pm2.*"], "approvals": 1}]
    async with Rig.running(database_url, tmp_path, ATS_POLICIES=json.dumps(policy)) as rig:
        asked = await request(rig, DANA, "pm2.restart")
        assert "market hours" in str(asked["blocks"])
        await press(rig, SAM, asked, "run_approve")
        await reaches(rig, "pm2.restart", "succeeded")
