"""The whole way of an alert: a real PostgreSQL runs out of connections, and somebody is told in Slack.

PostgreSQL → its exporter → Prometheus's rule → Alertmanager → PagerDuty's events API → webhook → card → diagnosis,
and back again when the connections are freed. Only PagerDuty and Slack are the sandbox's.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.pagerduty.seed import TRADING_SERVICE
from tests.rig import Rig, eventually
from tests.systems.daemon import Place
from tests.systems.servers import monitoring
from tests.systems.servers.postgres import Postgres

RULE = {
    "alert": "DatabaseConnectionPoolExhausted",
    "expr": "database_connections_active >= database_connections_max",
    "keep_firing_for": "15s",  # on a busy machine a scrape may come too late, and that is no end of the alert
    "labels": {"severity": "P0"},
    "annotations": {"summary": "no connection is left for the application"},
}


@pytest.fixture
async def rig(database_url: str, tmp_path: Path, trading: Postgres) -> AsyncIterator[Rig]:
    """The bot, with the real PostgreSQL under its care."""
    settings = {"ATS_TARGET__DATABASE_URL": trading.url(), "ATS_LOOKS__AUTOMATIC": "true"}
    async with Rig.running(database_url, tmp_path, http_mode=False, **settings) as rig:
        yield rig


def routing_key(rig: Rig) -> str:
    services = rig.pagerduty.world.services.values()
    return next(str(s.routing_key) for s in services if s.name == TRADING_SERVICE)


async def test_an_exhausted_pool_becomes_a_card_and_its_end_resolves_it(
    rig: Rig, place: Place, trading: Postgres
) -> None:
    """From a full pool to the right card, diagnosed by itself, and from a freed one to “resolved”."""
    events = f"{rig.sandbox.base_url}/pagerduty/v2/enqueue"
    exporter = await asyncio.to_thread(monitoring.postgres_exporter, place, trading.owner_url)
    alerts = await asyncio.to_thread(
        lambda: monitoring.alertmanager(place, events_url=events, routing_key=routing_key(rig))
    )
    prometheus = await asyncio.to_thread(
        lambda: monitoring.prometheus(
            place,
            {"postgres": [f"127.0.0.1:{exporter.port}"]},
            rules=[RULE],
            alertmanager=f"127.0.0.1:{alerts.port}",
        )
    )
    try:
        with trading.exhausted():
            card = await rig.card("P0", "100 % of “Database Connection Pool Exhausted”", within=120)
            await eventually(lambda: _said(rig, card["ts"], "connections exhausted"), within=120)
        await rig.card("DatabaseConnectionPoolExhausted", "Resolved", within=120)
        assert len(rig.cards()) == 1
    finally:
        for server in (prometheus, alerts, exporter):
            server.daemon.kill()


def _said(rig: Rig, ts: str, text: str) -> bool:
    replies = [m for m in rig.messages(thread_ts=ts) if m["ts"] != ts]
    return any(text in str(m.get("blocks")) + str(m.get("text")) for m in replies)
