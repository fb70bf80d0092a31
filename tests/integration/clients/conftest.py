"""The local PagerDuty, and the client of it."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from bot.clients.pagerduty import PagerDuty
from sandbox.clock import SandboxClock
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.serving import serve

TOKEN = "u+secretTokenOfTheTest"
DANA, SAM, CHRIS = "dana.oncall@ats.example", "sam.sre@ats.example", "chris.cto@ats.example"


@pytest.fixture
async def far() -> AsyncIterator[PagerDutyServer]:
    """The far side."""
    server = PagerDutyServer(clock=SandboxClock(), public_url="http://pd.example", api_token=TOKEN)
    yield server
    await server.close()


@pytest.fixture
async def client(far: PagerDutyServer) -> AsyncIterator[PagerDuty]:
    """The client, with nothing judged: what it makes of faults."""
    async with serve(far.app) as url:
        made = PagerDuty(token=TOKEN, api_url=url, deadline=5)
        yield made
        await made.close()
        far.faults.clear()


@contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and nobody else can start to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
