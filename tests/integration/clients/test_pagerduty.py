"""The PagerDuty client against the local PagerDuty, each exchange judged by PagerDuty's own description."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.clients.pagerduty import OnCall, PagerDuty, PdUser
from bot.errors import RejectedError
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.serving import serve
from tests.integration.clients.conftest import DANA, SAM, TOKEN
from tests.integration.sandbox_pagerduty.judge import judge

WRITES = {"PUT", "POST"}
NAMELESS = ("/responder_requests", "/enable")  # these two carry no From


@pytest.fixture
async def client(far: PagerDutyServer, request: pytest.FixtureRequest) -> AsyncIterator[PagerDuty]:
    """The client; a parameter says below which path the far side is."""
    prefix: str = getattr(request, "param", "/pagerduty/")
    app = Starlette(routes=[Mount(prefix.rstrip("/"), far.app)])
    async with serve(app) as url:
        made = PagerDuty(token=TOKEN, api_url=url + prefix, deadline=20)
        yield made
        await made.close()
    for call in far.calls:
        judge(call)
        named = call.method in WRITES and not call.path.endswith(NAMELESS)
        assert "@" in call.from_email if named else not call.from_email


@pytest.mark.parametrize("client", ["", "/pagerduty", "/pagerduty/"], indirect=True)
async def test_an_incident_from_trigger_to_resolve(client: PagerDuty, far: PagerDutyServer) -> None:
    """Read, acknowledge, note and resolve, at any kind of address; the answers are the incident after each."""
    made = await far.trigger("Loki ingestion lag", details={"lag": "45 s"})
    assert await client.incident(made["id"]) == made
    assert (await client.alerts(made["id"]))[0]["body"]["details"] == {"lag": "45 s"}
    assert (await client.acknowledge(made["id"], from_email=SAM))["status"] == "acknowledged"
    assert (await client.note(made["id"], "Restarting Loki", from_email=SAM))["content"] == "Restarting Loki"
    await client.note(made["id"], "Loki is back", from_email=SAM)
    assert [each["content"] for each in await client.notes(made["id"])] == ["Loki is back", "Restarting Loki"]
    resolved = await client.resolve(made["id"], from_email=DANA, resolution="Restarted")
    assert (resolved["status"], far.incident(made["id"]).resolution) == ("resolved", "Restarted")
    log = [each["type"].removesuffix("_log_entry") for each in await client.log_entries(made["id"])]
    assert log == ["resolve", "annotate", "annotate", "acknowledge", "assign", "assign", "trigger"]
    assert [call.from_email for call in far.calls if call.method in WRITES] == [SAM, SAM, SAM, DANA]


async def test_done_already_is_no_error(client: PagerDuty, far: PagerDutyServer) -> None:
    """Acknowledged or resolved before: the incident as it is comes back, and it is not changed."""
    made = await far.trigger("Slow API")
    first = await client.acknowledge(made["id"], from_email=SAM)
    assert await client.acknowledge(made["id"], from_email=SAM) == first
    done = await client.resolve(made["id"], from_email=DANA)
    assert await client.resolve(made["id"], from_email=SAM) == done
    assert await client.acknowledge(made["id"], from_email=SAM) == done


async def test_people_are_found_by_their_exact_address(client: PagerDuty, far: PagerDutyServer) -> None:
    """Upper and lower case are alike, part of an address is not enough, nobody is None."""
    sam = await client.user_by_email("SAM.SRE@ats.example ")
    user = far.world.user_by_email(SAM)
    assert user is not None
    assert sam == PdUser(user.id, "Sam Reyes", SAM, f"http://pd.example/web/users/{user.id}")
    assert await client.user_by_email("ats.example") is None
    assert await client.user_by_email("olli.sales@ats.example") is None
    assert await client.user_by_email("  ") is None


async def test_on_calls_carry_address_level_and_end(client: PagerDuty, far: PagerDutyServer) -> None:
    """Each entry names schedule, policy, level, person with e-mail, and until when; schedules narrow it."""
    everybody = await client.oncalls()
    assert [(each.schedule, each.policy, each.level, each.user.email) for each in everybody] == [
        ("PD-TRADING-PRIMARY", "PD-TRADING-PRIMARY", 1, DANA),
        ("PD-TRADING-SECONDARY", "PD-TRADING-PRIMARY", 2, SAM),
        ("PD-EXECUTIVE", "PD-TRADING-PRIMARY", 3, "chris.cto@ats.example"),
        ("PD-SECURITY", "PD-SECURITY", 1, "sia.security@ats.example"),
    ]
    assert all(each.until and each.until > datetime.now(UTC) for each in everybody)
    (schedule,) = await client.schedules("TRADING-SECONDARY")
    (only,) = await client.oncalls(schedule_ids=[schedule["id"]])
    assert isinstance(only, OnCall)
    assert (only.schedule_id, only.user.name) == (schedule["id"], "Sam Reyes")
    assert await client.oncalls(schedule_ids=[]) == []


async def test_somebody_on_a_policy_itself_has_no_schedule(client: PagerDuty, far: PagerDutyServer) -> None:
    """A policy that names a person directly: no schedule, and on call without end."""
    from sandbox.pagerduty.world import Target

    policy = far.world.policy_named("PD-SECURITY")
    policy.rules[0].targets = [Target("user", far.agent(SAM).id)]
    entry = (await client.oncalls())[-1]
    assert (entry.schedule_id, entry.schedule, entry.until, entry.user.email) == ("", "", None, SAM)


async def test_lists_follow_their_pages(client: PagerDuty, far: PagerDutyServer) -> None:
    """More than one page is read to its end, in order."""
    made = await far.trigger("Flood")
    incident = far.incident(made["id"])
    for number in range(230):
        far.actions.add_alert(
            incident, summary=f"n{number}", severity="info", details=None, contexts=[], key=f"k{number}"
        )
    alerts = await client.alerts(made["id"])
    assert [each["alert_key"] for each in alerts[1:]] == [f"k{number}" for number in range(230)]
    assert [call.query["offset"] for call in far.calls] == [["0"], ["100"], ["200"]]


async def test_open_incidents_are_those_of_any_age(client: PagerDuty, far: PagerDutyServer) -> None:
    """Triggered and acknowledged, also from months ago; not resolved."""
    from datetime import timedelta

    ids = [(await far.trigger(f"Alert {number}"))["id"] for number in range(3)]
    await far.acknowledge(ids[1], user=SAM)
    await far.resolve(ids[2], user=SAM)
    far.clock.advance(timedelta(days=90))
    assert [each["id"] for each in await client.open_incidents()] == ids[:2]


async def test_the_account_is_described(client: PagerDuty, far: PagerDutyServer) -> None:
    """Ping, abilities, policies and subscriptions, for the doctor."""
    subscription = far.subscribe("https://bot.example/pagerduty/webhooks", "secret")
    await client.ping()
    assert "coordinated_responding" in await client.abilities()
    assert [each["name"] for each in await client.escalation_policies("SECURITY")] == ["PD-SECURITY"]
    (shown,) = await client.webhook_subscriptions()
    assert shown["id"] == subscription.id
    assert shown["delivery_method"]["temporarily_disabled"] is False


async def test_who_acts_is_the_last_resort_only_without_a_person(far: PagerDutyServer) -> None:
    """The caller's address wins; the configured one is used without; without both nothing is sent."""
    made = await far.trigger("Slow API")
    async with serve(far.app) as url:
        configured = PagerDuty(token=TOKEN, api_url=url, default_from=DANA)
        await configured.note(made["id"], "one", from_email=SAM)
        await configured.note(made["id"], "two", from_email="")
        assert [call.from_email for call in far.calls] == [SAM, DANA]
        bare = PagerDuty(token=TOKEN, api_url=url)
        with pytest.raises(RejectedError, match="PAGERDUTY_FROM_EMAIL"):
            await bare.note(made["id"], "three", from_email=" ")
        assert len(far.calls) == 2
        await configured.close()
        await bare.close()


@pytest.mark.parametrize("wrong", ["../users", "P1/notes", "", "P1?x=1", "P 1"])
async def test_an_id_cannot_change_what_is_asked(far: PagerDutyServer, wrong: str) -> None:
    """What is not an id is refused before anything is sent."""
    async with serve(far.app) as url:
        client = PagerDuty(token=TOKEN, api_url=url)
        with pytest.raises(RejectedError) as refused:
            await client.incident(wrong)
        assert refused.value.code == "2100"
        assert not far.calls
        await client.close()
