from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.clock import SandboxClock
from sandbox.platform import API_TOKEN, Platform


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock()


@pytest.fixture
async def platform(clock: SandboxClock) -> AsyncIterator[Platform]:
    """A started platform, every port really open."""
    platform = Platform(clock=clock)
    await platform.start()
    yield platform
    await platform.close()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client with the API's token, one connection per request, so that a closed port is seen at once."""
    headers = {"Authorization": f"Bearer {API_TOKEN}", "Connection": "close"}
    async with httpx.AsyncClient(headers=headers, timeout=5, trust_env=False) as client:
        yield client


@pytest.fixture
def url(platform: Platform) -> dict[int, str]:
    """Documented port -> where it is really found."""
    addresses = platform.rewrites()
    return {port: addresses[f"http://localhost:{port}"] for port in (8000, 3001, 3100, 9090, 3000, 5000)}
