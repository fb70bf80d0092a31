"""No call to PagerDuty takes longer than its deadline, whatever the far side does meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.clients.pagerduty import PagerDuty
from bot.clients.pagerduty_wire import THREADS
from bot.errors import (
    UnreachableError,
)
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.serving import serve
from tests.integration.clients.conftest import SAM, TOKEN

CALLS: list[Callable[[PagerDuty], Awaitable[object]]] = [
    lambda client: client.incident("P1"),
    lambda client: client.alerts("P1"),
    lambda client: client.open_incidents(),
    lambda client: client.oncalls(),
    lambda client: client.user_by_email(SAM),
    lambda client: client.acknowledge("P1", from_email=SAM),
    lambda client: client.note("P1", "text", from_email=SAM),
    lambda client: client.ping(),
]


@pytest.mark.parametrize("call", CALLS)
async def test_the_deadline_holds_against_silence(
    far: PagerDutyServer, call: Callable[[PagerDuty], Awaitable[object]]
) -> None:
    """A far side that never answers costs the deadline and no more, whatever was asked."""
    far.faults.hang("*", times=-1)
    async with serve(far.app) as url:
        client = PagerDuty(token=TOKEN, api_url=url, deadline=0.5)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="did not answer"):
            await call(client)
        assert 0.3 <= time.monotonic() - began < 5
        await client.close()
        far.faults.clear()


async def test_the_deadline_is_for_all_pages(far: PagerDutyServer) -> None:
    """Slow pages, each within the deadline, do not add up beyond it."""
    made = await far.trigger("Flood")
    incident = far.incident(made["id"])
    for number in range(500):
        far.actions.add_alert(
            incident, summary="n", severity="info", details=None, contexts=[], key=f"k{number}"
        )
    far.faults.fail("GET *", times=-1, delay=0.4)
    async with serve(far.app) as url:
        client = PagerDuty(token=TOKEN, api_url=url, deadline=1.0)
        with pytest.raises(UnreachableError):
            await client.alerts(made["id"])
        assert len(far.calls) <= 3
        await client.close()


async def test_a_crowd_waits_no_longer_than_its_deadline(far: PagerDutyServer) -> None:
    """More calls than threads against silence: all end in time, and what waited is never sent."""
    made = await far.trigger("Slow API")
    far.faults.hang("GET *", times=-1)
    async with serve(far.app) as url:
        client = PagerDuty(token=TOKEN, api_url=url, deadline=1.0)
        reads = [asyncio.create_task(client.ping()) for _ in range(THREADS)]
        while len(far.calls) < THREADS:  # noqa: ASYNC110 - plain state
            await asyncio.sleep(0.005)
        client.deadline = 0.1
        with pytest.raises(UnreachableError, match="not known"):
            await client.acknowledge(made["id"], from_email=SAM)
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert all(isinstance(each, UnreachableError) for each in results)
        far.faults.clear()
        client.deadline = 5
        await client.ping()
        assert "PUT" not in [call.method for call in far.calls]
        assert far.incident(made["id"]).status == "triggered"
        await client.close()


async def test_a_dripping_answer_does_not_keep_the_threads(far: PagerDutyServer) -> None:
    """A body that comes byte by byte ends with the deadline, and the threads are free for the next calls."""
    slow = True

    async def byte_by_byte() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    async def abilities(_request: Request) -> Response:
        return StreamingResponse(byte_by_byte()) if slow else JSONResponse({"abilities": []})

    async with serve(Starlette(routes=[Route("/abilities", abilities)])) as url:
        client = PagerDuty(token=TOKEN, api_url=url, deadline=0.5)
        calls = [client.abilities() for _ in range(2 * THREADS)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(each, UnreachableError) for each in results)
        slow = False
        client.deadline = 5
        assert await client.abilities() == []
        await client.close()


async def test_a_cancelled_call_leaves_the_client_usable(client: PagerDuty, far: PagerDutyServer) -> None:
    """The caller may give up at any time; the next call works."""
    far.faults.hang("*")
    task = asyncio.create_task(client.ping())
    while not far.calls:  # noqa: ASYNC110 - plain state
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.ping()
