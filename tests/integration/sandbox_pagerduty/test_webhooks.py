"""Webhooks v3: signature, ids, shape, order, retries, drops, disabling."""

import hashlib
import hmac
from datetime import timedelta

import httpx
import pytest

from sandbox.clock import SandboxClock
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.pagerduty.world import Subscription
from tests.integration.sandbox_pagerduty.conftest import DANA, SAM, SECRET, Hook, until


@pytest.fixture
def subscription(pagerduty: PagerDutyServer, hook: Hook) -> Subscription:
    return pagerduty.subscribe(hook.url, SECRET)


def states(pagerduty: PagerDutyServer) -> list[str]:
    return [each.state for each in pagerduty.deliveries]


async def test_an_event_is_signed_and_named(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """Signature over the raw body, webhook and subscription ids, PagerDuty's agent."""
    await pagerduty.trigger("Slow API")
    await pagerduty.settle()
    (headers,) = hook.headers
    expected = hmac.new(SECRET.encode(), hook.raw[0], hashlib.sha256).hexdigest()
    assert headers["x-pagerduty-signature"] == f"v1={expected}"
    assert headers["x-webhook-id"]
    assert headers["x-webhook-subscription"] == subscription.id
    assert headers["user-agent"] == "PagerDuty-Webhook/V3.0"
    assert headers["content-type"] == "application/json"


async def test_the_incident_has_the_webhook_shape(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """`number` and `assignees` instead of REST's names, no alert details, milliseconds in occurred_at only."""
    await pagerduty.trigger("Slow API", priority="P1", details={"p95": "3 s"})
    await pagerduty.settle()
    event = hook.bodies[0]["event"]
    data = event["data"]
    assert (event["event_type"], event["resource_type"], data["type"]) == (
        "incident.triggered",
        "incident",
        "incident",
    )
    assert (data["number"], data["status"], data["urgency"]) == (1, "triggered", "high")
    assert [each["summary"] for each in data["assignees"]] == ["Dana Ortiz"]
    assert (data["priority"]["summary"], data["service"]["summary"]) == ("P1", "AI Trading System")
    assert not {"incident_number", "assignments", "alerts", "body"} & set(data)
    assert len(event["occurred_at"]) == len("2026-01-01T00:00:00.000Z")
    assert len(data["created_at"]) == len("2026-01-01T00:00:00Z")


async def test_both_secrets_sign_during_a_rotation(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """While a secret is being changed the header carries a signature for each."""
    subscription.secrets.append("new")
    await pagerduty.trigger("Slow API")
    await pagerduty.settle()
    assert hook.headers[0]["x-pagerduty-signature"] == pagerduty.sign(hook.raw[0], SECRET, "new")
    assert hook.headers[0]["x-pagerduty-signature"].count("v1=") == 2


async def test_every_kind_of_event_is_sent(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """Whatever happens in PagerDuty's own app becomes the event that its documentation names, in that order."""
    first, second = [(await pagerduty.trigger(title))["id"] for title in ("One", "Other")]
    await pagerduty.acknowledge(first, user=SAM)
    await pagerduty.unacknowledge(first)
    await pagerduty.escalate(first)
    await pagerduty.delegate(first, "PD-SECURITY", user=SAM)
    await pagerduty.reassign(first, [DANA], user=SAM)
    await pagerduty.set_priority(first, "P0", user=SAM)
    await pagerduty.move_to_service(first, "Security", user=SAM)
    await pagerduty.annotate(first, "A note", user=SAM)
    await pagerduty.publish_status(first, "Working on it", user=SAM)
    await pagerduty.request_responders(first, ["chris.cto@ats.example"], "Help", user=SAM)
    await pagerduty.reply(first, "joined", user="chris.cto@ats.example")
    await pagerduty.set_conference_bridge(first, "https://meet.example/1", user=SAM)
    await pagerduty.set_custom_field(first, "region", "eu", user=SAM)
    await pagerduty.assign_role(first, "Incident Commander", SAM, user=DANA)
    await pagerduty.resolve(first, user=SAM)
    await pagerduty.reopen(first, user=SAM)
    await pagerduty.merge(second, [first], user=SAM)
    await pagerduty.rename_service("Security", "Security Team", user=SAM)
    await pagerduty.ping(subscription.id)
    await pagerduty.settle()
    about_first = [each["event"]["event_type"] for each in hook.bodies if first in str(each["event"]["data"])]
    assert about_first == [
        "incident.triggered",
        "incident.acknowledged",
        "incident.unacknowledged",
        "incident.escalated",
        "incident.delegated",
        "incident.reassigned",
        "incident.priority_updated",
        "incident.service_updated",
        "incident.annotated",
        "incident.status_update_published",
        "incident.responder.added",
        "incident.responder.replied",
        "incident.conference_bridge.updated",
        "incident.custom_field_values.updated",
        "incident.role.assigned",
        "incident.resolved",
        "incident.reopened",
        "incident.resolved",
    ]
    assert {"service.updated", "pagey.ping"} <= set(hook.types)
    resolved = [
        each["event"]["data"] for each in hook.bodies if each["event"]["event_type"] == "incident.resolved"
    ]
    assert [(each["resolve_reason"] or {}).get("type") for each in resolved] == [None, "merge_resolve_reason"]


async def test_a_note_event_is_the_note(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """`incident.annotated` carries the note with a reference to its incident, and is cut when it is long."""
    made = await pagerduty.trigger("Slow API")
    await pagerduty.annotate(made["id"], "x" * 3000, user=SAM)
    await pagerduty.settle()
    data = hook.bodies[1]["event"]["data"]
    assert (data["type"], data["incident"]["id"], data["trimmed"]) == ("incident_note", made["id"], True)
    assert hook.bodies[1]["event"]["agent"]["summary"] == "Sam Reyes"


async def test_trouble_is_tried_again_under_the_same_id(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """5xx and 429 are tried again until accepted; the id and the body stay, what follows waits its turn."""
    hook.answers = [500, 429, 503]
    made = await pagerduty.trigger("Slow API")
    await pagerduty.acknowledge(made["id"], user=SAM)
    await pagerduty.settle()
    assert hook.types == ["incident.triggered"] * 4 + ["incident.acknowledged"]
    assert len({each["x-webhook-id"] for each in hook.headers[:4]}) == 1
    assert len(set(hook.raw[:4])) == 1
    first = pagerduty.deliveries[0]
    assert (first.state, [each.status for each in first.attempts]) == ("delivered", [500, 429, 503, 202])


async def test_other_incidents_do_not_wait(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """Order is kept per incident: one that fails holds up only its own events."""
    pagerduty.webhooks.waits = lambda _: 60.0
    hook.answers = [500]
    await pagerduty.trigger("Stuck")
    await until(lambda: bool(pagerduty.deliveries[0].attempts))
    await pagerduty.trigger("Free")
    await until(lambda: states(pagerduty) == ["queued", "delivered"])
    pagerduty.webhooks.retry_now()
    await pagerduty.settle()
    assert states(pagerduty) == ["delivered", "delivered"]


async def test_a_refusal_drops_the_event(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """Any 4xx but 429 loses the event for good; success in between starts the count again."""
    hook.answers = [401, 404, 202, 400, 400]
    for number in range(5):
        await pagerduty.trigger(f"Alert {number}")
        await pagerduty.settle()
    assert states(pagerduty) == [
        "dropped",
        "dropped",
        "delivered",
        "dropped",
        "dropped",
    ]
    assert len(hook.bodies) == 5
    assert not subscription.is_disabled(pagerduty.clock.now())


async def test_three_drops_in_a_row_disable_for_a_day(
    api: httpx.AsyncClient,
    pagerduty: PagerDutyServer,
    hook: Hook,
    subscription: Subscription,
    clock: SandboxClock,
) -> None:
    """After three drops nothing arrives for 24 hours, the API says so, and it ends by time or by enabling."""
    path = f"/webhook_subscriptions/{subscription.id}"

    async def disabled() -> bool:
        method = (await api.get(path)).json()["webhook_subscription"]["delivery_method"]
        return bool(method["temporarily_disabled"])

    for _ in range(2):
        hook.answers = [401, 401, 401]
        for number in range(4):
            await pagerduty.trigger(f"Alert {number}")
            await pagerduty.settle()
        assert await disabled()
        assert pagerduty.deliveries[-1].state == "disabled"
        clock.advance(timedelta(hours=25))
        assert not await disabled()
    assert len(hook.bodies) == 6
    hook.answers = [401, 401, 401]
    for number in range(3):
        await pagerduty.trigger(f"Alert {number}")
        await pagerduty.settle()
    assert await disabled()
    await api.post(f"{path}/enable")
    assert not await disabled()


async def test_nobody_listening_is_given_up_after_two_days(
    pagerduty: PagerDutyServer, hook: Hook, clock: SandboxClock
) -> None:
    """A dead address is tried again until the event is 48 hours old."""
    pagerduty.subscribe("http://127.0.0.1:9/nobody", SECRET)
    await pagerduty.trigger("Slow API")
    await until(lambda: len(pagerduty.deliveries[0].attempts) == 3)
    assert states(pagerduty) == ["queued"]
    clock.advance(timedelta(hours=48))
    await pagerduty.settle()
    assert states(pagerduty) == ["given_up"]


async def test_subscriptions_choose_their_events(pagerduty: PagerDutyServer, hook: Hook) -> None:
    """Event types and a service filter select; an inactive subscription gets nothing."""
    chosen = pagerduty.subscribe(hook.url, SECRET, events=["incident.resolved"])
    security = pagerduty.subscribe(hook.url, SECRET)
    security.filter = {"type": "service_reference", "id": pagerduty.world.service_named("Security").id}
    silent = pagerduty.subscribe(hook.url, SECRET)
    silent.active = False
    made = await pagerduty.trigger("Slow API")
    await pagerduty.resolve(made["id"])
    breach = await pagerduty.trigger("Breach", service="Security")
    await pagerduty.annotate(breach["id"], "Looking", user=SAM)
    await pagerduty.settle()
    sent = [(each.subscription_id, each.event_type) for each in pagerduty.deliveries]
    assert sent == [
        (chosen.id, "incident.resolved"),
        (security.id, "incident.triggered"),
        (security.id, "incident.annotated"),
    ]


async def test_deliveries_can_be_doubled_reordered_and_forged(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """Tests can send a delivery again, send an older state later, and sign what they made up."""
    made = await pagerduty.trigger("Slow API")
    before = pagerduty.envelope(made["id"], "incident.triggered")
    await pagerduty.acknowledge(made["id"], user=SAM)
    await pagerduty.settle()
    assert (await pagerduty.redeliver(pagerduty.deliveries[0])).status_code == 202
    assert hook.headers[2]["x-webhook-id"] == hook.headers[0]["x-webhook-id"]
    pagerduty.webhooks.queue(subscription, before, made["id"])
    await pagerduty.settle()
    assert [each["event"]["data"]["status"] for each in hook.bodies] == [
        "triggered",
        "acknowledged",
        "triggered",
        "triggered",
    ]


async def test_delivery_can_be_held_back(
    pagerduty: PagerDutyServer, hook: Hook, subscription: Subscription
) -> None:
    """While paused events queue up; resumed, they arrive in order."""
    pagerduty.webhooks.pause()
    made = await pagerduty.trigger("Slow API")
    await pagerduty.resolve(made["id"], user=SAM)
    assert hook.bodies == []
    pagerduty.webhooks.resume()
    await pagerduty.settle()
    assert hook.types == ["incident.triggered", "incident.resolved"]
