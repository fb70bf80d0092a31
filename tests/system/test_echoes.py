"""A webhook about what was done through the bot adds nothing; one about anything else does."""

from functools import partial
from pathlib import Path

from bot.clients.directory import RoleIds
from bot.domain.policy import Role
from bot.jobs.reconcile import reconcile
from tests.rig import DANA, OLLI, OPS, Rig, eventually

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


async def test_what_is_done_by_the_last_resort_does_not_echo(database_url: str, tmp_path: Path) -> None:
    """Olli has no PagerDuty user: it is done as the last resort of the settings, and written and said once."""
    async with Rig.running(database_url, tmp_path, PAGERDUTY_FROM_EMAIL="chris.cto@ats.example") as rig:
        rig.bot.directory._role_ids = RoleIds({Role.RESPONDER: [OLLI]})
        made = await rig.pagerduty.trigger(PM2)
        card = await rig.card(PM2, "incident_ack")
        number = made["incident_number"]
        await rig.slack.command(OLLI, OPS, f"note {number} seen from outside")
        await rig.slack.command(OLLI, OPS, f"update {number} nearly there")
        await rig.slack.press(OLLI, OPS, card["ts"], "incident_ack")
        await rig.card("Acknowledged", "Olli")
        record = rig.pagerduty.incident(made["id"])
        await eventually(lambda: len(record.notes) == len(record.status_updates) == 1)
        await rig.pagerduty.settle()
        await eventually(lambda: reconcile(rig.bot.work, webhooks=False))
        for kind in ("note", "status_update_published", "acknowledged"):
            (entry,) = await eventually(partial(rig.rows, number, kind))
            assert entry.actor["name"].split()[0] == "Olli", kind
