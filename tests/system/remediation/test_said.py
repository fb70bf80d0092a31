"""What is said of a run stays true: every change of it ends in the same messages, without a button that is over."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot import render
from sandbox.platform import troubles
from tests.rig import CHRIS, DANA, OLLI, OPS, SAM, SIA, Rig, eventually
from tests.system.remediation.acting import (
    ask,
    confirm,
    every,
    message,
    press,
    reaches,
    request,
    run_of,
    window,
)
from tests.system.remediation.own import host, install, ran, write
from tests.system.remediation.test_faults import pid_of


def buttons(shown: dict[str, Any]) -> set[str]:
    """What can be pressed on a message."""
    return {e["action_id"] for b in shown["blocks"] for e in b.get("elements", []) if "action_id" in e}


async def as_now(rig: Rig, ts: str, *containing: str, without: str = "") -> dict[str, Any]:
    """That message, once it has these words and not those."""

    def found() -> dict[str, Any] | None:
        shown = next(m for m in every(rig) if m["ts"] == ts)
        words = str(shown["blocks"])
        return shown if all(t in words for t in containing) and (not without or without not in words) else None

    got: dict[str, Any] = await eventually(found, within=20)
    return got


async def reminded(rig: Rig) -> tuple[dict[str, Any], dict[str, Any]]:
    """A request that waits, and the reminder of it."""
    asked = await request(rig, DANA, "own.danger")
    await rig.advance(minutes=5, seconds=1)
    return asked, await message(rig, "waits for an approval")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("approved", "Done and verified"),
        ("denied", "Denied"),
        ("cancelled", "Cancelled"),
        ("expired", "Expired"),
        ("voided", "Void"),
    ],
)
async def test_however_a_request_ends_its_messages_say_so_and_offer_nothing(
    own: Rig, how: str, said: str
) -> None:
    """The request's own message and its reminder: no button is left, and nobody is asked any more."""
    asked, reminder = await reminded(own)
    if how == "approved":
        await press(own, SAM, asked, "run_approve")
    elif how == "denied":
        await press(own, SAM, asked, "run_deny")
        await confirm(own, SAM, await window(own, SAM, "Why not?"), reason={"text": "not now"})
    elif how == "cancelled":
        await press(own, DANA, asked, "run_cancel")
    elif how == "expired":
        await own.advance(minutes=5)
    else:
        (host(own) / "allowed").unlink()
        await press(own, SAM, asked, "run_approve")
    after = await as_now(own, asked["ts"], said)
    assert buttons(after) == set()
    assert "May approve" not in str(after["blocks"])
    await as_now(own, reminder["ts"], "not waited for any more", without="waits for an approval")
    assert ran(own) == (how == "approved")


async def test_a_change_of_shift_names_who_may_approve_now(own: Rig) -> None:
    """Who has come on duty is named in the request and in its reminder, and may approve; who has left is not."""
    asked, reminder = await reminded(own)
    assert SAM in str(asked["blocks"])
    schedule = own.pagerduty.world.schedule_named("PD-TRADING-SECONDARY")
    schedule.on_call = own.pagerduty.world.schedule_named("PD-SECURITY").on_call
    await own.asked_anew()
    for ts in (asked["ts"], reminder["ts"]):
        await as_now(own, ts, SIA, without=SAM)
    await press(own, SIA, asked, "run_approve")
    await reaches(own, "own.danger", "succeeded")
    with psycopg.connect(own.bot.store.url) as connection:
        found = connection.execute("SELECT text FROM timeline WHERE kind = 'run_asked'").fetchall()
    assert len(found) == 1


async def test_a_reminder_counts_who_has_approved(own: Rig) -> None:
    """Of two approvals one is given: the reminder says so."""
    asked = await request(own, DANA, "own.two")
    await own.advance(minutes=5, seconds=1)
    reminder = await message(own, "waits for an approval")
    await press(own, SAM, asked, "run_approve")
    await as_now(own, reminder["ts"], "1 of 2 have approved")
    await press(own, CHRIS, asked, "run_approve")
    await as_now(own, reminder["ts"], "not waited for any more")


async def test_a_glass_that_was_broken_in_vain_is_not_left_standing(database_url: str, tmp_path: Path) -> None:
    """The loud line in the channel follows to the end: nothing was run, and why."""
    admins, book = '{"admin": ["U0OUT"]}', str(write(tmp_path))
    async with Rig.running(database_url, tmp_path, ATS_ROLES=admins, ATS_RUNBOOK=book) as rig:
        install(rig)
        view = await ask(rig, OLLI, "own.danger")
        assert (await confirm(rig, OLLI, view, glass={"text": "nobody on call answers"})).ok
        loud = await message(rig, "broke the glass")
        await rig.advance(minutes=10, seconds=1)
        await reaches(rig, "own.danger", "expired")
        await as_now(rig, loud["ts"], "Expired, nothing was run", "Nobody approved in time")
        assert ran(rig) == 0


@pytest.mark.slow
async def test_what_waits_for_a_system_names_the_change_that_is_at_it_now(own: Rig) -> None:
    """Of three, the second begins when the first has ended: the third says that it waits for the second."""
    await request(own, DANA, "own.slow")
    await pid_of(own, "slow")
    with psycopg.connect(own.bot.store.url, autocommit=True) as connection:
        connection.execute("UPDATE run SET system = 'Docker' WHERE step_id = 'own.slow'")
    tools = host(own).parent / "bin" / "docker"
    tools.write_text('#!/bin/sh\nuntil [ -e "$2.go" ]; do sleep 0.1; done\necho "$2" >> word.log\n', "utf-8")
    for word in ("second", "third"):
        view = await ask(own, SAM, f"own.word WORD={word}")
        assert (await confirm(own, SAM, view)).ok
        await message(own, f"docker restart {word}", "Waits for “Take its time”")
    (host(own) / "go").touch()
    await message(own, "docker restart third", "Waits for “Write a word down” (own.word) of Sam", within=30)
    (host(own) / "second.go").touch()
    (host(own) / "third.go").touch()
    await reaches(own, "own.word", "succeeded", within=30)


async def test_a_temporary_change_that_was_taken_back_is_not_offered_again(trading: Rig) -> None:
    """Its message and every reminder of it say who has taken it back, and have no Undo any more."""
    await request(trading, DANA, "postgres.log-slow")
    await reaches(trading, "postgres.log-slow", "succeeded")
    done = await message(trading, "Done and verified", "postgres.log-slow")
    assert buttons(done) == {"run_open"}
    await trading.advance(hours=1, seconds=1)
    reminder = await message(trading, "was meant to be temporary and still stands")
    await trading.slack.press(DANA, OPS, done["ts"], "run_open")
    view = await window(trading, DANA, "log_min_duration_statement")
    assert (await confirm(trading, DANA, view)).ok
    await reaches(trading, "postgres.log-slow-off", "succeeded")
    for ts in (done["ts"], reminder["ts"]):
        shown = await as_now(trading, ts, "aken back by Dana Ortiz")
        assert buttons(shown) == set()


async def test_two_people_who_ask_for_the_same_at_once_run_it_once(own: Rig) -> None:
    """The second one waits for the first and finds it done: void, with who has done it; asked again it runs again."""
    (host(own).parent / "bin" / "docker").write_text(
        '#!/bin/sh\nuntil [ -e go ]; do sleep 0.1; done\necho "$2" >> word.log\n', "utf-8"
    )
    views = [await ask(own, who, "own.word WORD=same") for who in (DANA, SAM)]
    for who, view in zip((DANA, SAM), views, strict=True):
        assert (await confirm(own, who, view)).ok
    await message(own, "own.word", "Waits for")
    (host(own) / "go").touch()
    await message(own, "Void, nothing was run", "The same was run since this was asked for")
    assert (host(own) / "word.log").read_text() == "same\n"
    await request(own, SAM, "own.word WORD=same")
    await eventually(lambda: (host(own) / "word.log").read_text() == "same\nsame\n", within=20)


async def test_a_step_that_has_become_more_dangerous_since_it_was_clicked_is_not_run(own: Rig) -> None:
    """One click was enough for what it was; what it is now has to be shown and confirmed."""
    from bot.jobs import asked as asking
    from bot.operations import runs
    from bot.operations.runs import Ask

    async with own.bot.store.transaction() as tx:
        wish = Ask("own.word", DANA, "a click", parameters={"WORD": "x"})
        run_id = await runs.submit(tx, own.bot.rules, wish, here=True)
    with psycopg.connect(own.bot.store.url, autocommit=True) as connection:
        connection.execute("UPDATE run SET risk = 'protective'")  # as it was in the runbook at the click
    await asking.prepare(own.bot.work, run_id or 0)
    run = await run_of(own, "own.word")
    assert (run.state, "has changed" in run.reason) == ("denied", True)
    assert not (host(own) / "word.log").exists()


async def test_who_presses_in_a_thread_is_answered_in_the_thread(trading: Rig) -> None:
    """A refusal in the channel is not seen by somebody who looks at a thread: approval, one click, and window."""
    troubles.exhaust_rate_gate(trading.sandbox.platform.state)
    incident = await trading.pagerduty.trigger("Rate Gate API Exhaustion")
    card = await trading.card("Rate Gate")
    asked = await request(trading, DANA, f"rate-gate.reset #{incident['incident_number']}")

    def told_there(user: str, *containing: str) -> list[dict[str, Any]]:
        seen = trading.messages(user=user, thread_ts=card["ts"])
        own = [m for m in seen if m["ts"] not in {n["ts"] for n in every(trading)}]
        return [m for m in own if all(t in str(m.get("blocks")) + m["text"] for t in containing)]

    await press(trading, DANA, asked, "run_approve")
    await eventually(lambda: told_there(DANA, "does not count"), within=20)
    thread = card["ts"]
    for step_id, action, user in (("trading.disable", "now", OLLI), ("rate-gate.reset", "open", DANA)):
        step = trading.bot.rules.plan.step(step_id)
        assert step is not None
        block = render.offers([step], incident["incident_number"])
        posted = await trading.slack_call(
            "chat.postMessage", channel=OPS, thread_ts=thread, text="offers", blocks=[block]
        )
        await trading.slack.press(user, OPS, posted["ts"], f"run_{action}_{step_id}")
    await eventually(lambda: told_there(OLLI, "Not run", "role responder is needed"), within=20)
    view = await window(trading, DANA, "Reset the quotas")
    troubles.heal(trading.sandbox.platform.state)
    assert (await confirm(trading, DANA, view)).ok
    await eventually(lambda: told_there(DANA, "Not run", "guard does not hold"), within=20)
