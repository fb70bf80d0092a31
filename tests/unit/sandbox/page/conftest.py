"""A sandbox that is really served."""

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.server import Sandbox
from tests.unit.sandbox.page.browser import sandbox_served


@pytest.fixture
async def served() -> AsyncIterator[tuple[Sandbox, httpx.AsyncClient]]:
    """A sandbox and a client at its address."""
    async with sandbox_served() as (sandbox, url), httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield sandbox, client
