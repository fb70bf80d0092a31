"""The Events API v2: what a monitoring system may send, and what becomes of it."""

from typing import Any

import httpx
import pytest

from sandbox.pagerduty.server import PagerDutyServer

Json = dict[str, Any]
PAYLOAD = {
    "summary": "Pool exhausted",
    "severity": "critical",
    "source": "db1",
    "custom_details": {"active": 200},
}


@pytest.fixture
def key(pagerduty: PagerDutyServer) -> str:
    return pagerduty.world.service_named("AI Trading System").routing_key


def event(key: str, action: str, **more: Any) -> Json:
    return {"routing_key": key, "event_action": action, "dedup_key": "db-pool", **more}


async def test_trigger_acknowledge_resolve(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, key: str
) -> None:
    """One dedup key is one incident from trigger to resolve; a trigger in between adds no second one."""
    statuses = []
    for action in ("trigger", "trigger", "acknowledge", "acknowledge", "resolve"):
        more = {"payload": PAYLOAD} if action == "trigger" else {}
        answer = await api.post("/v2/enqueue", json=event(key, action, **more))
        assert (answer.status_code, answer.json()["dedup_key"]) == (202, "db-pool")
        (incident,) = pagerduty.world.incidents.values()
        statuses.append(incident.status)
    assert statuses == ["triggered", "triggered", "acknowledged", "acknowledged", "resolved"]
    await api.post("/v2/enqueue", json=event(key, "trigger", payload=PAYLOAD))
    assert len(pagerduty.world.incidents) == 2


async def test_details_become_the_alert(api: httpx.AsyncClient, pagerduty: PagerDutyServer, key: str) -> None:
    """custom_details, links and severity are read back from the incident's alert."""
    links = [{"href": "https://grafana.example", "text": "Grafana"}]
    await api.post("/v2/enqueue", json=event(key, "trigger", payload=PAYLOAD, links=links))
    (incident,) = pagerduty.world.incidents
    (alert,) = (await api.get(f"/incidents/{incident}/alerts")).json()["alerts"]
    assert alert["body"]["details"] == {"active": 200}
    assert alert["body"]["contexts"] == [{"type": "link", **links[0]}]
    assert (alert["severity"], alert["alert_key"]) == ("critical", "db-pool")


async def test_an_unknown_key_is_dropped_silently(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, key: str
) -> None:
    """Acknowledging or resolving what nobody triggered is accepted and does nothing."""
    for action in ("acknowledge", "resolve"):
        assert (await api.post("/v2/enqueue", json=event(key, action))).status_code == 202
    assert not pagerduty.world.incidents


@pytest.mark.parametrize(
    "change",
    [
        {"routing_key": "nonsense"},
        {"routing_key": None},
        {"event_action": "explode"},
        {"dedup_key": "x" * 256},
        {"payload": None},
        {"payload": PAYLOAD | {"severity": "P0"}},
        {"payload": PAYLOAD | {"summary": ""}},
        {"payload": PAYLOAD | {"summary": "x" * 1025}},
        {"payload": {"summary": "no source", "severity": "info"}},
        {"event_action": "resolve", "dedup_key": None},
    ],
)
async def test_a_wrong_event_is_refused(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, key: str, change: Json
) -> None:
    """400 with status, message and errors; nothing is created."""
    answer = await api.post("/v2/enqueue", json=event(key, "trigger", payload=PAYLOAD) | change)
    assert answer.status_code == 400
    assert answer.json()["status"] == "invalid event"
    assert answer.json()["errors"]
    assert not pagerduty.world.incidents


async def test_events_need_no_api_token(api: httpx.AsyncClient, pagerduty: PagerDutyServer, key: str) -> None:
    """The routing key is all that a monitoring system has."""
    del api.headers["Authorization"]
    answer = await api.post("/v2/enqueue", json=event(key, "trigger", payload=PAYLOAD))
    assert answer.status_code == 202
