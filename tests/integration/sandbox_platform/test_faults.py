import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.clock import SandboxClock
from sandbox.platform import API_TOKEN, Platform
from sandbox.platform.faults import HTTP_SYSTEMS
from sandbox.serving import serve

PATHS = {
    "api": (8000, "/api/health"),
    "rate-gate": (3001, "/status"),
    "loki": (3100, "/ready"),
    "prometheus": (9090, "/-/ready"),
    "grafana": (3000, "/api/health"),
    "mlflow": (5000, "/health"),
}


@pytest.mark.parametrize("system", HTTP_SYSTEMS)
async def test_down_refuses_and_up_answers_on_the_same_port(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient, system: str
) -> None:
    """A system that is down really refuses the connection; after `up` its address is the same."""
    port, path = PATHS[system]
    assert (await http.get(url[port] + path)).status_code == 200
    platform.faults.down(system)
    with pytest.raises(httpx.ConnectError):
        await http.get(url[port] + path)
    others = [p for s, (p, _) in PATHS.items() if s != system]
    assert (await http.get(url[others[0]] + PATHS[next(s for s in PATHS if s != system)][1])).status_code == 200
    platform.faults.up(system)
    assert (await http.get(url[port] + path)).status_code == 200


async def test_going_down_cuts_open_connections(platform: Platform, url: dict[int, str]) -> None:
    """A kept-alive connection does not survive the system that it leads to."""
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url[3100] + "/ready")).status_code == 200
        platform.faults.down("loki")
        with pytest.raises(httpx.TransportError):
            await client.get(url[3100] + "/ready")


async def test_hanging_accepts_and_never_answers(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """The client's own deadline ends it; after `up` the system answers."""
    platform.faults.hang("loki")
    with pytest.raises(httpx.ReadTimeout):
        await http.get(url[3100] + "/ready", timeout=httpx.Timeout(10, read=0.2))
    platform.faults.up("loki")
    assert (await http.get(url[3100] + "/ready")).status_code == 200


async def test_slow_delays_each_answer(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """The delay is at least what was set."""
    platform.faults.slow("mlflow", 0.15)
    began = asyncio.get_running_loop().time()
    assert (await http.get(url[5000] + "/health")).status_code == 200
    assert asyncio.get_running_loop().time() - began >= 0.15


async def test_all_systems_through_the_one_public_address(clock: SandboxClock) -> None:
    """Mounted under /platform every system is there, with its token check; down is 502."""
    platform = Platform(clock=clock)
    async with serve(Starlette(routes=[Mount("/platform", platform.app)])) as address:
        platform.public_url = f"{address}/platform"
        rewrites = platform.rewrites()
        async with httpx.AsyncClient(trust_env=False) as client:
            for port, path in PATHS.values():
                answer = await client.get(rewrites[f"http://localhost:{port}"] + path)
                assert answer.status_code == 200
            api = rewrites["http://localhost:8000"]
            assert (await client.get(f"{api}/api/trading/state")).status_code == 401
            token = {"Authorization": f"Bearer {API_TOKEN}"}
            assert (await client.get(f"{api}/api/trading/state", headers=token)).status_code == 200
            platform.faults.down("api")
            assert (await client.get(f"{api}/api/health")).status_code == 502


async def test_closing_gives_every_port_back(clock: SandboxClock) -> None:
    """After `close` nothing listens, twice is fine, and the temporary directory is gone."""
    platform = Platform(clock=clock)
    await platform.start()
    addresses = list(platform.rewrites().values())
    folder = platform.environment()["ATS_TARGET__CWD"]
    await platform.close()
    await platform.close()
    async with httpx.AsyncClient(trust_env=False) as client:
        for address in addresses:
            if address.startswith("http"):
                with pytest.raises(httpx.ConnectError):
                    await client.get(address)
    assert not await asyncio.to_thread(__import__("os").path.exists, folder)
    with pytest.raises(RuntimeError, match="not been started"):
        platform.environment()
