"""Somebody has it: status updates are asked for, command is handed over, and a postmortem is not forgotten."""

from functools import partial
from typing import Any

from bot.jobs.reconcile import reconcile
from tests.rig import CHRIS, DANA, OLLI, OPS, SAM, Rig, eventually

PM2 = "PM2 High Restart Rate"


async def taken(rig: Rig, title: str = PM2) -> tuple[dict[str, Any], dict[str, Any]]:
    """An incident that Dana has acknowledged, and its card."""
    incident = await rig.pagerduty.trigger(title)
    card = await rig.card(title, "asked")
    await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    await rig.card("Acknowledged")
    return incident, card


def questions(rig: Rig, card: dict[str, Any]) -> list[dict[str, Any]]:
    """The replies that ask for a status update."""
    return [m for m in rig.messages(thread_ts=card["ts"])[1:] if "how does it stand" in str(m["blocks"])]


def asked(rig: Rig, card: dict[str, Any], times: int) -> bool:
    return len(questions(rig, card)) == times


def said(rig: Rig, card: dict[str, Any], *words: str) -> list[dict[str, Any]]:
    return [m for m in rig.messages(thread_ts=card["ts"])[1:] if all(w in str(m.get("blocks")) for w in words)]


async def test_a_p0_asks_its_commander_every_half_hour(rig: Rig) -> None:
    """Whoever acknowledged is asked in the thread and in person, at 30 minutes and again at 60, not before."""
    _, card = await taken(rig)
    await rig.advance(minutes=29)
    await rig.slack.command(DANA, OPS, "incidents")
    assert not questions(rig, card)
    for times, minutes in ((1, 1), (2, 30)):
        await rig.advance(minutes=minutes)
        await eventually(partial(asked, rig, card, times))
    assert f"<@{DANA}>" in str(questions(rig, card)[0]["blocks"])
    await eventually(lambda: str(rig.direct(DANA)).count("update_open") == 2)


async def test_a_drill_that_moves_the_clock_makes_no_question_late(rig: Rig) -> None:
    """Moving the clock under a bot that is at work is no lateness of its own: neither said nor alarmed."""
    _, card = await taken(rig)
    await rig.advance(minutes=63)
    await eventually(partial(asked, rig, card, 1))
    assert "late" not in str(questions(rig, card)[0]["blocks"])
    await rig.advance(minutes=30)
    await eventually(partial(asked, rig, card, 2))
    assert not [m for m in rig.messages() if "A reminder was late" in m["text"]]


async def test_a_p1_is_asked_after_an_hour(rig: Rig) -> None:
    """An hour, not half of one."""
    _, card = await taken(rig, "High API Latency")
    await rig.advance(minutes=59)
    await rig.slack.command(DANA, OPS, "incidents")
    assert not questions(rig, card)
    await rig.advance(minutes=1)
    await eventually(partial(asked, rig, card, 1))


async def test_an_update_goes_to_thread_pagerduty_and_timeline_and_puts_off_the_next_question(rig: Rig) -> None:
    """The answer in the modal is told everywhere, once; nobody is asked again for half an hour after it."""
    incident, card = await taken(rig)
    number = incident["incident_number"]
    await rig.advance(minutes=30)
    question = (await eventually(lambda: questions(rig, card)))[0]
    await rig.slack.press(DANA, OPS, question["ts"], "update_open")
    view = await rig.modal(DANA)
    await rig.advance(minutes=10)
    typed = {"update": {"text": {"type": "plain_text_input", "value": "Rolled back, watching <!here>"}}}
    assert (await rig.slack.submit(DANA, view["id"], typed)).ok
    told = await eventually(lambda: said(rig, card, "Rolled back"))
    assert "<!here>" not in str(told)
    record = rig.pagerduty.incident(incident["id"])
    await eventually(lambda: [u.message for u in record.status_updates] == ["Rolled back, watching <!here>"])
    assert not record.notes
    await rig.advance(minutes=20)  # an hour after it was taken
    await rig.slack.command(DANA, OPS, f"timeline {number}")
    assert len(questions(rig, card)) == 1
    await rig.advance(minutes=10)
    await eventually(partial(asked, rig, card, 2))
    assert "Rolled back" in str(questions(rig, card)[1]["blocks"])
    await rig.pagerduty.settle()
    await eventually(lambda: reconcile(rig.bot.work, webhooks=False))
    assert len(said(rig, card, "Status update", "> Rolled back")) == 1
    assert await rig.timeline(number, "status_update_published") == 1
    assert await rig.timeline(number, "note") == 0


async def test_an_account_without_status_updates_keeps_the_answer_as_a_note(rig: Rig) -> None:
    """402: the words are in PagerDuty, in the thread and in the timeline all the same, once."""
    incident, card = await taken(rig)
    number = incident["incident_number"]
    rig.pagerduty.faults.fail("POST /incidents/*/status_updates", times=-1, status=402)
    await rig.slack.command(DANA, OPS, f"update {number} Rolled back")
    await eventually(lambda: said(rig, card, "Note", "> Rolled back"))
    await rig.pagerduty.settle()
    record = rig.pagerduty.incident(incident["id"])
    assert ([n.content for n in record.notes], record.status_updates) == (["Rolled back"], [])
    assert await rig.timeline(number, "note") == 1
    assert len(said(rig, card, "> Rolled back")) == 1


async def test_a_word_written_in_pagerduty_is_an_answer_too(rig: Rig) -> None:
    """A note in PagerDuty ten minutes ago: the question waits for silence."""
    incident, card = await taken(rig)
    await rig.advance(minutes=20)
    await rig.pagerduty.annotate(incident["id"], "The vendor is on it", user="dana.oncall@ats.example")
    await eventually(lambda: rig.entries(incident["incident_number"], "note"))
    await rig.advance(minutes=10)
    await rig.slack.command(DANA, OPS, "incidents")
    assert not questions(rig, card)
    await rig.advance(minutes=20)
    await eventually(partial(asked, rig, card, 1))
    assert "The vendor is on it" in str(questions(rig, card)[0]["blocks"])


async def test_the_question_can_be_put_off(rig: Rig) -> None:
    """Snoozed for half an hour: said in the thread, and asked then."""
    incident, card = await taken(rig)
    await rig.advance(minutes=30)
    question = (await eventually(lambda: questions(rig, card)))[0]
    await rig.advance(minutes=5)
    await rig.slack.press(DANA, OPS, question["ts"], "update_snooze")
    await eventually(lambda: said(rig, card, "I ask for an update"))
    assert await rig.entries(incident["incident_number"], "snooze")
    await rig.advance(minutes=29)
    await rig.slack.command(DANA, OPS, "incidents")
    assert len(questions(rig, card)) == 1
    await rig.advance(minutes=1)
    await eventually(partial(asked, rig, card, 2))


async def test_command_is_handed_over_with_the_state_so_far(rig: Rig) -> None:
    """By command: the thread mentions who has it now and how it stands; the next question goes to them."""
    incident, card = await taken(rig)
    number = incident["incident_number"]
    await rig.slack.command(DANA, OPS, f"handover {number} @sam the vendor is on it")
    note = (await eventually(lambda: said(rig, card, "you have command")))[0]
    shown = str(note["blocks"])
    assert f"<@{SAM}>" in shown
    assert "Dana" in shown
    assert "State:" in shown
    assert "the vendor is on it" in shown
    assert "you have command" in str(await eventually(lambda: rig.direct(SAM)))
    assert (await rig.entries(number, "handover"))[0].startswith("Command from Dana")
    await rig.card("Command:", "Sam")
    await rig.advance(minutes=30)
    question = (await eventually(lambda: questions(rig, card)))[0]
    assert f"<@{SAM}>" in str(question["blocks"])


async def test_command_is_handed_over_by_button_and_taken(rig: Rig) -> None:
    """The button of the question opens a modal; `@me` takes command."""
    incident, card = await taken(rig)
    number = incident["incident_number"]
    await rig.advance(minutes=30)
    question = (await eventually(lambda: questions(rig, card)))[0]
    await rig.slack.press(DANA, OPS, question["ts"], "handover_open")
    view = await rig.modal(DANA)
    chosen = {"who": {"user": {"type": "users_select", "selected_user": CHRIS}}}
    assert (await rig.slack.submit(DANA, view["id"], chosen)).ok
    await eventually(lambda: said(rig, card, f"<@{CHRIS}>", "you have command"))
    await rig.slack.command(SAM, OPS, f"handover {number} @me")
    await eventually(lambda: said(rig, card, f"<@{SAM}>", "takes command"))
    assert (await rig.incident(number)).commander["slack_id"] == SAM


async def test_handing_over_to_nobody_known_or_from_outside_is_refused(rig: Rig) -> None:
    """A name that nobody has, and a person without a role: said, and nothing changes."""
    incident, _ = await taken(rig)
    number = incident["incident_number"]
    await rig.slack.command(DANA, OPS, f"handover {number} @zebra")
    await eventually(lambda: "nobody called" in str(rig.messages(user=DANA)))
    await rig.slack.command(OLLI, OPS, f"handover {number} @me")
    await eventually(lambda: "responder" in str(rig.messages(user=OLLI)))
    assert (await rig.incident(number)).commander["slack_id"] == DANA


async def test_who_acknowledged_in_pagerduty_is_asked_by_their_slack_account(rig: Rig) -> None:
    """Their e-mail leads from PagerDuty to Slack; the question mentions and reaches them."""
    incident = await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await rig.pagerduty.acknowledge(incident["id"], user="chris.cto@ats.example")
    await rig.card("Acknowledged")
    await rig.advance(minutes=30)
    question = (await eventually(lambda: questions(rig, card)))[0]
    assert f"<@{CHRIS}>" in str(question["blocks"])
    await eventually(lambda: "how does it stand" in str(rig.direct(CHRIS)))


async def test_a_change_of_shift_is_told_where_an_incident_is_open(rig: Rig) -> None:
    """Dana goes, Sam comes: a line with the state so far, once, and an entry in the timeline."""
    incident, card = await taken(rig)
    rig.pagerduty.set_on_call("PD-TRADING-PRIMARY", "sam.sre@ats.example")
    await rig.asked_anew()
    note = (await eventually(lambda: said(rig, card, "The shift has changed")))[0]
    assert f"Dana Ortiz → <@{SAM}>" in str(note["blocks"])
    assert "State:" in str(note["blocks"])
    assert len(await rig.entries(incident["incident_number"], "shift")) == 1
    await rig.asked_anew()
    await rig.card("Sam Reyes")
    assert len(said(rig, card, "The shift has changed")) == 1


async def test_a_resolved_incident_asks_for_its_postmortem_after_a_day_and_after_three(rig: Rig) -> None:
    """Twice, in the thread, then no more."""
    incident, card = await taken(rig)
    await rig.pagerduty.resolve(incident["id"], user="dana.oncall@ats.example")
    await rig.card("Resolved")
    for times, days in ((1, 1), (2, 2)):
        await rig.advance(days=days)
        await eventually(partial(wanted, rig, card, times))
    assert "I will not ask again" in str(said(rig, card, "no postmortem yet")[1]["blocks"])
    await rig.advance(days=30)
    await rig.slack.command(DANA, OPS, "incidents")
    assert wanted(rig, card, 2)


def wanted(rig: Rig, card: dict[str, Any], times: int) -> bool:
    return len(said(rig, card, "no postmortem yet")) == times


async def test_a_postmortem_that_was_made_is_not_asked_for(rig: Rig) -> None:
    """`/ats postmortem N` puts a draft into the thread; after a day nobody is asked."""
    incident, card = await taken(rig)
    number = incident["incident_number"]
    await rig.pagerduty.resolve(incident["id"], user="dana.oncall@ats.example")
    await rig.card("Resolved")
    await rig.slack.command(DANA, OPS, f"postmortem {number}")
    await eventually(lambda: "first draft of the postmortem" in str(rig.messages(thread_ts=card["ts"])))
    await rig.advance(days=4)
    await rig.slack.command(DANA, OPS, "incidents")
    assert wanted(rig, card, 0)


async def test_a_postmortem_can_be_declared_needless(rig: Rig) -> None:
    """Pressed on the question: said in the thread, and not asked again."""
    incident, card = await taken(rig)
    await rig.pagerduty.resolve(incident["id"], user="dana.oncall@ats.example")
    await rig.card("Resolved")
    await rig.advance(days=1)
    question = (await eventually(lambda: said(rig, card, "no postmortem yet")))[0]
    await rig.slack.press(DANA, OPS, question["ts"], "postmortem_dismiss")
    await eventually(lambda: said(rig, card, "needs no postmortem"))
    await rig.advance(days=3)
    await rig.slack.command(DANA, OPS, "incidents")
    assert wanted(rig, card, 1)
    assert await rig.entries(incident["incident_number"], "postmortem")
