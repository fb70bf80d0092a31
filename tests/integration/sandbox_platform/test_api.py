import asyncio
import json
from datetime import timedelta

import httpx
import pytest
import websockets

from sandbox.clock import SandboxClock
from sandbox.platform import Platform, troubles


@pytest.mark.parametrize(
    "path",
    [
        "/api/metrics/performance",
        "/api/metrics/memory",
        "/api/metrics/websockets",
        "/api/trades?limit=20",
        "/api/models/status",
        "/api/trading/state",
        "/metrics",
    ],
)
async def test_everything_but_health_demands_the_token(
    url: dict[int, str], http: httpx.AsyncClient, path: str
) -> None:
    """401 without the bearer token or with another, 200 with it."""
    async with httpx.AsyncClient(trust_env=False) as stranger:
        refused = await stranger.get(url[8000] + path)
        wrong = await stranger.get(url[8000] + path, headers={"Authorization": "Bearer guess"})
        assert (await stranger.get(url[8000] + "/api/health")).status_code == 200
    assert (refused.status_code, wrong.status_code) == (401, 401)
    assert refused.headers["www-authenticate"] == "Bearer"
    assert (await http.get(url[8000] + path)).status_code == 200


async def test_a_stop_without_the_token_stops_nothing(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """The unauthenticated emergency stop of the old runbook is refused, and trading goes on."""
    async with httpx.AsyncClient(trust_env=False) as stranger:
        answer = await stranger.post(url[8000] + "/api/trading/emergency-stop")
    assert answer.status_code == 401
    assert (await http.get(url[8000] + "/api/trading/state")).json()["enabled"] is True
    assert not platform.state.journal


async def test_emergency_stop_is_visible_and_lasts(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient, clock: SandboxClock
) -> None:
    """After the stop the API's own state confirms it, no order is open, and enabling is refused."""
    answer = await http.post(url[8000] + "/api/trading/emergency-stop")
    assert answer.status_code == 200
    state = (await http.get(url[8000] + "/api/trading/state")).json()
    assert (state["enabled"], state["emergency_stop"], state["open_orders"]) == (False, True, 0)
    assert (await http.post(url[8000] + "/api/trading/enable")).status_code == 409
    assert [call.what for call in platform.state.journal] == [
        ("POST", "/api/trading/emergency-stop"),
        ("POST", "/api/trading/enable"),
    ]


async def test_disable_and_enable(url: dict[int, str], http: httpx.AsyncClient) -> None:
    """Disabling is undone by enabling; health tells both."""
    await http.post(url[8000] + "/api/trading/disable")
    assert (await http.get(url[8000] + "/api/health")).json()["trading"] == "disabled"
    await http.post(url[8000] + "/api/trading/enable")
    assert (await http.get(url[8000] + "/api/health")).json()["trading"] == "enabled"


async def test_unknown_paths_and_bad_limits_are_refused(url: dict[int, str], http: httpx.AsyncClient) -> None:
    """No made-up answers."""
    codes = [
        (await http.post(url[8000] + "/api/trading/liquidate")).status_code,
        (await http.get(url[8000] + "/api/nothing")).status_code,
        (await http.get(url[8000] + "/api/trades?limit=0")).status_code,
        (await http.get(url[8000] + "/api/trades?limit=all")).status_code,
    ]
    assert codes == [404, 404, 400, 400]


async def test_no_trade_after_the_stop(
    url: dict[int, str], http: httpx.AsyncClient, clock: SandboxClock
) -> None:
    """The list of trades ends where trading was disabled."""
    await http.post(url[8000] + "/api/trading/disable")
    before = (await http.get(url[8000] + "/api/trades?limit=3")).json()["trades"]
    clock.advance(timedelta(days=2))
    after = (await http.get(url[8000] + "/api/trades?limit=3")).json()["trades"]
    assert [t["id"] for t in before] == [t["id"] for t in after]
    assert len(before) == 3


async def test_an_exhausted_pool_fails_what_needs_the_database(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """Health is 503 with PostgreSQL's own text; memory, which needs no database, still answers."""
    troubles.exhaust_pool(platform.state)
    health = await http.get(url[8000] + "/api/health")
    assert health.status_code == 503
    assert health.json()["services"]["database"] == "unavailable"
    assert health.json()["error"].startswith("FATAL:  remaining connection slots are reserved")
    assert (await http.get(url[8000] + "/api/trades?limit=1")).status_code == 503
    assert (await http.get(url[8000] + "/api/metrics/memory")).status_code == 200


async def test_a_rotated_token_is_refused(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """The weekly rotation, when nobody told the bot."""
    platform.faults.unauthorized("api")
    assert (await http.get(url[8000] + "/api/models/status")).status_code == 401


async def test_latency_is_really_felt(platform: Platform, url: dict[int, str], http: httpx.AsyncClient) -> None:
    """In the latency scenario a request takes as long as is claimed."""
    troubles.slow_down(platform.state)
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await http.get(url[8000] + "/api/metrics/performance")
    assert loop.time() - began >= troubles.SLOW_REQUEST_SECONDS
    assert answer.json()["http_request_duration_p95_seconds"] > 2


async def test_market_socket_sends_a_tick_at_once(platform: Platform) -> None:
    """A client has its first message right after connecting."""
    address = platform.rewrites()["ws://localhost:8000"]
    async with websockets.connect(f"{address}/ws/market", proxy=None) as socket:
        tick = json.loads(await asyncio.wait_for(socket.recv(), 5))
    assert tick["type"] == "tick"
    assert tick["price"] > 0


async def test_market_socket_refuses_when_the_api_is_down(platform: Platform) -> None:
    """A socket to a system that is down is a refused connection."""
    address = platform.rewrites()["ws://localhost:8000"]
    platform.faults.down("api")
    with pytest.raises(ConnectionRefusedError):
        await websockets.connect(f"{address}/ws/market", proxy=None)


@pytest.mark.parametrize(("system", "service"), [("redis", "redis"), ("rate-gate", "rate_gate")])
async def test_health_is_degraded_by_what_the_api_needs(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient, system: str, service: str
) -> None:
    """The API still answers 200, and names the part that is away."""
    platform.faults.down(system)
    answer = await http.get(url[8000] + "/api/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["services"][service] == "unavailable"
