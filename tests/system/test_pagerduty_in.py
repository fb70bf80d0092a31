"""What happens in PagerDuty: state, card, timeline and thread of each kind of webhook."""

from typing import Any

from sqlalchemy import text

from tests.rig import DANA, OPS, SAM, Rig, eventually

PM2 = "PM2 High Restart Rate"
DANA_MAIL, SAM_MAIL, CHRIS_MAIL = "dana.oncall@ats.example", "sam.sre@ats.example", "chris.cto@ats.example"


async def in_thread(rig: Rig, card: dict[str, Any], *words: str) -> dict[str, Any]:
    """The one reply that has all these words."""

    async def found() -> list[dict[str, Any]]:
        replies = await rig.thread(card)
        return [r for r in replies if all(word in str(r["blocks"]) for word in words)]

    replies = await eventually(found)
    assert len(replies) == 1, replies
    return dict(replies[0])


async def an_incident(rig: Rig, title: str = PM2) -> tuple[dict[str, Any], dict[str, Any]]:
    made = await rig.pagerduty.trigger(title)
    return made, await rig.card(title, "asked")


async def test_reassigning_shows_on_the_card_and_in_the_thread(rig: Rig) -> None:
    """Who has it now; an acknowledgement is taken back by it, and the ladder runs again."""
    made, card = await an_incident(rig)
    await rig.pagerduty.acknowledge(made["id"], user=DANA_MAIL)
    await rig.card("Acknowledged")
    await rig.pagerduty.reassign(made["id"], [SAM_MAIL], user=DANA_MAIL)
    await rig.card("assigned to Sam Reyes", "Not acknowledged")
    await in_thread(rig, card, "Reassigned to Sam Reyes", "by Dana Ortiz", "in PagerDuty")
    incident = await rig.incident(made["incident_number"])
    assert (incident.status, incident.acked_at) == ("triggered", None)
    assert incident.due_at is not None


async def test_an_escalation_says_who_is_asked_now(rig: Rig) -> None:
    """By its timeout: nobody's doing."""
    made, card = await an_incident(rig)
    await rig.pagerduty.escalate(made["id"])
    await in_thread(rig, card, "Escalated to Sam Reyes")
    await rig.card("assigned to Sam Reyes")


async def test_a_priority_changes_severity_card_and_ladder(rig: Rig) -> None:
    """P2 pages nobody: the ladder stops. P0 pages: it starts again."""
    made, card = await an_incident(rig)
    await rig.pagerduty.set_priority(made["id"], "P2", user=SAM_MAIL)
    await rig.card("P2 ·")
    await in_thread(rig, card, "Priority changed to P2", "Sam Reyes")
    assert (await rig.incident(made["incident_number"])).due_at is None
    await rig.pagerduty.set_priority(made["id"], "P0", user=SAM_MAIL)
    await rig.card("P0 ·")
    assert (await rig.incident(made["incident_number"])).severity == "P0"


async def test_notes_and_status_updates_appear_in_the_thread_in_full(rig: Rig) -> None:
    """A person's own words, and who and where."""
    made, card = await an_incident(rig)
    await rig.pagerduty.annotate(made["id"], "Heap dump taken\nsecond line", user=SAM_MAIL)
    await in_thread(rig, card, "Note", "Heap dump taken", "second line", "Sam Reyes", "in PagerDuty")
    await rig.pagerduty.publish_status(made["id"], "We are restarting", user=DANA_MAIL)
    await in_thread(rig, card, "Status update", "We are restarting", "Dana Ortiz")
    assert await rig.timeline(made["incident_number"], "note") == 1
    assert await rig.timeline(made["incident_number"], "status_update_published") == 1


async def test_requests_for_help_and_their_answers(rig: Rig) -> None:
    """Who is asked, with which words; who joins, who declines."""
    made, card = await an_incident(rig)
    await rig.pagerduty.request_responders(made["id"], [SAM_MAIL, CHRIS_MAIL], "Need hands", user=DANA_MAIL)
    await in_thread(rig, card, "Sam Reyes asked to help", "Need hands")
    await in_thread(rig, card, "Chris Tan asked to help", "Need hands")
    await rig.pagerduty.reply(made["id"], "joined", user=SAM_MAIL)
    await in_thread(rig, card, "Sam Reyes joins")
    await rig.pagerduty.reply(made["id"], "declined", user=CHRIS_MAIL)
    await in_thread(rig, card, "Chris Tan declines")
    extra = (await rig.incident(made["incident_number"])).extra
    assert sorted(r["state"] for r in extra["responders"].values()) == ["accepted", "declined"]


async def test_a_merge_is_said_on_both_sides(rig: Rig) -> None:
    """The one that went says where to go on; the other says what came."""
    first, gone = await an_incident(rig, "Loki Ingestion Lag")
    second, target = await an_incident(rig, "High API Latency")
    await rig.pagerduty.merge(second["id"], [first["id"]], user=SAM_MAIL)
    await rig.card("Loki", f"Merged into #{second['incident_number']}", "Go on there")
    await in_thread(rig, gone, f"Merged into *#{second['incident_number']} High API Latency*", "Sam Reyes")
    await in_thread(rig, target, f"#{first['incident_number']} Loki Ingestion Lag", "was merged")
    incident = await rig.incident(first["incident_number"])
    assert (incident.status, incident.merged_into) == ("resolved", second["id"])
    assert await rig.timeline(second["incident_number"], "merged") == 1


async def test_bridge_role_fields_service_and_policy(rig: Rig) -> None:
    """Each is said in the thread; the bridge and the service stand on the card."""
    made, card = await an_incident(rig)
    await rig.pagerduty.set_conference_bridge(
        made["id"], "https://meet.example/42", user=DANA_MAIL, number="+1 555"
    )
    await rig.card("Bridge", "https://meet.example/42", "+1 555")
    await rig.pagerduty.assign_role(made["id"], "Incident Commander", SAM_MAIL, user=DANA_MAIL)
    await in_thread(rig, card, "Incident Commander: Sam Reyes")
    await rig.pagerduty.set_custom_field(made["id"], "venue", "NYSE", user=DANA_MAIL)
    await in_thread(rig, card, "venue = NYSE")
    await rig.pagerduty.delegate(made["id"], "PD-SECURITY", user=DANA_MAIL)
    await in_thread(rig, card, "Moved to the escalation policy PD-SECURITY")
    await rig.pagerduty.move_to_service(made["id"], "Security", user=DANA_MAIL)
    await rig.card("*Service:* Security")


async def test_a_renamed_service_shows_on_its_open_cards(rig: Rig) -> None:
    """`service.updated`: nothing happened to the incident, but people read the name."""
    await an_incident(rig)
    await rig.pagerduty.rename_service("AI Trading System", "Trading, new", user=DANA_MAIL)
    await rig.card("*Service:* Trading, new")


async def test_reopening_gives_the_buttons_back(rig: Rig) -> None:
    """Nobody has it again; who had resolved it is forgotten, and the timeline keeps both."""
    made, card = await an_incident(rig)
    await rig.pagerduty.resolve(made["id"], user=SAM_MAIL)
    await rig.card("Resolved")
    await rig.pagerduty.reopen(made["id"], user=DANA_MAIL)
    again = await rig.card("Not acknowledged", "incident_ack")
    assert again["ts"] == card["ts"]
    incident = await rig.incident(made["incident_number"])
    assert (incident.resolved_at, incident.due_at is not None) == (None, True)
    assert await rig.timeline(made["incident_number"], "reopened") == 1


async def test_what_is_unknown_is_kept_and_shown_in_the_timeline_only(rig: Rig) -> None:
    """An event type of next year, and a ping."""
    made, card = await an_incident(rig)
    data = {"incident": {"id": made["id"], "type": "incident_reference"}, "type": "incident_frob", "id": "F"}
    await rig.pagerduty.emit("incident.frobnicated", data)
    subscription = next(iter(rig.pagerduty.world.subscriptions))
    await rig.pagerduty.ping(subscription)

    async def written() -> bool:
        return await rig.timeline(made["incident_number"], "frobnicated") == 1

    await eventually(written)
    async with rig.bot.store.transaction() as tx:
        kept = (await tx.session.execute(text("select type from inbox where type in ('pagey.ping')"))).all()
    assert len(kept) == 1
    assert not [r for r in await rig.thread(card) if "frobnicated" in str(r)]


async def test_a_note_from_slack_is_not_said_again_when_it_comes_back(rig: Rig) -> None:
    """Nothing echoes back and forth: one note in PagerDuty, one line in the thread, one in the timeline."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    await rig.slack.command(SAM, OPS, f"note {number} looked at the heap")
    await in_thread(rig, card, "looked at the heap", "in Slack")
    await rig.pagerduty.settle()
    await rig.pagerduty.annotate(made["id"], "a second one", user=SAM_MAIL)
    await in_thread(rig, card, "a second one")
    await in_thread(rig, card, "looked at the heap")
    assert len(rig.pagerduty.incident(made["id"]).notes) == 2
    assert await rig.timeline(number, "note") == 2
    assert DANA in str((await rig.thread(card))[0])
