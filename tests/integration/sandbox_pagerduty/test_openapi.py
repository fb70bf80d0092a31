"""Every route of the local PagerDuty against PagerDuty's own API description."""

from typing import Any

import httpx
import pytest
from openapi_core.exceptions import OpenAPIError

from sandbox.pagerduty.gate import ApiCall
from sandbox.pagerduty.server import PagerDutyServer
from tests.integration.sandbox_pagerduty.judge import judge

Json = dict[str, Any]


async def told(
    api: httpx.AsyncClient, server: PagerDutyServer, method: str, path: str, **options: Any
) -> ApiCall:
    """Make a request, judge it and its answer; the record of it."""
    response = await api.request(method, path, **options)
    call = server.calls[-1]
    assert call.status == response.status_code
    judge(call)
    return call


@pytest.fixture
async def incident(pagerduty: PagerDutyServer) -> Json:
    """An incident in which everything has happened once."""
    contexts = [{"type": "link", "href": "https://grafana.example/d/1", "text": "Dashboard"}]
    made = await pagerduty.trigger(
        "Loki ingestion lag", priority="P0", details={"lag": "45 s"}, contexts=contexts
    )
    number = made["id"]
    await pagerduty.acknowledge(number, user="sam.sre@ats.example")
    await pagerduty.annotate(number, "Restarting Loki", user="sam.sre@ats.example")
    await pagerduty.unacknowledge(number)
    await pagerduty.escalate(number)
    await pagerduty.set_priority(number, "P1", user="sam.sre@ats.example")
    await pagerduty.publish_status(number, "We are looking", user="sam.sre@ats.example")
    await pagerduty.request_responders(number, ["chris.cto@ats.example"], "Help", user="sam.sre@ats.example")
    await pagerduty.snooze(number, 60, user="sam.sre@ats.example")
    await pagerduty.delegate(number, "PD-SECURITY", user="sam.sre@ats.example")
    await pagerduty.reassign(number, ["dana.oncall@ats.example"], user="sam.sre@ats.example")
    return pagerduty.rest(number)


@pytest.mark.parametrize(
    "path",
    [
        "/abilities",
        "/priorities",
        "/users",
        "/users?query=dana",
        "/schedules",
        "/oncalls",
        "/oncalls?include[]=users",
        "/services",
        "/escalation_policies",
        "/incidents",
        "/incidents?statuses[]=triggered&total=true&limit=1",
        "/incidents?include[]=services",
        "/incidents?include[]=users",
        "/log_entries",
        "/log_entries?include[]=channels&limit=3",
        "/webhook_subscriptions",
    ],
)
async def test_lists_have_the_described_shape(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, incident: Json, path: str
) -> None:
    """Every list answers as the description says, plain and with includes."""
    pagerduty.subscribe("https://hooks.example/pd", "s")
    assert (await told(api, pagerduty, "GET", path)).status == 200


@pytest.mark.parametrize("part", ["", "/alerts", "/notes", "/log_entries", "/log_entries?is_overview=true"])
async def test_an_incident_and_its_parts_have_the_described_shape(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, incident: Json, part: str
) -> None:
    """An incident with a full history reads as the description says."""
    assert (await told(api, pagerduty, "GET", f"/incidents/{incident['id']}{part}")).status == 200


async def test_single_records_have_the_described_shape(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer
) -> None:
    """One user, schedule, service and policy read as the description says."""
    world = pagerduty.world
    paths = [f"/users/{next(iter(world.users))}", f"/services/{next(iter(world.services))}"]
    schedule = next(iter(world.schedules))
    paths += [
        f"/schedules/{schedule}",
        f"/schedules/{schedule}/users",
        f"/schedules/{schedule}/users?since=2026-01-01T00:00:00Z",
    ]
    paths.append(f"/escalation_policies/{next(iter(world.policies))}")
    for path in paths:
        assert (await told(api, pagerduty, "GET", path)).status == 200, path


async def test_an_upgraded_schedule_is_read_under_v3(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer
) -> None:
    """A schedule of the new kind lives at /v3/schedules/{id}, and is not found at the old address."""
    schedule = pagerduty.world.schedule_named("PD-SECURITY")
    schedule.upgraded = True
    assert (await told(api, pagerduty, "GET", f"/v3/schedules/{schedule.id}")).status == 200
    assert (await told(api, pagerduty, "GET", f"/schedules/{schedule.id}")).status == 404


async def test_writes_have_the_described_shape(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """Create, acknowledge, note, snooze, update, ask for help, merge, resolve: all as described."""
    service = next(iter(pagerduty.world.services))
    body = {
        "incident": {
            "type": "incident",
            "title": "Declared by hand",
            "service": {"id": service, "type": "service_reference"},
            "body": {"type": "incident_body", "details": "What is known"},
        }
    }
    made = [await told(api, pagerduty, "POST", "/incidents", json=body) for _ in range(2)]
    assert [call.status for call in made] == [201, 201]
    first, second = (call.response["incident"]["id"] for call in made)
    dana = next(iter(pagerduty.world.users))
    target = {"id": dana, "type": "user_reference"}
    steps: list[tuple[str, str, Json]] = [
        ("PUT", f"/incidents/{first}", {"incident": {"type": "incident", "status": "acknowledged"}}),
        ("PUT", "/incidents", {"incidents": [{"id": first, "type": "incident_reference", "title": "Renamed"}]}),
        ("POST", f"/incidents/{first}/notes", {"note": {"content": "A note"}}),
        ("POST", f"/incidents/{first}/snooze", {"duration": 3600}),
        ("POST", f"/incidents/{first}/status_updates", {"message": "Working on it"}),
        (
            "POST",
            f"/incidents/{first}/responder_requests",
            {
                "requester_id": dana,
                "message": "Please help",
                "responder_request_targets": [{"responder_request_target": target}],
            },
        ),
        (
            "PUT",
            f"/incidents/{first}/merge",
            {"source_incidents": [{"id": second, "type": "incident_reference"}]},
        ),
        (
            "PUT",
            f"/incidents/{first}",
            {"incident": {"type": "incident", "status": "resolved", "resolution": "Done"}},
        ),
    ]
    for method, path, change in steps:
        assert (await told(api, pagerduty, method, path, json=change)).status in (200, 201), path


async def test_webhook_subscriptions_have_the_described_shape(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer
) -> None:
    """A subscription is created, read, changed, enabled, pinged, deleted as described; its secret shown once."""
    wanted = {
        "type": "webhook_subscription",
        "delivery_method": {"type": "http_delivery_method", "url": "http://127.0.0.1:9/hook"},
        "events": ["incident.triggered"],
        "filter": {"type": "account_reference"},
    }
    made = await told(api, pagerduty, "POST", "/webhook_subscriptions", json={"webhook_subscription": wanted})
    assert made.response["webhook_subscription"]["delivery_method"]["secret"]
    path = f"/webhook_subscriptions/{made.response['webhook_subscription']['id']}"
    read = await told(api, pagerduty, "GET", path)
    assert read.response["webhook_subscription"]["delivery_method"]["secret"] is None
    change = {"webhook_subscription": {"events": ["incident.resolved"], "active": False}}
    assert (await told(api, pagerduty, "PUT", path, json=change)).response["webhook_subscription"][
        "active"
    ] is False
    assert (await told(api, pagerduty, "POST", f"{path}/enable")).status == 200
    assert (await told(api, pagerduty, "POST", f"{path}/ping")).status == 202
    assert (await told(api, pagerduty, "DELETE", path)).status == 204


@pytest.mark.parametrize(
    ("status", "headers", "path"),
    [
        (401, {"Authorization": "Token token=wrong"}, "/incidents"),
        (404, {}, "/incidents/PNOSUCHINCIDENT"),
        (404, {}, "/users/PNOSUCHUSER"),
        (400, {}, "/incidents?limit=100&offset=9950"),
        (400, {}, "/log_entries?since=yesterday"),
    ],
)
async def test_refusals_have_the_described_shape(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, status: int, headers: Json, path: str
) -> None:
    """Errors come as {"error": {"message", "code", "errors"}}, as described."""
    response = await api.get(path, headers=headers)
    assert response.status_code == status
    error = response.json()["error"]
    assert isinstance(error["code"], int)
    assert error["message"]
    assert response.headers["ratelimit-limit"] == "960"


async def test_events_have_the_described_shape(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """The Events API v2 accepts what its description accepts, and answers as it says."""
    service = next(iter(pagerduty.world.services.values()))
    event = {
        "routing_key": service.routing_key,
        "event_action": "trigger",
        "dedup_key": "db-pool",
        "payload": {
            "summary": "Pool exhausted",
            "severity": "critical",
            "source": "db1",
            "custom_details": {"n": 200},
        },
        "links": [{"href": "https://grafana.example", "text": "Grafana"}],
    }
    call = await told(api, pagerduty, "POST", "/v2/enqueue", json=event)
    assert call.response == {"status": "success", "message": "Event processed", "dedup_key": "db-pool"}


async def test_the_judge_refuses_what_is_wrong(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """The judgement can fail: a bad status in an answer and a missing From in a request are both found."""
    made = await pagerduty.trigger("Something")
    call = await told(api, pagerduty, "GET", f"/incidents/{made['id']}")
    call.response["incident"]["status"] = "on fire"
    with pytest.raises(OpenAPIError):
        judge(call)
    change = {"incident": {"type": "incident", "status": "resolved"}}
    call = await told(api, pagerduty, "PUT", f"/incidents/{made['id']}", json=change)
    del call.headers["from"]
    with pytest.raises(OpenAPIError):
        judge(call)
