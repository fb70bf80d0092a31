"""`/ats declare` and `/ats page`: kept, created once, the right people paged, and the emergency rules followed."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.sandbox_pagerduty.judge import judge
from tests.rig import DANA, OLLI, OPS, SAM, SIA, Rig, eventually

DANA_MAIL, SAM_MAIL = "dana.oncall@ats.example", "sam.sre@ats.example"


async def declare(rig: Rig, user: str, **values: str) -> Any:
    """Type it, fill the form in, send it; what Slack got back."""
    assert (await rig.slack.command(user, OPS, "declare")).ok
    view = await rig.modal(user)
    outcome = await rig.slack.submit(
        user, view["id"], {block: {"value": value} for block, value in values.items()}
    )
    assert outcome.ok, outcome
    return outcome


def created(rig: Rig) -> list[Any]:
    calls = [c for c in rig.pagerduty.calls if (c.method, c.path) == ("POST", "/incidents")]
    for call in calls:
        judge(call)
    return calls


async def said(rig: Rig, *words: str) -> dict[str, Any]:
    """A reply under the one card."""

    async def found() -> list[dict[str, Any]]:
        cards = rig.cards()
        return [r for r in await rig.thread(cards[0]) if all(w in str(r) for w in words)] if cards else []

    return dict((await eventually(found, within=20))[0])


async def test_an_incident_pages_the_primary_and_is_a_card(rig: Rig) -> None:
    """On the trading service, as the person, with priority, text and the entry that was chosen."""
    await declare(
        rig, SAM, kind="incident", severity="P0", title="Orders are rejected", text="since 03:10",
        entry="pm2-high-restart-rate",
    )  # fmt: skip
    await rig.card("P0 · Orders are rejected", "PM2", "assigned to Dana Ortiz", within=20)
    await said(rig, "Declared", "Sam", "PD-TRADING-PRIMARY", "since 03:10")
    (call,) = created(rig)
    wanted = call.body["incident"]
    assert (call.from_email, wanted["body"]["details"]) == (SAM_MAIL, "since 03:10")
    assert wanted["service"]["id"] == rig.pagerduty.world.service_named("AI Trading System").id
    await rig.pagerduty.settle()
    assert len(rig.cards()) == 1


async def test_data_corruption_is_loud_and_stops_trading_first(rig: Rig) -> None:
    """The rule of the runbook: stop all trading, then the development team; the stop is one press away."""
    await declare(rig, DANA, kind="corruption", severity="P0", title="Trades doubled")
    reply = await said(rig, "<!here>", "stop all trading first", "development team")
    buttons = [e for b in reply["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert [(b["action_id"], b["value"].split("|")[0]) for b in buttons] == [
        ("run_open", "data-corruption.stop")
    ]
    assert (await rig.incident(1)).kind == "corruption"


async def test_a_security_incident_pages_the_security_team(rig: Rig) -> None:
    """PD-SECURITY, on the security service, with the entry Suspected Breach and its checklist."""
    await declare(rig, DANA, kind="security", severity="P0", title="Strange log-ins")
    await rig.card("Strange log-ins", "assigned to Sia Novak", "Suspected Breach", within=20)
    await said(rig, "Security incident", "Suspected Breach", "PD-SECURITY")
    (call,) = created(rig)
    assert call.body["incident"]["service"]["id"] == rig.pagerduty.world.service_named("Security").id
    assert (await rig.incident(1)).entry_id == "suspected-breach"


async def test_a_declared_security_incident_follows_the_emergency_rules(rig: Rig) -> None:
    """PD-SECURITY first and at once, the primary besides, the checklist, the stop one press away; Management later."""
    await declare(rig, DANA, kind="security", severity="P0", title="Strange log-ins", text="from nowhere")
    card = await rig.card("Strange log-ins", "asked", within=20)
    number = 1
    reply = await said(rig, "Security incident", "PD-SECURITY")
    buttons = [e for b in reply["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert [(b["action_id"], b["value"].split("|")[0]) for b in buttons] == [
        ("run_open", "trading.emergency-stop")
    ]
    await said(rig, "Suspected Breach", "checklist_")
    first = str((await eventually(lambda: rig.reminders(card), within=20))[0]["blocks"])
    assert f"<@{SIA}>" in first
    assert f"<@{DANA}>" in first
    await eventually(lambda: "asked as *Security Incident*" in str(rig.direct(SIA)))
    pd_id = (await rig.incident(number)).pd_id
    assert [s.user_id for s in rig.pagerduty.incident(pd_id).assignments] == [
        _id(rig, "sia.security@ats.example")
    ]
    await eventually(
        lambda: [r.user_id for r in rig.pagerduty.incident(pd_id).responders] == [_id(rig, DANA_MAIL)]
    )
    await rig.advance(minutes=15)
    await eventually(lambda: f"<@{SAM}>" in str(rig.reminders(card)[1:]))
    assert await rig.timeline(number, "declared") == 1


def _id(rig: Rig, email: str) -> str:
    return str(rig.pagerduty.agent(email).id)


async def test_declared_data_corruption_pages_the_primary_and_begins_its_checklist(rig: Rig) -> None:
    """The primary's pager, the checklist that begins with the stop, and the ladder as for any P0."""
    await declare(rig, SAM, kind="corruption", severity="P1", title="Trades doubled")
    card = await rig.card("Trades doubled", "Data Corruption", "assigned to Dana Ortiz", "asked", within=20)
    await said(rig, "Data Corruption", "checklist_")
    reminder = str((await eventually(lambda: rig.reminders(card), within=20))[0]["blocks"])
    assert f"<@{DANA}>" in reminder
    assert f"<@{SIA}>" in reminder  # the runbook has it under Security Incident Response
    assert (await rig.incident(1)).severity == "P1"


@pytest.mark.parametrize("kind", ["security", "corruption"])
async def test_an_emergency_is_never_declared_as_one_that_wakes_nobody(rig: Rig, kind: str) -> None:
    """A P2 pages nobody: the form says so, and nothing is created."""
    await rig.slack.command(DANA, OPS, "declare")
    view = await rig.modal(DANA)
    given = {"kind": {"value": kind}, "severity": {"value": "P2"}, "title": {"value": "Hm"}}
    outcome = await rig.slack.submit(DANA, view["id"], given)
    assert "choose P0 or P1" in str(outcome.errors)
    await rig.slack.command(DANA, OPS, "incidents")
    assert created(rig) == []


async def test_a_schedule_nobody_is_on_is_said_where_its_incident_is_declared(rig: Rig) -> None:
    """Nobody is the security team tonight: it is created all the same, said, and the ladder asks the others."""
    rig.pagerduty.set_on_call("PD-SECURITY", None)
    await rig.asked_anew()
    await declare(rig, DANA, kind="security", severity="P0", title="Strange log-ins")
    card = await rig.card("Strange log-ins", "asked", within=20)
    await said(rig, "PD-SECURITY, where nobody is on call")
    first = str((await eventually(lambda: rig.reminders(card), within=20))[0]["blocks"])
    assert "nobody is on call in PD-SECURITY" in first
    assert f"<@{DANA}>" in first


async def test_a_service_that_pagerduty_does_not_have_is_said(rig: Rig) -> None:
    """No service goes by the runbook's policy: nothing is created, and which setting names one is said."""
    for service in rig.pagerduty.world.services.values():
        service.policy_id = rig.pagerduty.world.policy_named("PD-SECURITY").id
    await declare(rig, DANA, kind="incident", severity="P0", title="Help")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "Set PAGERDUTY_SERVICE" in str(m)])
    assert created(rig) == []


async def test_a_lost_answer_makes_no_second_incident(rig: Rig) -> None:
    """Created, but the answer is lost: it is found by its key."""
    rig.pagerduty.faults.fail("POST /incidents", drop=True, after=True)
    await declare(rig, DANA, kind="incident", severity="P1", title="Once only")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "nobody is paged so far" in str(m)])
    await rig.advance(seconds=5)
    await said(rig, "Declared", "Dana")
    assert len(rig.pagerduty.world.incidents) == 1


async def test_the_form_sent_twice_is_one_incident(rig: Rig) -> None:
    """Slack delivers at least once."""
    await rig.slack.command(DANA, OPS, "declare")
    view = await rig.modal(DANA)
    from bot.operations import declarations
    from bot.operations.declarations import Wish

    await rig.slack.submit(DANA, view["id"], {"title": {"value": "Twice"}})
    async with rig.bot.store.transaction() as tx:
        await declarations.declare(tx, Wish("incident", {"title": "Twice"}, DANA), press=view["id"])
    await said(rig, "Declared", "Dana")
    assert len(created(rig)) == 1


async def test_pagerduty_refusing_for_good_is_said_once_and_kept(rig: Rig) -> None:
    """A token that may not: nobody is paged, and the person knows."""
    rig.pagerduty.faults.fail("POST /incidents", times=-1, status=403)
    await declare(rig, DANA, kind="incident", severity="P0", title="No luck")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "Nothing was declared" in str(m)])
    assert rig.cards() == []


async def test_somebody_unknown_to_pagerduty_is_told_what_to_do(rig: Rig) -> None:
    """It takes incidents only in the name of a user."""
    await declare(rig, OLLI, kind="incident", severity="P0", title="Help")
    await eventually(lambda: [m for m in rig.messages(user=OLLI) if "/ats link" in str(m)])
    assert created(rig) == []


async def test_an_empty_title_is_asked_for(rig: Rig) -> None:
    """Everything else may stay as it is."""
    await rig.slack.command(DANA, OPS, "declare")
    view = await rig.modal(DANA)
    outcome = await rig.slack.submit(DANA, view["id"], {"title": {"value": "   "}})
    assert outcome.errors is not None
    assert "title" in outcome.errors


async def test_the_events_api_is_used_where_a_routing_key_is_set(database_url: str, tmp_path: Any) -> None:
    """In nobody's name: whoever has no PagerDuty user can declare too."""
    from sandbox.pagerduty.seed import default_world

    key = default_world().service_named("AI Trading System").routing_key
    async with Rig.running(database_url, tmp_path, PAGERDUTY_ROUTING_KEY=key) as rig:
        await declare(rig, OLLI, kind="incident", severity="P0", title="From Olli")
        await rig.card("From Olli", within=20)
        await rig.advance(seconds=5)
        await said(rig, "Declared", "Olli")
        assert created(rig) == []
        (event,) = [c for c in rig.pagerduty.calls if c.path == "/v2/enqueue"]
        judge(event)
        assert event.body["dedup_key"].startswith("ats-")


@pytest.mark.parametrize(
    ("role", "who"), [("secondary", "Sam Reyes"), ("managment", "Chris Tan"), ("@cto", "Chris Tan")]
)
async def test_paging_a_role(rig: Rig, role: str, who: str) -> None:
    """Whoever is on call for that row of the contact table, spelled as people do."""
    await rig.slack.command(DANA, OPS, f"page {role} the disk is full")
    await rig.card("Page: the disk is full", f"assigned to {who}", within=20)
    (call,) = created(rig)
    assert call.from_email == DANA_MAIL


async def test_paging_a_schedule_nobody_is_on_pages_the_next_and_says_whom(rig: Rig) -> None:
    """The secondary's is empty: management is paged instead, and whoever asked is told so."""
    rig.pagerduty.set_on_call("PD-TRADING-SECONDARY", None)
    await rig.asked_anew()
    await rig.slack.command(DANA, OPS, "page secondary the disk is full")
    await rig.card("Page: the disk is full", "assigned to Chris Tan", within=20)
    words = "instead of Secondary (PD-TRADING-SECONDARY), where nobody is on call"
    await said(rig, words)
    await eventually(lambda: [m for m in rig.messages(user=DANA) if words in str(m)])


async def test_paging_when_nobody_at_all_is_on_call_is_refused_in_words(rig: Rig) -> None:
    """Every schedule is empty: nothing is created, and that somebody must be called by telephone is said."""
    for contact in rig.bot.rules.plan.contacts:
        rig.pagerduty.set_on_call(contact.schedule, None)
    await rig.asked_anew()
    await rig.slack.command(DANA, OPS, "page secondary the disk is full")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "nor for any other row" in str(m)])
    assert created(rig) == []


async def test_paging_nobody_is_said(rig: Rig) -> None:
    """An unknown role, a role without a reason."""
    await rig.slack.command(DANA, OPS, "page zebra help")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "no role of the runbook" in str(m)])
    await rig.slack.command(DANA, OPS, "page secondary")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "Say whom to page" in str(m)])
    assert created(rig) == []


async def test_who_is_on_call_later(rig: Rig) -> None:
    """Sam takes over as primary in two hours; the schedule is an upgraded one."""
    rig.pagerduty.world.schedule_named("PD-TRADING-PRIMARY").upgraded = True
    rig.pagerduty.set_on_call(
        "PD-TRADING-PRIMARY", SAM_MAIL, start=rig.pagerduty.clock.now() + timedelta(hours=2)
    )
    await rig.slack.command(DANA, OPS, "oncall in 3h")
    (reply,) = await eventually(lambda: [m for m in rig.messages(user=DANA) if "As planned for" in str(m)])
    assert "Primary On-Call: Sam Reyes" in str(reply["blocks"])
    await rig.slack.command(DANA, OPS, "oncall someday")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "is no moment" in str(m)])
