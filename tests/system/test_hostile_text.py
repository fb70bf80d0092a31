"""Text from an alert, a person or PagerDuty notifies nobody, whichever way it takes to Slack."""

import re

from tests.rig import DANA, OPS, SAM, Rig, eventually

EVIL = (
    "<!channel> <!here> <@U0CTO> <!subteam^S0SRE> @channel @here & <https://evil.example|PagerDuty> `x` *b* 🔥"
)
SAM_MAIL = "sam.sre@ats.example"
LIVE = re.compile(r"<!(?:channel|here|everyone)|<@U0CTO>|<!subteam\^|<https://evil")


def sent(rig: Rig) -> list[tuple[str, str]]:
    """Everything that the bot has handed to Slack: (method, all of it as text)."""
    shown = (
        "chat.postMessage",
        "chat.update",
        "chat.postEphemeral",
        "views.open",
        "views.update",
        "views.publish",
    )
    return [(c.method, str(c.args)) for c in rig.slack.calls if c.method in shown]


async def test_hostile_text_is_dead_on_every_way(rig: Rig) -> None:
    """Title, service, details, note, status update, responder's message, field, bridge, role, resolution."""
    made = await rig.pagerduty.trigger(
        f"{EVIL} {'A' * 900}", details={"runbook": EVIL, "summary": EVIL}, priority="P2"
    )
    card = await rig.card("incident_ack")
    incident, number = made["id"], made["incident_number"]
    await rig.pagerduty.rename_service("AI Trading System", EVIL, user=SAM_MAIL)
    await rig.pagerduty.annotate(incident, EVIL * 50, user=SAM_MAIL)
    await rig.pagerduty.publish_status(incident, EVIL, user=SAM_MAIL)
    await rig.pagerduty.request_responders(incident, [SAM_MAIL], EVIL, user=SAM_MAIL)
    await rig.pagerduty.set_custom_field(incident, EVIL, EVIL, user=SAM_MAIL)
    await rig.pagerduty.set_conference_bridge(incident, EVIL, user=SAM_MAIL, number=EVIL)
    await rig.pagerduty.assign_role(incident, EVIL, SAM_MAIL, user=SAM_MAIL)
    await rig.slack.command(SAM, OPS, f"note {number} {EVIL}")
    await rig.slack.command(SAM, OPS, f"update {number} {EVIL}")
    await rig.slack.command(SAM, OPS, f"timeline {number}")
    await rig.slack.command(SAM, OPS, EVIL)
    for choice in ("more", "note", "timeline"):
        await rig.slack.press(DANA, OPS, card["ts"], "incident_more", selected=f"{choice}:{number}")
    await rig.slack.command(SAM, OPS, f"resolve {number} {EVIL}")
    await rig.card("Resolved")
    await rig.pagerduty.settle()
    await eventually(lambda: [c for c in rig.calls("views.open") if "Timeline" in str(c.args)])
    live = [(method, found[0]) for method, text in sent(rig) if (found := LIVE.search(text))]
    assert live == []


async def test_two_incidents_with_one_key_are_two_cards(rig: Rig) -> None:
    """PagerDuty allows it once the first is resolved; each has its own card."""
    first = await rig.pagerduty.trigger("Loki Ingestion Lag", incident_key="same")
    await rig.card("Loki", "asked")
    await rig.pagerduty.resolve(first["id"])
    await rig.card("Resolved")
    second = await rig.pagerduty.trigger("PM2 High Restart Rate", incident_key="same")
    await rig.card("PM2", "incident_ack")
    assert (await rig.incident(first["incident_number"])).id != (
        await rig.incident(second["incident_number"])
    ).id
