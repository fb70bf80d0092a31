"""`/ats link`: who somebody is in PagerDuty, and what is said when that is not known."""

from typing import Any

import pytest

from bot.clients.directory import RoleIds
from bot.domain.policy import Role
from tests.rig import CHRIS, DANA, OLLI, OPS, SAM, Rig, eventually

DANA_MAIL = "dana.oncall@ats.example"


def writes(rig: Rig) -> list[Any]:
    return [c for c in rig.pagerduty.calls if c.method in {"PUT", "POST"}]


def told(rig: Rig, user: str, *words: str) -> list[Any]:
    return [m for m in rig.messages(user=user) if all(word in str(m) for word in words)]


async def test_an_unknown_person_links_themselves_to_pagerduty(rig: Rig) -> None:
    """The e-mail differs there: a link makes them who they are, the channel is told, and they act as that user."""
    rig.pagerduty.world.users[rig.pagerduty.agent(DANA_MAIL).id].email = "d.ortiz@pd.example"
    made = await rig.pagerduty.trigger("PM2 High Restart Rate")
    await rig.card("PM2", "asked")
    number = made["incident_number"]
    await rig.slack.command(DANA, OPS, "link d.ortiz@pd.example")
    await eventually(
        lambda: [m for m in rig.messages() if "is Dana Ortiz (d.ortiz@pd.example) in PagerDuty" in str(m)]
    )
    await rig.slack.command(DANA, OPS, f"ack {number}")
    await rig.card("Acknowledged", "Dana")
    (call,) = writes(rig)
    assert call.from_email == "d.ortiz@pd.example"


async def test_nobody_links_themselves_to_somebody_else(rig: Rig) -> None:
    """Dana's address is Dana's: Olli would act in her name, with her duties."""
    await rig.slack.command(OLLI, OPS, f"link {DANA_MAIL}")
    await eventually(lambda: [m for m in rig.messages(user=OLLI) if "another member" in str(m)])
    await rig.slack.command(OLLI, OPS, f"link <@{CHRIS}> {DANA_MAIL}")
    await eventually(lambda: [m for m in rig.messages(user=OLLI) if "Only an admin" in str(m)])
    assert not [m for m in rig.messages() if "in PagerDuty, says" in str(m)]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("link", "Say which address"),
        ("link nobody@elsewhere.example", "No PagerDuty user has the e-mail nobody@elsewhere.example"),
        ("link off", "There was no link"),
    ],
)
async def test_what_cannot_be_linked_is_said(rig: Rig, typed: str, words: str) -> None:
    """A sentence for who typed it; nothing in the channel, nothing kept."""
    await rig.slack.command(DANA, OPS, typed)
    await eventually(lambda: told(rig, DANA, words))
    assert not [m for m in rig.messages() if "in PagerDuty" in m["text"] and not m.get("is_ephemeral")]


async def test_pagerduty_away_makes_no_link(rig: Rig) -> None:
    """It is said why; typed again later, it works."""
    rig.pagerduty.world.users[rig.pagerduty.agent(DANA_MAIL).id].email = "d.ortiz@pd.example"
    rig.pagerduty.faults.fail("GET /users", times=-1, status=500)
    await rig.slack.command(DANA, OPS, "link d.ortiz@pd.example")
    await eventually(lambda: told(rig, DANA, "No link was made", "PagerDuty failed by itself"), within=30)
    rig.pagerduty.faults.clear()
    await rig.slack.command(DANA, OPS, "link d.ortiz@pd.example")
    await eventually(lambda: told(rig, DANA, "Done: in PagerDuty that is Dana Ortiz"))


async def test_an_admin_links_somebody_and_takes_it_back(rig: Rig) -> None:
    """Olli acts as Sam's PagerDuty user while the link stands, and as nobody afterwards."""
    rig.bot.directory._role_ids = RoleIds({Role.ADMIN: [CHRIS], Role.RESPONDER: [OLLI]})
    made = await rig.pagerduty.trigger("PM2 High Restart Rate")
    await rig.card("PM2", "asked")
    number = made["incident_number"]
    await rig.slack.command(CHRIS, OPS, f"link <@{OLLI}> sam.sre@ats.example")
    await eventually(lambda: told(rig, CHRIS, "Done: in PagerDuty that is Sam Reyes"))
    await rig.slack.command(OLLI, OPS, f"note {number} as Sam")
    await eventually(lambda: [c.from_email for c in writes(rig)] == ["sam.sre@ats.example"])
    await rig.slack.command(CHRIS, OPS, f"link <@{OLLI}> off")
    await eventually(lambda: told(rig, CHRIS, "found by e-mail address again"))
    await rig.slack.command(OLLI, OPS, f"note {number} as nobody")
    await eventually(lambda: told(rig, OLLI, "no PagerDuty user has the e-mail olli.sales@ats.example"))
    assert len(writes(rig)) == 1
    assert SAM not in str(rig.messages(user=OLLI)[-1])
