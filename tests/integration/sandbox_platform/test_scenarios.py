from collections.abc import AsyncIterator

import pytest

from sandbox.clock import SandboxClock
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.platform import Platform
from sandbox.scenarios import SCENARIOS


@pytest.fixture
async def pagerduty(clock: SandboxClock) -> AsyncIterator[PagerDutyServer]:
    server = PagerDutyServer(clock=clock, public_url="http://127.0.0.1:8025/pagerduty")
    yield server
    await server.close()


def test_the_seven_alerts_and_one_that_is_unknown() -> None:
    """The ids are fixed: drills and the demo page name them."""
    assert list(SCENARIOS) == [
        "pm2-restarts",
        "db-pool",
        "rate-gate",
        "loki-lag",
        "sharpe",
        "api-latency",
        "backup",
        "unmatched",
    ]


@pytest.mark.parametrize("name", SCENARIOS)
async def test_each_scenario_pages_with_what_was_measured(
    platform: Platform, pagerduty: PagerDutyServer, name: str
) -> None:
    """The incident has the service, an urgency by severity, and an alert with metric, value and labels."""
    scenario = SCENARIOS[name]
    incident = await scenario.raise_(pagerduty, platform)
    assert (incident["title"], incident["status"]) == (scenario.title, "triggered")
    assert incident["service"]["summary"] == "AI Trading System"
    assert incident["urgency"] == ("low" if scenario.severity == "P2" else "high")
    details = pagerduty.incident(incident["id"]).alerts[0].details
    assert isinstance(details, dict)
    assert details["metric"] == scenario.metric.name
    assert float(details["value"]) == pytest.approx(scenario.metric.value(platform.state), rel=0.05, abs=1)
    assert details["labels"]


@pytest.mark.parametrize("name", [n for n in SCENARIOS if n not in {"backup", "unmatched"}])
async def test_clearing_makes_the_measured_value_normal_again(
    platform: Platform, pagerduty: PagerDutyServer, name: str
) -> None:
    """After `clear` the value that fired is back where it was on a good day."""
    scenario = SCENARIOS[name]
    good = scenario.metric.value(platform.state)
    await scenario.raise_(pagerduty, platform)
    bad = scenario.metric.value(platform.state)
    scenario.clear(platform)
    after = scenario.metric.value(platform.state)
    # Restarts and back-offs are counted within a window, so that they fall only with time.
    assert abs(bad - good) > 2
    if name not in {"pm2-restarts", "rate-gate"}:
        assert abs(after - good) < abs(bad - good) / 10
