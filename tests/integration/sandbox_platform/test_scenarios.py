from typing import Any

import pytest

from sandbox.platform import Platform
from sandbox.scenarios import SCENARIOS


class Pager:
    """Keeps what it was asked to trigger."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def trigger(self, title: str, **more: Any) -> dict[str, Any]:
        self.asked.append({"title": title, **more})
        return {"id": f"Q{len(self.asked)}", "title": title}


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
async def test_each_scenario_pages_with_what_was_measured(platform: Platform, name: str) -> None:
    """The incident has the service, an urgency by severity, and details with metric, value and labels."""
    scenario, pager = SCENARIOS[name], Pager()
    incident = await scenario.raise_(pager, platform)
    asked = pager.asked[0]
    assert incident["title"] == asked["title"] == scenario.title
    assert asked["service"] == "AI Trading System"
    assert asked["urgency"] == ("low" if scenario.severity == "P2" else "high")
    details = asked["details"]
    assert details["metric"] == scenario.metric.name
    assert float(details["value"]) == pytest.approx(scenario.metric.value(platform.state), rel=0.05, abs=1)
    assert details["labels"]


@pytest.mark.parametrize("name", [n for n in SCENARIOS if n not in {"backup", "unmatched"}])
async def test_clearing_makes_the_measured_value_normal_again(platform: Platform, name: str) -> None:
    """After `clear` the value that fired is back where it was on a good day."""
    scenario = SCENARIOS[name]
    good = scenario.metric.value(platform.state)
    await scenario.raise_(Pager(), platform)
    bad = scenario.metric.value(platform.state)
    scenario.clear(platform)
    after = scenario.metric.value(platform.state)
    # Restarts and back-offs are counted within a window, so that they fall only with time.
    assert abs(bad - good) > 2
    if name not in {"pm2-restarts", "rate-gate"}:
        assert abs(after - good) < abs(bad - good) / 10
