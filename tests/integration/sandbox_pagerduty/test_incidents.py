"""The rules of incidents over REST: who may, what is demanded, what follows."""

from typing import Any

import httpx
import pytest

from sandbox.clock import SandboxClock
from sandbox.pagerduty.server import PagerDutyServer
from tests.integration.sandbox_pagerduty.conftest import DANA, SAM

Json = dict[str, Any]
ACKNOWLEDGE = {"incident": {"type": "incident", "status": "acknowledged"}}
RESOLVE = {"incident": {"type": "incident", "status": "resolved"}}


def code(response: httpx.Response) -> tuple[int, int]:
    return response.status_code, response.json()["error"]["code"]


async def test_acknowledging_assigns_a_stranger(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """Who acknowledges without being assigned becomes the assignee, so a service account would take it away."""
    made = await pagerduty.trigger("Slow API")
    assert [each["assignee"]["summary"] for each in made["assignments"]] == ["Dana Ortiz"]
    answer = await api.put(f"/incidents/{made['id']}", json=ACKNOWLEDGE, headers={"From": SAM})
    incident = answer.json()["incident"]
    assert incident["status"] == "acknowledged"
    assert [each["assignee"]["summary"] for each in incident["assignments"]] == ["Sam Reyes"]
    assert [each["acknowledger"]["summary"] for each in incident["acknowledgements"]] == ["Sam Reyes"]
    assert incident["last_status_change_by"]["summary"] == "Sam Reyes"


async def test_doing_it_twice_is_refused_by_code(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """A second acknowledgement is 1002, a second resolution and an acknowledgement after it are 1001."""
    path = f"/incidents/{(await pagerduty.trigger('Slow API'))['id']}"
    assert (await api.put(path, json=ACKNOWLEDGE)).status_code == 200
    assert code(await api.put(path, json=ACKNOWLEDGE)) == (400, 1002)
    assert (await api.put(path, json=RESOLVE)).status_code == 200
    assert code(await api.put(path, json=RESOLVE)) == (400, 1001)
    assert code(await api.put(path, json=ACKNOWLEDGE)) == (400, 1001)


async def test_an_account_may_let_acknowledging_reopen(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer
) -> None:
    """With that setting a resolved incident comes back acknowledged, as the API description says."""
    pagerduty.world.acknowledging_reopens = True
    path = f"/incidents/{(await pagerduty.trigger('Slow API'))['id']}"
    await api.put(path, json=RESOLVE)
    assert (await api.put(path, json=ACKNOWLEDGE)).json()["incident"]["status"] == "acknowledged"


async def test_the_status_triggered_reopens(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """A resolved incident is reopened to its policy's first level; an open one is refused with 1005."""
    path = f"/incidents/{(await pagerduty.trigger('Slow API'))['id']}"
    again = {"incident": {"type": "incident", "status": "triggered"}}
    assert code(await api.put(path, json=again)) == (400, 1005)
    await api.put(path, json=RESOLVE)
    incident = (await api.put(path, json=again)).json()["incident"]
    assert incident["status"] == "triggered"
    assert incident["resolved_at"] is None
    assert incident["assignments"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"incident": {"status": "acknowledged"}}, (400, 2001)),
        ({"incident": {"type": "alert", "status": "acknowledged"}}, (400, 2001)),
        ({"incident": {"type": "incident", "status": "exploded"}}, (400, 1003)),
        ({"incident": {"type": "incident", "escalation_level": 9}}, (400, 2001)),
        ({"incident": {"type": "incident", "urgency": "medium"}}, (400, 2001)),
        ({"incident": {"type": "incident", "priority": {"id": "PNONE", "type": "priority"}}}, (400, 2001)),
        ({"incident": {"type": "incident", "assignments": [{"assignee": {"id": "PNONE"}}]}}, (400, 1007)),
        ({"something": {}}, (400, 2001)),
    ],
)
async def test_a_wrong_change_is_refused_whole(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, body: Json, expected: tuple[int, int]
) -> None:
    """Missing type, unknown status, priority, assignee, urgency or level: refused, and nothing changes."""
    before = await pagerduty.trigger("Slow API")
    assert code(await api.put(f"/incidents/{before['id']}", json=body)) == expected
    assert pagerduty.rest(before["id"]) == before


@pytest.mark.parametrize(
    ("method", "part", "body"),
    [
        ("PUT", "", ACKNOWLEDGE),
        ("POST", "/notes", {"note": {"content": "x"}}),
        ("POST", "/snooze", {"duration": 60}),
        ("PUT", "/merge", {"source_incidents": [{"id": "P1", "type": "incident_reference"}]}),
        ("POST", "/status_updates", {"message": "x"}),
    ],
)
async def test_writes_demand_a_known_person(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, method: str, part: str, body: Json
) -> None:
    """Without From it is 2001, with an address that nobody has it is 1008."""
    path = f"/incidents/{(await pagerduty.trigger('Slow API'))['id']}{part}"
    assert code(await api.request(method, path, json=body, headers={"From": "olli.sales@ats.example"})) == (
        400,
        1008,
    )
    del api.headers["From"]
    assert code(await api.request(method, path, json=body)) == (400, 2001)


async def test_responder_requests_name_their_requester(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer
) -> None:
    """They need no From but a requester_id, and an account that has the ability (402 otherwise)."""
    made = await pagerduty.trigger("Slow API")
    chris = pagerduty.agent("chris.cto@ats.example").id
    target = {"responder_request_target": {"id": chris, "type": "user_reference"}}
    body = {"requester_id": chris, "message": "Help", "responder_request_targets": [target]}
    del api.headers["From"]
    path = f"/incidents/{made['id']}/responder_requests"
    assert (await api.post(path, json=body)).status_code == 200
    assert (await api.post(path, json=body | {"requester_id": "PNONE"})).status_code == 400
    pagerduty.world.abilities.remove("coordinated_responding")
    assert (await api.post(path, json=body)).status_code == 402


async def test_merging_needs_an_open_target(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """The source is resolved into the target with its alerts; a resolved target is refused."""
    target, source = await pagerduty.trigger("First"), await pagerduty.trigger("Second")
    body = {"source_incidents": [{"id": source["id"], "type": "incident_reference"}]}
    assert (await api.put(f"/incidents/{target['id']}/merge", json=body)).status_code == 200
    merged = (await api.get(f"/incidents/{source['id']}")).json()["incident"]
    assert merged["status"] == "resolved"
    assert merged["resolve_reason"]["type"] == "merge_resolve_reason"
    assert merged["resolve_reason"]["incident"]["id"] == target["id"]
    assert len((await api.get(f"/incidents/{target['id']}/alerts")).json()["alerts"]) == 2
    back = {"source_incidents": [{"id": target["id"], "type": "incident_reference"}]}
    assert code(await api.put(f"/incidents/{source['id']}/merge", json=back)) == (400, 1001)


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 400), (1, 201), (604_800, 201), (604_801, 400), ("60", 400)]
)
async def test_snooze_has_bounds(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, seconds: object, status: int
) -> None:
    """From one second to one week."""
    made = await pagerduty.trigger("Slow API")
    answer = await api.post(f"/incidents/{made['id']}/snooze", json={"duration": seconds})
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["incident"]["pending_actions"][0]["type"] == "unacknowledge"


async def test_incidents_are_filtered_sorted_and_paged(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer
) -> None:
    """Statuses, urgency, service, person and order select; `more` tells when there is another page."""
    numbers = [(await pagerduty.trigger(f"Alert {n}"))["incident_number"] for n in range(1, 6)]
    low = await pagerduty.trigger("Quiet", urgency="low", service="Security")
    await pagerduty.acknowledge("1", user=SAM)
    await pagerduty.resolve("2", user=DANA)

    async def found(query: str) -> list[int]:
        answer = await api.get(f"/incidents?{query}")
        return [each["incident_number"] for each in answer.json()["incidents"]]

    assert await found("statuses[]=triggered&statuses[]=acknowledged&urgencies[]=high") == [1, 3, 4, 5]
    assert await found("urgencies[]=low") == [low["incident_number"]]
    assert await found(f"service_ids[]={low['service']['id']}") == [low["incident_number"]]
    assert await found(f"user_ids[]={pagerduty.agent(SAM).id}") == [1]
    assert await found("sort_by=incident_number:desc&limit=2") == [6, 5]
    assert await found("limit=2&offset=4") == [5, 6]
    assert await found("until=2020-01-01") == []
    page = (await api.get("/incidents?limit=5&total=true")).json()
    assert (page["more"], page["total"], page["limit"], page["offset"]) == (True, 6, 5, 0)
    assert (await api.get("/incidents?limit=6")).json()["more"] is False
    assert numbers == sorted(numbers)


async def test_old_incidents_need_the_whole_range(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, clock: SandboxClock
) -> None:
    """Without dates only the last month is listed; date_range=all shows the rest."""
    from datetime import timedelta

    await pagerduty.trigger("Long ago")
    clock.advance(timedelta(days=40))
    assert (await api.get("/incidents")).json()["incidents"] == []
    assert len((await api.get("/incidents?date_range=all")).json()["incidents"]) == 1


async def test_several_incidents_change_at_once(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """PUT /incidents changes many; each needs its type; more than 250 are refused."""
    ids = [(await pagerduty.trigger(f"Alert {n}"))["id"] for n in range(2)]
    body = {"incidents": [{"id": each, "type": "incident_reference", "status": "resolved"} for each in ids]}
    assert [each["status"] for each in (await api.put("/incidents", json=body)).json()["incidents"]] == [
        "resolved"
    ] * 2
    assert (await api.put("/incidents", json={"incidents": [{"id": ids[0]}]})).status_code == 400
    assert (await api.put("/incidents", json={"incidents": body["incidents"] * 126})).status_code == 413


async def test_a_key_is_used_by_one_open_incident(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """Creating with the key of an open incident is refused, so that a repeated declaration makes no second one."""
    service = {"id": next(iter(pagerduty.world.services)), "type": "service_reference"}
    body = {"incident": {"type": "incident", "title": "T", "service": service, "incident_key": "once"}}
    assert (await api.post("/incidents", json=body)).status_code == 201
    assert (await api.post("/incidents", json=body)).status_code == 400
    assert len(pagerduty.world.incidents) == 1


async def test_log_entries_are_newest_first(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """The log tells who did what, the last first."""
    made = await pagerduty.trigger("Slow API")
    await api.put(f"/incidents/{made['id']}", json=ACKNOWLEDGE)
    await api.post(f"/incidents/{made['id']}/notes", json={"note": {"content": "Scaling out"}})
    entries = (await api.get(f"/incidents/{made['id']}/log_entries?include[]=channels")).json()["log_entries"]
    kinds = [each["type"].removesuffix("_log_entry") for each in entries]
    assert kinds == ["annotate", "acknowledge", "assign", "trigger"]
    assert entries[0]["channel"]["summary"] == "Scaling out"
    assert entries[0]["agent"]["summary"] == "Dana Ortiz"
