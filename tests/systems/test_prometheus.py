"""A real Prometheus (S38)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.domain.health import Status
from bot.targets import Target
from tests.rig import eventually
from tests.systems.conftest import TargetOf
from tests.systems.daemon import Place, free_port, until
from tests.systems.health import line
from tests.systems.servers import monitoring
from tests.systems.servers.monitoring import Server

FIRING = {"alert": "DatabaseConnectionPoolExhausted", "expr": "vector(1)", "labels": {"severity": "critical"}}
OPTIONS = {"prometheus": {"metrics": ["up", "loki_ingestion_lag"]}}


@pytest.fixture(scope="module")
def prometheus(place: Place) -> Iterator[Server]:
    """It scrapes itself and an exporter that is down; one alert fires."""
    own = free_port()
    server = monitoring.prometheus(place, {"loki": [f"127.0.0.1:{own}"]}, rules=[FIRING])
    until(lambda: server.get("/api/v1/alerts")["data"]["alerts"], "the alert fires")
    yield server
    server.daemon.kill()


def reached(target: TargetOf, prometheus: Server) -> Target:
    return target(rewrites={"http://localhost:9090": prometheus.url})


async def test_a_target_that_is_down_is_named_with_the_reason(prometheus: Server, target: TargetOf) -> None:
    """Which exporter, and Prometheus's own words for why."""
    same = reached(target, prometheus)  # one for every look: Prometheus takes 512 connections and no more

    async def down() -> str:
        found = await line(same, "prometheus", options=OPTIONS)
        return found.value if "down: loki" in found.value else ""

    assert "connection refused" in await eventually(down)


async def test_a_firing_alert_is_critical_and_named(prometheus: Server, target: TargetOf) -> None:
    """What fires stands first."""
    found = await line(reached(target, prometheus), "prometheus", options=OPTIONS)
    assert found.status is Status.CRITICAL, found
    assert "DatabaseConnectionPoolExhausted" in found.value


async def test_an_alert_on_a_metric_that_nobody_sends_is_told(prometheus: Server, target: TargetOf) -> None:
    """`loki_ingestion_lag` has no series: its alert could never fire."""
    found = await line(reached(target, prometheus), "prometheus", options=OPTIONS)
    assert "no figures: loki_ingestion_lag" in found.value


async def test_a_prometheus_that_is_gone_is_refused(target: TargetOf) -> None:
    """Nothing listens."""
    address = f"http://127.0.0.1:{free_port()}"
    found = await line(target(rewrites={"http://localhost:9090": address}), "prometheus")
    assert "refused: nothing listens" in found.value, found


async def test_an_alert_that_fires_and_is_silenced_is_said(place: Place, target: TargetOf) -> None:
    """Nobody is paged for it: found through the Alertmanager that Prometheus itself names."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    manager = monitoring.alertmanager(place, events_url=nowhere, routing_key="R0")
    server = monitoring.prometheus(place, {}, rules=[FIRING], alertmanager=f"127.0.0.1:{manager.port}")
    try:
        until(lambda: manager.get("/api/v2/alerts"), "the alert arrives")
        reached = target(rewrites={"http://localhost:9090": server.url})
        assert "silenced" not in (await line(reached, "prometheus", options=OPTIONS)).value
        now = datetime.now(UTC)
        matcher = {"name": "alertname", "value": FIRING["alert"], "isRegex": False, "isEqual": True}
        silence = {
            "matchers": [matcher], "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "dana", "comment": "deploying",
        }  # fmt: skip
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.post(f"{manager.url}/api/v2/silences", json=silence)).raise_for_status()

        async def silenced() -> str:
            found = await line(reached, "prometheus", options=OPTIONS)
            return found.value if "silenced" in found.value else ""

        assert "fires and is silenced: DatabaseConnectionPoolExhausted" in await eventually(silenced)
    finally:
        server.daemon.kill()
        manager.daemon.kill()
