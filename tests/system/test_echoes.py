"""A webhook about what was done through the bot adds nothing; one about anything else does."""

from tests.rig import DANA, OPS, Rig, eventually

PM2 = "PM2 High Restart Rate"
DANA_MAIL = "dana.oncall@ats.example"


async def test_a_note_in_pagerduty_soon_after_one_in_slack_is_written_down_too(rig: Rig) -> None:
    """The same person's next note, other words, minutes later: it is no echo of the first."""
    made = await rig.pagerduty.trigger(PM2)
    await rig.card("PM2")
    number = made["incident_number"]
    await rig.slack.command(DANA, OPS, f"note {number} from Slack")
    await eventually(lambda: len(rig.pagerduty.incident(made["id"]).notes) == 1)
    await rig.pagerduty.annotate(made["id"], "from PagerDuty", user=DANA_MAIL)
    await rig.pagerduty.settle()

    async def written() -> bool:
        return await rig.timeline(number, "note") == 2

    await eventually(written)


async def test_an_acknowledgement_that_was_taken_back_and_given_again_is_written_down_twice(rig: Rig) -> None:
    """Slack, taken back, then PagerDuty, by the same person within minutes: two acknowledgements, both said."""
    made = await rig.pagerduty.trigger(PM2)
    card = await rig.card("PM2", "incident_ack")
    number = made["incident_number"]
    await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    await rig.card("Acknowledged")
    await rig.pagerduty.settle()
    await rig.pagerduty.unacknowledge(made["id"])
    await rig.card("Not acknowledged")
    await rig.pagerduty.acknowledge(made["id"], user=DANA_MAIL)
    await rig.card("Acknowledged")
    await rig.pagerduty.settle()
    assert await rig.timeline(number, "acknowledged") == 2

    async def said() -> bool:
        return sum("👀" in reply["text"] for reply in await rig.thread(card)) == 2

    await eventually(said)
