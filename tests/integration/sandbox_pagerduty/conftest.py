import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from sandbox.clock import SandboxClock
from sandbox.pagerduty.gate import MEDIA_TYPE
from sandbox.pagerduty.server import DEFAULT_TOKEN, PagerDutyServer
from sandbox.serving import serve

DANA = "dana.oncall@ats.example"
SAM = "sam.sre@ats.example"
SECRET = "webhook-secret"


@dataclass
class Hook:
    """Receives webhooks; answers with the statuses in turn, then 202."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        self.raw.append(await request.body())
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        return Response(status_code=self.answers.pop(0) if self.answers else 202)

    @property
    def types(self) -> list[str]:
        return [body["event"]["event_type"] for body in self.bodies]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another task does; fails after 20 seconds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is watched is plain state, not an event
            await asyncio.sleep(0.005)


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock()


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest.fixture
async def pagerduty(clock: SandboxClock, hook: Hook) -> AsyncIterator[PagerDutyServer]:
    """The server under /pagerduty and a webhook receiver at /hook, both on one free port."""
    server = PagerDutyServer(clock=clock, public_url="http://pd.example/pagerduty", waits=lambda _: 0.01)
    routes = [Mount("/pagerduty", server.app), Route("/hook", hook.receive, methods=["POST"])]
    async with serve(Starlette(routes=routes)) as url:
        hook.url = f"{url}/hook"
        yield server
        await server.close()


@pytest.fixture
async def api(pagerduty: PagerDutyServer, hook: Hook) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client with the headers that PagerDuty asks for."""
    headers = {
        "Authorization": f"Token token={DEFAULT_TOKEN}",
        "Accept": MEDIA_TYPE,
        "Content-Type": "application/json",
        "From": DANA,
    }
    base = hook.url.replace("/hook", "/pagerduty")
    async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False) as client:
        yield client
