"""Nobody acknowledges: who is asked, how, and that nothing is asked twice, early, or never."""

from functools import partial
from typing import Any

import pytest

from tests.rig import CHRIS, DANA, OPS, SAM, SIA, Rig, eventually

PM2 = "PM2 High Restart Rate"
ASK = "POST /incidents/*/responder_requests"


def requests(rig: Rig) -> list[Any]:
    """The responder requests that PagerDuty got, whatever it answered."""
    return [c for c in rig.pagerduty.calls if c.path.endswith("/responder_requests")]


def asked(rig: Rig, pd_id: str) -> list[str]:
    """Whom PagerDuty has asked as responders of an incident."""
    return [r.user_id for r in rig.pagerduty.incident(pd_id).responders]


async def test_each_rung_is_asked_in_the_thread_in_person_and_by_pagerduty(rig: Rig) -> None:
    """The primary has it in PagerDuty already; secondary and management are asked as responders, once each."""
    incident = await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    number = incident["incident_number"]
    for minutes, role, user in ((15, "Secondary", SAM), (45, "Management", CHRIS)):
        await rig.advance(minutes=minutes)
        await eventually(partial(_in_both, rig, card, role, user))
    await eventually(lambda: len(asked(rig, incident["id"])) >= 2)
    await eventually(lambda: _written(rig, number, 3))
    assert sorted(asked(rig, incident["id"])) == ["PCHRIS0CTO0003", "PSAM00SRE00002"]
    first = (await rig.entries(number, "responder_request"))[0]
    assert "calls Dana Ortiz already" in first
    assert all(c.body["requester_id"] and c.body["message"] for c in requests(rig))
    assert not any("from" in c.headers for c in requests(rig))


def _in_both(rig: Rig, card: dict[str, Any], role: str, user: str) -> bool:
    thread = any(f"({role})" in str(m["blocks"]) for m in rig.reminders(card))
    return thread and f"asked as *{role}*" in str(rig.direct(user))


async def _written(rig: Rig, number: int, count: int) -> bool:
    return len(await rig.entries(number, "responder_request")) == count


async def test_a_lost_answer_does_not_call_a_responder_twice(rig: Rig) -> None:
    """PagerDuty has asked, the answer is lost: before it is asked again, what it has is looked at."""
    incident = await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked")
    rig.pagerduty.faults.fail(ASK, times=1, drop=True, after=True)
    await rig.advance(minutes=15)
    await eventually(lambda: _written(rig, incident["incident_number"], 2), within=30)
    assert asked(rig, incident["id"]) == ["PSAM00SRE00002"]


async def test_a_plan_without_responder_requests_is_said_once_and_slack_goes_on(rig: Rig) -> None:
    """402: one message in the channel for all incidents and rungs; reminders come all the same."""
    rig.pagerduty.world.abilities.remove("coordinated_responding")
    for title in (PM2, "Loki Ingestion Lag"):
        await rig.pagerduty.trigger(title)
        await rig.card(title, "asked")
    for minutes in (15, 45):
        await rig.advance(minutes=minutes)
        await eventually(lambda: all(len(rig.reminders(c)) >= 2 for c in rig.cards()))
    await eventually(lambda: len(requests(rig)) == 4, within=30)
    await eventually(lambda: all(len(rig.reminders(c)) == 3 for c in rig.cards()))
    said = await eventually(
        lambda: [m for m in rig.messages() if "cannot be asked for responders" in m["text"]]
    )
    assert len(said) == 1
    assert "ATS_ESCALATION__RESPONDERS=false" in said[0]["text"]


async def test_asking_pagerduty_for_responders_can_be_switched_off(database_url: str, tmp_path: Any) -> None:
    """With the setting, the ladder is Slack's alone."""
    async with Rig.running(database_url, tmp_path, ATS_ESCALATION__RESPONDERS="false") as rig:
        await rig.pagerduty.trigger(PM2)
        card = await rig.card(PM2, "asked")
        await rig.advance(minutes=15)
        await eventually(lambda: len(rig.reminders(card)) == 2)
        await eventually(lambda: "asked as *Secondary*" in str(rig.direct(SAM)))
        assert not requests(rig)


async def test_after_the_ladder_everybody_is_asked_every_quarter_of_an_hour(rig: Rig) -> None:
    """Still nobody: all who stand on the ladder are mentioned and told, until someone answers."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    for number, minutes in enumerate((15, 45, 15, 15), 2):
        await rig.advance(minutes=minutes)
        await eventually(partial(_reminded, rig, card, number))
    for message in rig.reminders(card)[3:]:
        assert "Still nobody" in str(message["blocks"])
        assert all(f"<@{user}>" in str(message["blocks"]) for user in (DANA, SAM, CHRIS))
    await eventually(lambda: str(rig.direct(DANA)).count("Still nobody") >= 2)
    await rig.slack.press(CHRIS, OPS, card["ts"], "incident_ack")
    await rig.card("Acknowledged")
    await rig.advance(hours=5)
    await rig.slack.command(DANA, OPS, "incidents")
    assert len(rig.reminders(card)) == 5


async def test_the_interval_after_the_ladder_can_be_set(database_url: str, tmp_path: Any) -> None:
    """Every 40 minutes, if the team wants it so."""
    async with Rig.running(database_url, tmp_path, ATS_ESCALATION__AGAIN_MINUTES="40") as rig:
        incident = await rig.pagerduty.trigger(PM2)
        await rig.card(PM2, "asked")
        await rig.advance(minutes=60)
        await eventually(lambda: _climbed(rig, incident, 3))
        row = await rig.incident(incident["incident_number"])
        assert row.due_at is not None
        assert row.asked_at is not None
        assert (row.due_at - row.asked_at).total_seconds() == 2400


def _reminded(rig: Rig, card: dict[str, Any], times: int) -> bool:
    return len(rig.reminders(card)) == times


async def _climbed(rig: Rig, incident: dict[str, Any], level: int) -> bool:
    return (await rig.incident(incident["incident_number"])).level == level


async def test_what_fell_due_while_the_bot_was_away_comes_once_and_says_how_late(rig: Rig) -> None:
    """One rung was overdue: it fires on return, with its lateness, and not again."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await rig.without_worker(minutes=22)
    late = (await eventually(lambda: rig.reminders(card)[1:]))[0]
    assert "The reminder to Secondary comes 7 min late" in str(late["blocks"])
    assert "7 min late" in str(await eventually(lambda: rig.direct(SAM)))
    await rig.advance(minutes=1)
    assert len(rig.reminders(card)) == 2


async def test_several_overdue_rungs_are_one_message_that_names_them_all(rig: Rig) -> None:
    """Two hours away: secondary and management are each asked once, in order, in one reply."""
    incident = await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await rig.without_worker(hours=2)
    shown = str((await eventually(lambda: rig.reminders(card)[1:]))[0]["blocks"])
    assert shown.index("(Secondary)") < shown.index("(Management)")
    assert "The reminder to Secondary comes 1 h 45 min late" in shown
    assert "The reminder to Management comes 1 h late" in shown
    entries = await rig.entries(incident["incident_number"], "reminder")
    assert [e.split(" asked")[0] for e in entries] == [
        "Reminder: Primary On-Call", "Reminder: Secondary", "Reminder: Management",
    ]  # fmt: skip
    assert len(rig.reminders(card)) == 2


async def test_a_drill_that_moves_the_clock_makes_nobody_late(rig: Rig) -> None:
    """Moving the clock under a bot that is at work is no lateness of its own."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await rig.advance(minutes=22)
    shown = str((await eventually(lambda: rig.reminders(card)[1:]))[0]["blocks"])
    assert "late" not in shown


async def test_a_security_incident_goes_to_the_security_team_at_once_besides(rig: Rig) -> None:
    """On the security service: PD-SECURITY is asked together with the primary, and the ladder goes on."""
    await rig.pagerduty.trigger("Somebody logs in from nowhere", service="Security")
    card = await rig.card("Somebody logs in", "asked")
    first = str((await eventually(lambda: rig.reminders(card)))[0]["blocks"])
    assert f"<@{SIA}>" in first
    assert f"<@{DANA}>" in first
    await eventually(lambda: "asked as *Security Incident*" in str(rig.direct(SIA)))
    await rig.advance(minutes=15)
    await eventually(lambda: f"<@{SAM}>" in str(rig.reminders(card)[1:]))


async def test_a_schedule_nobody_is_on_is_said_and_the_next_rung_is_asked_at_once(rig: Rig) -> None:
    """At 15 minutes the secondary's schedule is empty: management is asked then, not at the hour."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    rig.pagerduty.set_on_call("PD-TRADING-SECONDARY", None)
    await rig.asked_anew()
    await rig.advance(minutes=15)
    shown = str((await eventually(lambda: rig.reminders(card)[1:]))[0]["blocks"])
    assert "nobody is on call in PD-TRADING-SECONDARY" in shown
    assert "<!subteam^S0SRE>" in shown
    assert f"<@{CHRIS}> (Management)" in shown
    await eventually(lambda: "asked as *Management*" in str(rig.direct(CHRIS)))


async def test_a_deleted_schedule_is_said_and_the_next_rung_is_asked_at_once(rig: Rig) -> None:
    """PagerDuty no longer has it: said in these words, and nobody waits for it."""
    schedule = rig.pagerduty.world.schedule_named("PD-TRADING-SECONDARY")
    del rig.pagerduty.world.schedules[schedule.id]
    for policy in rig.pagerduty.world.policies.values():
        policy.rules = [r for r in policy.rules if all(t.id != schedule.id for t in r.targets)]
    await rig.asked_anew()
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await rig.advance(minutes=15)
    shown = str((await eventually(lambda: rig.reminders(card)[1:]))[0]["blocks"])
    assert "PagerDuty has no schedule PD-TRADING-SECONDARY" in shown
    assert f"<@{CHRIS}> (Management)" in shown


async def test_somebody_without_a_slack_account_is_named_and_the_group_is_mentioned(rig: Rig) -> None:
    """The secondary's e-mail is not in Slack: the thread names them, their group, and PagerDuty calls them."""
    rig.pagerduty.world.users["PSAM00SRE00002"].email = "sam@elsewhere.example"
    await rig.asked_anew()
    incident = await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await rig.advance(minutes=15)
    shown = str((await eventually(lambda: rig.reminders(card)[1:]))[0]["blocks"])
    assert "Sam Reyes" in shown
    assert "<!subteam^S0SRE>" in shown
    assert "cannot be reached in Slack" in shown
    await eventually(lambda: asked(rig, incident["id"]) == ["PSAM00SRE00002"])


@pytest.mark.parametrize("where", ["slack", "pagerduty"])
async def test_acknowledging_in_either_place_stops_it_and_taking_it_back_starts_it_anew(
    rig: Rig, where: str
) -> None:
    """After an acknowledgement timed out, every rung is asked again, counted from then."""
    incident = await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    if where == "slack":
        await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    else:
        await rig.pagerduty.acknowledge(incident["id"], user="dana.oncall@ats.example")
    await rig.card("Acknowledged")
    await rig.advance(hours=3)
    await rig.pagerduty.unacknowledge(incident["id"])
    await eventually(lambda: len(rig.reminders(card)) == 2)
    await rig.advance(minutes=15)
    again = str((await eventually(lambda: rig.reminders(card)[2:]))[0]["blocks"])
    assert "Nobody has acknowledged for 15 min" in again
    assert len(rig.reminders(card)) == 3
