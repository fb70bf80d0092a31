"""The main job, end to end: webhook → card → click → PagerDuty → reminders."""

from typing import Any

from tests.rig import CHRIS, DANA, OLLI, OPS, SAM, Rig, eventually

PM2 = "[FIRING:1] PM2 High Restart Rate (signal-worker)"


def buttons(message: dict[str, Any]) -> list[str]:
    """The action ids of a message's buttons and menus, in order."""
    return [e["action_id"] for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]


async def test_an_incident_becomes_a_card_with_its_runbook_entry(rig: Rig) -> None:
    """A triggered incident appears as one card: severity, title, service, on-call, impact, first steps, caution."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card("PM2 High Restart Rate", DANA)
    shown = str(card["blocks"])
    for part in ("P0", "AI Trading System", "Impact", "pm2 status", "Caution"):
        assert part in shown, part
    assert buttons(card) == [
        "incident_ack", "incident_resolve", "incident_runbook", "incident_diagnose", "incident_more",
    ]  # fmt: skip
    assert len(rig.cards()) == 1


async def test_acknowledging_is_done_in_pagerduty_as_the_clicking_person(rig: Rig) -> None:
    """The click becomes one PUT with the clicker's e-mail in From, and the card changes in place, once."""
    await rig.pagerduty.trigger("PM2 High Restart Rate")
    card = await rig.card("PM2 High Restart Rate", "incident_ack")
    outcome = await rig.slack.press(SAM, OPS, card["ts"], "incident_ack")
    assert outcome.ok, outcome
    after = await rig.card("Acknowledged", "Sam")
    assert after["ts"] == card["ts"]
    puts = [c for c in rig.pagerduty.calls if c.method == "PUT"]
    assert [c.headers["from"] for c in puts] == ["sam.sre@ats.example"]
    await rig.pagerduty.settle()  # the webhook that comes back
    acked = [c for c in rig.calls("chat.update") if "Acknowledged" in str(c.args.get("blocks"))]
    assert len(acked) == 1
    assert len(rig.cards()) == 1


async def test_resolving_from_slack_resolves_in_pagerduty_and_calms_the_card(rig: Rig) -> None:
    """Resolve goes to PagerDuty as the clicker; the card says resolved and has no Acknowledge any more."""
    incident = await rig.pagerduty.trigger("Loki Ingestion Lag")
    card = await rig.card("Loki", "incident_resolve")
    await rig.slack.press(DANA, OPS, card["ts"], "incident_resolve")
    after = await rig.card("Resolved")
    assert "incident_ack" not in buttons(after)
    assert rig.pagerduty.rest(incident["id"])["status"] == "resolved"


async def test_acting_in_pagerduty_changes_the_same_card(rig: Rig) -> None:
    """An acknowledgement in PagerDuty's own app shows on the card with the name of who did it."""
    incident = await rig.pagerduty.trigger("High API Latency")
    card = await rig.card("High API Latency")
    await rig.pagerduty.acknowledge(incident["id"], user="chris.cto@ats.example")
    after = await rig.card("Acknowledged", "Chris")
    assert after["ts"] == card["ts"]


async def test_the_ladder_asks_at_once_after_15_minutes_and_after_an_hour(rig: Rig) -> None:
    """Unacknowledged, each rung of the runbook's table reminds thread and person once, at its time."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card("PM2")
    first = await eventually(lambda: rig.messages(thread_ts=card["ts"])[1:])
    assert DANA in str(first[0]["blocks"])
    await rig.advance(minutes=14)
    await rig.advance(minutes=1)
    second = await eventually(lambda: rig.messages(thread_ts=card["ts"])[2:])
    assert SAM in str(second[0]["blocks"])
    await rig.advance(minutes=45)
    third = await eventually(lambda: rig.messages(thread_ts=card["ts"])[3:])
    assert CHRIS in str(third[0]["blocks"])
    await eventually(
        lambda: {DANA, SAM, CHRIS} <= {c.args.get("users") for c in rig.calls("conversations.open")}
    )


async def test_acknowledging_stops_the_ladder_and_taking_it_back_arms_it_again(rig: Rig) -> None:
    """After an acknowledgement nobody is reminded; after it is taken back the ladder starts anew."""
    incident = await rig.pagerduty.trigger(PM2)
    card = await rig.card("PM2")
    await eventually(lambda: "asked" in str(rig.cards()[0]["blocks"]))
    await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    await rig.card("Acknowledged")
    before = len(reminders(rig, card))
    await rig.advance(hours=2)
    await rig.pagerduty.unacknowledge(incident["id"])
    await rig.card("Not acknowledged")
    await eventually(lambda: len(reminders(rig, card)) == before + 1)
    assert DANA in str(reminders(rig, card)[-1]["blocks"])


def reminders(rig: Rig, card: dict[str, Any]) -> list[dict[str, Any]]:
    """The thread's reminders."""
    return [m for m in rig.messages(thread_ts=card["ts"])[1:] if "incident_ack" in str(m["blocks"])]


async def test_a_p2_incident_posts_and_does_not_page(rig: Rig) -> None:
    """A backup failure has a card, and nobody is reminded of it, however long it stays open."""
    await rig.pagerduty.trigger("Backup Failure (postgres)", urgency="low")
    card = await rig.card("Backup Failure", "P2")
    await rig.advance(hours=3)
    await rig.pagerduty.trigger(PM2)  # by the time its reminder is there, another would have been too
    await eventually(lambda: any("PM2" in str(c["blocks"]) and c.get("reply_count") for c in rig.cards()))
    assert not reminders(rig, card)


async def test_an_unmatched_incident_offers_the_entries_and_keeps_the_choice(rig: Rig) -> None:
    """A title that fits no entry says so; choosing one puts its first steps on the card."""
    await rig.pagerduty.trigger("Quarterly zebra migration stuck", urgency="low")
    card = await rig.card("No runbook entry matches", "entry_choose")
    options = next(
        e["options"] for b in card["blocks"] if b["type"] == "actions" for e in b["elements"] if "options" in e
        and e["action_id"] == "entry_choose"
    )  # fmt: skip
    assert len(options) == 7
    loki = next(o for o in options if "Loki" in o["text"]["text"])
    await rig.slack.press(DANA, OPS, card["ts"], "entry_choose", selected=loki)
    await rig.card("First steps", "Loki")


async def test_an_outsider_is_refused_politely_and_nothing_changes(rig: Rig) -> None:
    """Somebody without the role is told which one is needed and who has it; PagerDuty is not touched."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card("PM2", "incident_ack")
    await rig.slack.press(OLLI, OPS, card["ts"], "incident_ack")
    told = await eventually(lambda: [m for m in rig.messages(user=OLLI) if m.get("is_ephemeral")])
    assert "responder" in str(told[-1])
    assert "Dana" in str(told[-1])
    assert not [c for c in rig.pagerduty.calls if c.method == "PUT"]
    assert "incident_ack" in str(rig.cards()[0]["blocks"])


async def test_a_note_goes_to_pagerduty_and_into_the_thread_once(rig: Rig) -> None:
    """The note of the modal reaches PagerDuty as its author; the echo of it adds nothing."""
    incident = await rig.pagerduty.trigger(PM2)
    card = await rig.card("PM2", "incident_more")
    number = incident["incident_number"]
    await rig.slack.press(
        DANA, OPS, card["ts"], "incident_more",
        selected=option_of(card, "incident_more", f"note:{number}"),
    )  # fmt: skip
    view = await rig.modal(DANA)
    typed = {"note": {"text": {"type": "plain_text_input", "value": "Ω <!channel>"}}}
    outcome = await rig.slack.submit(DANA, view["id"], typed)
    assert outcome.ok, outcome
    noted = await eventually(lambda: [m for m in rig.messages(thread_ts=card["ts"]) if "Ω" in str(m["blocks"])])
    assert "<!channel>" not in str(noted[0]["blocks"])
    await rig.pagerduty.settle()
    assert len([m for m in rig.messages(thread_ts=card["ts"]) if "Ω" in str(m["blocks"])]) == 1


def option_of(message: dict[str, Any], action_id: str, value: str) -> dict[str, Any]:
    """The option of a menu with that value."""
    return next(
        option
        for block in message["blocks"] if block["type"] == "actions"
        for element in block["elements"] if element["action_id"] == action_id
        for option in element["options"] if option["value"] == value
    )  # fmt: skip
