"""The /control endpoints, over real HTTP."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.scenarios import SCENARIOS
from sandbox.server import Sandbox

Served = tuple[Sandbox, httpx.AsyncClient]


async def state(client: httpx.AsyncClient) -> Mapping[str, Any]:
    answer = await client.get("/control/state")
    assert answer.status_code == 200
    found: Mapping[str, Any] = answer.json()
    return found


async def test_the_state_of_a_quiet_world(served: Served) -> None:
    """All alerts, no incident, everyone who is on call, all faults off, real time."""
    _, client = served
    found = await state(client)
    assert [alert["id"] for alert in found["alerts"]] == list(SCENARIOS)
    assert found["alerts"][0]["title"] == "PM2 High Restart Rate (signal-worker)"
    assert found["pagerduty"]["incidents"] == []
    assert {"schedule": "PD-SECURITY", "user": "Sia Novak"} in found["pagerduty"]["on_call"]
    assert {fault["name"]: fault["on"] for fault in found["faults"]} == {
        "pagerduty": False,
        "slack": False,
        "api": False,
    }
    assert found["offset_seconds"] == 0
    assert found["bot"] is None


async def test_users_of_pagerduty_are_matched_to_people_by_their_email(served: Served) -> None:
    """Each PagerDuty user carries the Slack id of the same address."""
    _, client = served
    users = (await state(client))["pagerduty"]["users"]
    assert {user["name"]: user["persona"] for user in users} == {
        "Dana Ortiz": "U0ONCALL",
        "Sam Reyes": "U0SRE",
        "Chris Tan": "U0CTO",
        "Sia Novak": "U0SEC",
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_each_alert_opens_an_incident(served: Served, scenario: str) -> None:
    """Raising an alert triggers its incident with its severity."""
    _, client = served
    answer = await client.post("/control/alert", json={"id": scenario})
    assert answer.json()["ok"] is True
    [incident] = (await state(client))["pagerduty"]["incidents"]
    assert incident["title"] == SCENARIOS[scenario].title
    assert incident["priority"] == SCENARIOS[scenario].severity
    assert incident["status"] == "triggered"
    assert incident["assignees"] == ["Dana Ortiz"]


async def test_time_moves_the_bot_and_then_the_sandbox(served: Served) -> None:
    """The bot is told first; when it fails, the sandbox's clock stands still."""
    sandbox, client = served
    told: list[timedelta] = []

    async def advance(by: timedelta) -> None:
        told.append(by)
        assert sandbox.clock.offset == timedelta()

    sandbox.control.advance_bot = advance
    assert (await client.post("/control/clock", json={"minutes": 15})).json()["ok"] is True
    assert told == [timedelta(minutes=15)]
    assert (await state(client))["offset_seconds"] == 900

    async def fail(by: timedelta) -> None:
        raise RuntimeError("no database")

    sandbox.control.advance_bot = fail
    with pytest.raises(RuntimeError):
        await sandbox.control.advance(timedelta(minutes=1))
    assert sandbox.clock.offset == timedelta(minutes=15)


@pytest.mark.parametrize("minutes", [0, -15, 1441, 1.5, "15", True, None])
async def test_a_senseless_step_is_refused(served: Served, minutes: object) -> None:
    """The clock moves by 1 to 1440 whole minutes, never back."""
    sandbox, client = served
    answer = await client.post("/control/clock", json={"minutes": minutes})
    assert answer.status_code == 400
    assert "1 to 1440" in answer.json()["text"]
    assert sandbox.clock.offset == timedelta()


async def test_somebody_acts_in_pagerduty(served: Served) -> None:
    """Acknowledge and resolve are done as that user; PagerDuty's own refusals are said in words."""
    sandbox, client = served
    await client.post("/control/alert", json={"id": "db-pool"})
    [incident] = (await state(client))["pagerduty"]["incidents"]
    user = next(iter(sandbox.pagerduty.world.users))
    act = {"incident": incident["id"], "user": user}
    answer = await client.post("/control/pagerduty", json={**act, "action": "acknowledge"})
    assert answer.json() == {"ok": True, "text": "#1 is now acknowledged, by Dana Ortiz in PagerDuty."}
    await client.post("/control/pagerduty", json={**act, "action": "resolve"})
    [resolved] = (await state(client))["pagerduty"]["incidents"]
    assert (resolved["status"], resolved["assignees"]) == ("resolved", ["Dana Ortiz"])
    again = await client.post("/control/pagerduty", json={**act, "action": "resolve"})
    assert again.status_code == 409
    assert again.json()["text"] == "PagerDuty refuses: Incident Already Resolved."


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("alert", {"id": "nope"}, 404, "there are: pm2-restarts"),
        ("alert", {}, 400, '"id" is missing'),
        ("alert", {"id": 7}, 400, '"id" is missing'),
        ("fault", {"name": "nope", "on": True}, 404, "there are: pagerduty"),
        ("fault", {"name": "api", "on": "yes"}, 400, "true or false"),
        ("pagerduty", {"incident": "1", "action": "resolve", "user": "PNOBODY"}, 404, "no such user"),
        ("pagerduty", {"incident": "1", "action": "explode", "user": "PDANA0ONCALL01"}, 400, 'not "explode"'),
        (
            "pagerduty",
            {"incident": "9", "action": "resolve", "user": "PDANA0ONCALL01"},
            409,
            "PagerDuty refuses",
        ),
    ],
)
async def test_mistakes_are_named(
    served: Served, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    """What is missing, unknown or of the wrong kind is answered in a sentence."""
    _, client = served
    answer = await client.post(f"/control/{path}", json=body)
    assert (answer.status_code, answer.json()["ok"]) == (status, False)
    assert says in answer.json()["text"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"id": "backup"}', "text/plain"),
        (b'{"id": "backup"}', "application/x-www-form-urlencoded"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"id": "' + b"x" * 20_000 + b'"}', "application/json"),
    ],
)
async def test_only_a_small_json_object_is_taken(served: Served, content: bytes, kind: str) -> None:
    """A form or plain text, which another site could send unasked, is refused; so is what is no object."""
    sandbox, client = served
    answer = await client.post("/control/alert", content=content, headers={"content-type": kind})
    assert answer.status_code == 400
    assert sandbox.pagerduty.world.incidents == {}


async def test_faults_reach_the_far_sides(served: Served) -> None:
    """PagerDuty answers 503, Slack 429 with Retry-After, the trading API refuses; off again, all is well."""
    sandbox, client = served
    token = {"authorization": "Token token=sandbox-pd-token"}
    for name in ("pagerduty", "slack", "api"):
        assert (await client.post("/control/fault", json={"name": name, "on": True})).json()["ok"]
    assert (await client.get("/pagerduty/users", headers=token)).status_code == 503
    limited = await client.post("/slack/api/auth.test", data={"token": "xoxb-sandbox"})
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "2")
    api = sandbox.platform.rewrites()["http://localhost:8000"]
    with pytest.raises(httpx.ConnectError):
        await client.get(f"{api}/api/health")
    assert all(fault["on"] for fault in (await state(client))["faults"])
    assert (await client.post("/control/heal", json={})).json()["ok"]
    assert not any(fault["on"] for fault in (await state(client))["faults"])
    assert (await client.get("/pagerduty/users", headers=token)).status_code == 200
    assert (await client.post("/slack/api/auth.test", data={"token": "xoxb-sandbox"})).json()["ok"] is True


async def test_what_the_bot_called_is_listed_newest_first(served: Served) -> None:
    """Calls of Slack and PagerDuty stand in one list, failures marked."""
    _, client = served
    await client.post("/slack/api/auth.test", data={"token": "xoxb-sandbox"})
    await client.get("/pagerduty/users", headers={"authorization": "Token token=wrong"})
    calls = (await state(client))["calls"]
    assert [(call["server"], call["method"], call["ok"]) for call in calls] == [
        ("PagerDuty", "GET /users", False),
        ("Slack", "auth.test", True),
    ]


async def test_the_bots_readiness_is_shown_as_it_is(served: Served) -> None:
    """What the bot says of itself is passed on."""
    sandbox, client = served

    async def ready() -> Mapping[str, object]:
        return {"ready": False, "database": "down"}

    sandbox.control.ready = ready
    assert (await state(client))["bot"] == {"ready": False, "database": "down"}
