"""The main job, end to end: webhook → card → click → PagerDuty → reminders."""

from tests.rig import DANA, Rig, eventually


async def test_an_incident_becomes_a_card_with_its_runbook_entry(rig: Rig) -> None:
    """A triggered incident appears as one card: severity, title, service, on-call, impact, first steps."""
    await rig.pagerduty.trigger("[FIRING:1] PM2 High Restart Rate (signal-worker)")
    card = await rig.card("PM2 High Restart Rate")
    shown = str(card["blocks"])
    assert "P0" in shown
    assert "AI Trading System" in shown
    assert "Dana" in shown or DANA in shown
    assert len(rig.cards()) == 1


async def test_acknowledging_is_done_in_pagerduty_as_the_clicking_person(rig: Rig) -> None:
    """The click becomes a PUT with the clicker's e-mail in From, and the card changes in place."""
    await rig.pagerduty.trigger("PM2 High Restart Rate")
    card = await rig.card("PM2 High Restart Rate", "incident_ack")
    outcome = await rig.slack.press(DANA, "C0OPS", card["ts"], "incident_ack")
    assert outcome.ok, outcome
    after = await rig.card("Acknowledged")
    assert after["ts"] == card["ts"]
    put = await eventually(lambda: [c for c in rig.pagerduty.calls if c.method == "PUT"])
    assert put[0].headers["from"] == "dana.oncall@ats.example"
