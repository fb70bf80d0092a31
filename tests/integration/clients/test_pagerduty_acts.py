"""What people do in PagerDuty through the bot: every request and answer is judged by PagerDuty's description."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.clients.pagerduty import PagerDuty
from bot.errors import RejectedError
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.serving import serve
from tests.integration.clients.conftest import CHRIS, DANA, SAM, TOKEN
from tests.integration.sandbox_pagerduty.judge import judge


@pytest.fixture
async def client(far: PagerDutyServer) -> AsyncIterator[PagerDuty]:
    """The client; whatever it sent is judged at the end."""
    async with serve(Starlette(routes=[Mount("/pd", far.app)])) as url:
        made = PagerDuty(token=TOKEN, api_url=f"{url}/pd", deadline=20)
        yield made
        await made.close()
    for call in far.calls:
        if not call.path.startswith("/v3"):  # its examples are of another kind than what the service answers
            judge(call)


async def a_trigger(far: PagerDutyServer) -> str:
    return str((await far.trigger("Loki ingestion lag"))["id"])


async def test_snoozing_acknowledges_for_a_while(client: PagerDuty, far: PagerDutyServer) -> None:
    """In the name of who snoozed."""
    incident = await a_trigger(far)
    after = await client.snooze(incident, 1800, from_email=DANA)
    assert (after["status"], after["pending_actions"][0]["type"]) == ("acknowledged", "unacknowledge")
    assert far.calls[-1].from_email == DANA


@pytest.mark.parametrize("seconds", [0, 604_801])
async def test_a_snooze_outside_a_second_to_a_week_is_refused(
    client: PagerDuty, far: PagerDutyServer, seconds: int
) -> None:
    """PagerDuty's own bounds; the incident stays as it is."""
    incident = await a_trigger(far)
    far.calls.clear()
    with pytest.raises(RejectedError):
        await client.snooze(incident, seconds, from_email=DANA)
    far.calls.clear()  # the description forbids the request itself, as it should
    assert far.incident(incident).status == "triggered"


async def test_reassigning_and_escalating(client: PagerDuty, far: PagerDutyServer) -> None:
    """To a person, then to a level of the policy."""
    incident = await a_trigger(far)
    sam = far.agent(SAM).id
    after = await client.reassign(incident, [sam], from_email=DANA)
    assert [a["assignee"]["id"] for a in after["assignments"]] == [sam]
    after = await client.escalate(incident, 3, from_email=DANA)
    assert [a["assignee"]["id"] for a in after["assignments"]] == [far.agent(CHRIS).id]
    with pytest.raises(RejectedError):
        await client.escalate(incident, 4, from_email=DANA)


async def test_priority_and_reopening(client: PagerDuty, far: PagerDutyServer) -> None:
    """A priority by its id; a resolved incident is triggered again."""
    incident = await a_trigger(far)
    p0 = next(p for p in await client.priorities() if p["name"] == "P0")
    assert (await client.set_priority(incident, p0["id"], from_email=DANA))["priority"]["name"] == "P0"
    await client.resolve(incident, from_email=DANA)
    assert (await client.reopen(incident, from_email=SAM))["status"] == "triggered"


async def test_merging_resolves_the_source(client: PagerDuty, far: PagerDutyServer) -> None:
    """The target must be open."""
    source, target = await a_trigger(far), await a_trigger(far)
    assert (await client.merge(target, [source], from_email=DANA))["id"] == target
    assert (await client.incident(source))["resolve_reason"]["incident"]["id"] == target
    await client.resolve(target, from_email=DANA)
    other = await a_trigger(far)
    with pytest.raises(RejectedError):
        await client.merge(target, [other], from_email=DANA)


async def test_responders_are_asked_without_a_from(client: PagerDuty, far: PagerDutyServer) -> None:
    """The requester stands in the body; without the ability it is a refusal with a reason."""
    incident = await a_trigger(far)
    dana, sam = far.agent(DANA).id, far.agent(SAM).id
    await client.add_responders(incident, [sam], "Please help", requester_id=dana)
    assert far.calls[-1].from_email == ""
    assert far.incident(incident).responders[0].user_id == sam
    far.world.abilities.remove("coordinated_responding")
    with pytest.raises(RejectedError, match="plan"):
        await client.add_responders(incident, [sam], "Please help", requester_id=dana)


async def test_a_status_update_reaches_the_incident(client: PagerDuty, far: PagerDutyServer) -> None:
    """As the person who wrote it."""
    incident = await a_trigger(far)
    await client.status_update(incident, "We are looking", from_email=SAM)
    assert far.incident(incident).status_updates[0].user_id == far.agent(SAM).id


async def test_an_incident_is_created_once_for_its_key(client: PagerDuty, far: PagerDutyServer) -> None:
    """The second with the same key is refused, and the first is found by it."""
    service = (await client.services("Security"))[0]
    assert service["escalation_policy"]["summary"] == "PD-SECURITY"
    wanted = {"title": "Breach", "service_id": service["id"], "incident_key": "ats-1", "from_email": DANA}
    made = await client.create_incident(
        **wanted, details="Odd log-ins", policy_id=service["escalation_policy"]["id"]
    )
    with pytest.raises(RejectedError, match="dedup key"):
        await client.create_incident(**wanted)
    assert [i["id"] for i in await client.incidents_with_key("ats-1")] == [made["id"]]
    direct = await client.create_incident(**(wanted | {"incident_key": "ats-2"}), user_ids=[far.agent(SAM).id])
    assert direct["assignments"][0]["assignee"]["id"] == far.agent(SAM).id


async def test_a_disabled_subscription_is_enabled_again(client: PagerDuty, far: PagerDutyServer) -> None:
    """`temporarily_disabled` is gone afterwards."""
    subscription = far.subscribe("http://127.0.0.1:9/pagerduty/webhooks", "s")
    subscription.disabled_until = far.clock.now() + timedelta(hours=24)
    found = (await client.webhook_subscriptions())[0]
    assert found["delivery_method"]["temporarily_disabled"] is True
    after = await client.enable_subscription(found["id"])
    assert after["delivery_method"]["temporarily_disabled"] is False


async def test_log_entries_come_by_pages_of_a_span(client: PagerDuty, far: PagerDutyServer) -> None:
    """Newest first, only those of the span, and whether there are more."""
    begun = datetime.now(UTC) - timedelta(seconds=2)
    for _ in range(60):
        await a_trigger(far)
    until = datetime.now(UTC) + timedelta(seconds=2)
    page, more = await client.log_page(since=begun, until=until, offset=0)
    rest, end = await client.log_page(since=begun, until=until, offset=100)
    assert (len(page), more, len(rest), end) == (100, True, 20, False)
    assert await client.log_page(since=begun - timedelta(days=1), until=begun, offset=0) == ([], False)


async def test_who_is_on_call_at_another_moment(client: PagerDuty, far: PagerDutyServer) -> None:
    """Sam takes over from Dana in an hour; an upgraded schedule is no different, but lives elsewhere."""
    hour = far.clock.now() + timedelta(hours=1)
    far.set_on_call("PD-TRADING-PRIMARY", SAM, start=hour)
    schedule = far.world.schedule_named("PD-TRADING-PRIMARY")
    schedule.upgraded = True
    now = await client.oncalls(schedule_ids=[schedule.id])
    later = await client.oncalls(schedule_ids=[schedule.id], at=hour + timedelta(minutes=1))
    assert ([d.user.email for d in now], [d.user.email for d in later]) == ([DANA], [SAM])
    assert (await client.schedule_v3(schedule.id))["type"] == "schedule_v3"
    far.calls.clear()  # the description knows no upgraded schedule in a list of on-calls
