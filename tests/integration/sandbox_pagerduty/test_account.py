"""Tokens, limits, people and who is on call."""

import httpx
import pytest

from sandbox.pagerduty.server import PagerDutyServer
from tests.integration.sandbox_pagerduty.conftest import SAM


async def test_tokens_decide_what_is_allowed(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """No token and a wrong scheme are 401; a read-only token reads, and may not write."""
    pagerduty.tokens["reader"] = "read_only"
    made = await pagerduty.trigger("Slow API")
    for wrong in ("", "Bearer sandbox-pd-token", "Token token=nonsense"):
        assert (await api.get("/abilities", headers={"Authorization": wrong})).status_code == 401
    reader = {"Authorization": "Token token=reader"}
    assert (await api.get("/abilities", headers=reader)).status_code == 200
    note = {"note": {"content": "x"}}
    assert (await api.post(f"/incidents/{made['id']}/notes", json=note, headers=reader)).status_code == 403


async def test_an_account_token_is_nobody(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """/users/me is 400 for an account-level token, and the person for a personal one."""
    answer = await api.get("/users/me")
    assert answer.status_code == 400
    assert "account-level access token" in answer.json()["error"]
    pagerduty.tokens["mine"] = pagerduty.agent(SAM).id
    mine = await api.get("/users/me", headers={"Authorization": "Token token=mine"})
    assert mine.json()["user"]["email"] == SAM


async def test_too_many_requests_are_refused(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """Beyond the limit of a minute it is 429, with the seconds until the next in ratelimit-reset."""
    pagerduty.rate.limit = 2
    answers = [await api.get("/abilities") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.headers["ratelimit-remaining"] for each in answers] == ["1", "0", "0"]
    assert 0 < int(answers[2].headers["ratelimit-reset"]) <= 61


async def test_on_calls_follow_the_policies(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """Each policy's levels show who is on call by which schedule; nobody on call leaves the level out."""

    async def people(query: str = "") -> list[tuple[str, int, str]]:
        entries = (await api.get(f"/oncalls{query}")).json()["oncalls"]
        return [
            (each["schedule"]["summary"], each["escalation_level"], each["user"]["summary"]) for each in entries
        ]

    assert await people() == [
        ("PD-TRADING-PRIMARY", 1, "Dana Ortiz"),
        ("PD-TRADING-SECONDARY", 2, "Sam Reyes"),
        ("PD-EXECUTIVE", 3, "Chris Tan"),
        ("PD-SECURITY", 1, "Sia Novak"),
    ]
    secondary = pagerduty.world.schedule_named("PD-TRADING-SECONDARY").id
    pagerduty.set_on_call("PD-TRADING-SECONDARY", "chris.cto@ats.example")
    assert await people(f"?schedule_ids[]={secondary}") == [("PD-TRADING-SECONDARY", 2, "Chris Tan")]
    pagerduty.set_on_call("PD-TRADING-SECONDARY", None)
    assert await people(f"?schedule_ids[]={secondary}") == []


async def test_a_new_incident_goes_to_whoever_is_on_call(pagerduty: PagerDutyServer) -> None:
    """The first level is assigned; nobody on call means an unassigned incident, not an error."""
    pagerduty.set_on_call("PD-TRADING-PRIMARY", SAM)
    assert (await pagerduty.trigger("One"))["assignments"][0]["assignee"]["summary"] == "Sam Reyes"
    pagerduty.set_on_call("PD-TRADING-PRIMARY", None)
    assert (await pagerduty.trigger("Two"))["assignments"] == []


@pytest.mark.parametrize(
    ("query", "count"), [("dana", 1), ("ATS.EXAMPLE", 4), ("olli.sales@ats.example", 0), ("", 4)]
)
async def test_users_are_found_by_name_or_address(
    api: httpx.AsyncClient, pagerduty: PagerDutyServer, query: str, count: int
) -> None:
    """The query looks into names and e-mails without regard to case."""
    assert len((await api.get("/users", params={"query": query})).json()["users"]) == count


async def test_every_request_is_recorded(api: httpx.AsyncClient, pagerduty: PagerDutyServer) -> None:
    """The record has method, path below the prefix, query, From, body, status and answer."""
    made = await pagerduty.trigger("Slow API")
    await api.post(f"/incidents/{made['id']}/notes?x=1", json={"note": {"content": "hello"}})
    call = pagerduty.calls[-1]
    assert (call.method, call.path, call.query) == ("POST", f"/incidents/{made['id']}/notes", {"x": ["1"]})
    assert (call.from_email, call.status) == ("dana.oncall@ats.example", 200)
    assert call.body == {"note": {"content": "hello"}}
    assert call.response["note"]["content"] == "hello"
