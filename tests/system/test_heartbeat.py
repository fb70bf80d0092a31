"""The watcher watched: a sign of life only while all is well, alarms, and a PostgreSQL that is started again."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.store import embedded, keeper
from sandbox.serving import Server
from tests.rig import Rig, eventually

PM2 = "PM2 High Restart Rate"


class Monitor:
    """A dead-man's switch, and the Events API: what they heard."""

    def __init__(self) -> None:
        self.pings = 0
        self.events: list[dict[str, Any]] = []
        routes = [
            Route("/ping", self._ping),
            Route("/v2/enqueue", self._event, methods=["POST"]),
        ]
        self.server = Server(Starlette(routes=routes), port=0)

    async def _ping(self, _request: Request) -> Response:
        self.pings += 1
        return Response("ok")

    async def _event(self, request: Request) -> Response:
        self.events.append(await request.json())
        return Response('{"status": "success"}', 202)


@pytest.fixture
async def monitor() -> AsyncIterator[Monitor]:
    """Running."""
    monitor = Monitor()
    await monitor.server.start()
    yield monitor
    await monitor.server.stop()


@pytest.fixture
async def watched(database_url: str, tmp_path: Path, monitor: Monitor) -> AsyncIterator[Rig]:
    """A bot that tells the monitor how it is; the tests make it look, instead of waiting."""
    url = monitor.server.url
    async with Rig.running(
        database_url, tmp_path, ATS_HEARTBEAT__URL=f"{url}/ping", ATS_HEARTBEAT__ROUTING_KEY="R" * 32,
        ATS_HEARTBEAT__EVERY_SECONDS="3600", PAGERDUTY_EVENTS_URL=url,
    ) as rig:  # fmt: skip
        await eventually(lambda: rig.bot.worker.alive and monitor.pings)  # its own look at the start is over
        yield rig


async def beats(rig: Rig, monitor: Monitor, times: int = 1) -> int:
    """How many pings so many looks bring."""
    before = monitor.pings
    for _ in range(times):
        await rig.bot.heartbeat.beat()
    return monitor.pings - before


async def test_a_sign_of_life_while_all_is_well(watched: Rig, monitor: Monitor) -> None:
    """Each look pings the URL once, and nobody is alerted."""
    assert await beats(watched, monitor, 2) == 2
    assert not monitor.events


async def test_a_dead_worker_stops_it_alerts_and_readyz_tells(watched: Rig, monitor: Monitor) -> None:
    """No ping any more; after three looks one alert that names the part; it ends when the worker is back."""
    await watched.bot.worker.stop()
    watched.bot.worker.beat = watched.bot.worker.ticker.beat = 0.0
    assert await beats(watched, monitor, 3) == 0
    assert {e["event_action"] for e in monitor.events} == {"trigger"}
    assert len({e["dedup_key"] for e in monitor.events}) == 1  # one alert, however often it is said
    assert "worker" in monitor.events[0]["payload"]["summary"]
    ready = await watched.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["parts"]["worker"] != "ok"
    await watched.without_worker(seconds=0)
    await eventually(lambda: watched.bot.worker.alive)
    assert await beats(watched, monitor) == 1
    assert monitor.events[-1]["event_action"] == "resolve"


async def test_a_lost_slack_connection_stops_it(watched: Rig, monitor: Monitor) -> None:
    """Without a socket no click would be heard: that is not well."""
    await watched.bot.sockets.close()
    assert await beats(watched, monitor) == 0
    assert (await watched.http.get("/readyz")).json()["parts"]["slack"] == "no connection"


async def test_a_database_that_is_away_stops_it(watched: Rig, monitor: Monitor) -> None:
    """And it goes on by itself when it is back."""
    await watched.break_database()
    try:
        assert await beats(watched, monitor) == 0
        assert "does not answer" in str((await watched.http.get("/readyz")).json()["parts"]["database"])
    finally:
        await watched.mend_database()

    async def again() -> bool:
        return await beats(watched, monitor) == 1

    await eventually(again, within=30)


async def test_wrong_signatures_are_alarmed_once_an_hour_with_a_count(watched: Rig, monitor: Monitor) -> None:
    """Three forged webhooks: one message that counts them; more within the hour wait for the next."""
    forged = {"x-pagerduty-signature": "v1=0"}
    for _ in range(3):
        answer = await watched.http.post("/pagerduty/webhooks", content=b"{}", headers=forged)
        assert answer.status_code == 401
    await beats(watched, monitor)
    said = await eventually(lambda: [m for m in watched.messages() if "wrong signature" in m["text"]])
    assert "3 PagerDuty webhooks" in said[0]["text"]
    await watched.http.post("/pagerduty/webhooks", content=b"{}", headers=forged)
    await beats(watched, monitor, 2)
    assert watched.bot.figures.bad_signatures == 1
    await watched.advance(hours=1)
    await beats(watched, monitor)
    assert watched.bot.figures.bad_signatures == 0


async def test_a_late_reminder_is_alarmed_in_the_channel(rig: Rig) -> None:
    """Seven minutes late: said in the channel, not only in the incident's thread; once for all that were late."""
    await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked")
    await rig.without_worker(hours=2)
    alarm = await eventually(lambda: [m for m in rig.messages() if "A reminder was late" in m["text"]])
    assert len(alarm) == 1
    assert "1 h 45 min" in alarm[0]["text"]
    assert "1 more reminder" in alarm[0]["text"]


async def test_a_reminder_in_time_is_no_alarm(rig: Rig) -> None:
    """Nor is a drill that moves the clock."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await rig.advance(minutes=30)
    await eventually(lambda: len(rig.reminders(card)) == 2)
    assert not [m for m in rig.messages() if "A reminder was late" in m["text"]]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_the_embedded_postgresql_is_started_again(tmp_path: Path, how: signal.Signals) -> None:
    """Killed or stopped under a running bot, it is back within seconds, with its data."""
    folder = tmp_path / "pg"
    await asyncio.to_thread(embedded.start, folder, durable=False)
    keeping = asyncio.create_task(keeper.keep(folder))
    try:
        pid = embedded.status(folder).pid
        assert pid is not None
        psutil.Process(pid).send_signal(how)

        def back() -> bool:
            now = embedded.status(folder)
            return now.running and now.pid != pid

        await eventually(back, within=60)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await asyncio.to_thread(embedded.stop, folder, mode="immediate")
