"""A real WebSocket server, as the market stream (S32)."""

import asyncio
import http
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import websockets.asyncio.server as ws
from websockets.http11 import Request, Response

from bot.targets.steps import Outcome
from tests.systems.conftest import TargetOf
from tests.systems.daemon import free_port
from tests.systems.steps import output, run

Talk = Callable[[ws.ServerConnection], Awaitable[None]]
Stream = Callable[[Talk], Awaitable[dict[str, str]]]


@pytest.fixture
async def stream() -> AsyncIterator[Stream]:
    """Serve a market stream; gives the rewrites that lead to it."""
    servers: list[ws.Server] = []

    def refuse(connection: ws.ServerConnection, request: Request) -> Response | None:
        if request.path != "/ws/market":
            return connection.respond(http.HTTPStatus.FORBIDDEN, "no such stream\n")
        return None

    async def start(talk: Talk) -> dict[str, str]:
        servers.append(await ws.serve(talk, "127.0.0.1", 0, process_request=refuse))
        port = next(iter(servers[-1].sockets)).getsockname()[1]
        return {"ws://localhost:8000": f"ws://127.0.0.1:{port}"}

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_a_stream_that_speaks_is_ok_with_its_first_message(stream: Stream, target: TargetOf) -> None:
    """Connected, first message shown; the step ends though the stream goes on."""

    async def talk(connection: ws.ServerConnection) -> None:
        while True:
            await connection.send('{"symbol": "BTC-USD", "price": 97000}')
            await asyncio.sleep(0.01)

    result = await run(target(rewrites=await stream(talk)), "trading.market-stream")
    assert result.ok, result
    assert "BTC-USD" in output(result)


async def test_a_stream_that_is_not_there_fails_though_wscat_would_exit_0(target: TargetOf) -> None:
    """Hazard 9: a refused connection is a failure, with the address."""
    port = free_port()
    rewrites = {"ws://localhost:8000": f"ws://127.0.0.1:{port}"}
    result = await run(target(rewrites=rewrites), "trading.market-stream")
    assert result.outcome is Outcome.FAILED
    assert f"refused: nothing listens on 127.0.0.1:{port}" in output(result)


async def test_a_stream_that_hangs_up_is_a_failure(stream: Stream, target: TargetOf) -> None:
    """Closed before its first message, with the server's reason."""

    async def talk(connection: ws.ServerConnection) -> None:
        await connection.close(1013, "engine is stopped")

    result = await run(target(rewrites=await stream(talk)), "trading.market-stream")
    assert result.outcome is Outcome.FAILED
    assert "engine is stopped" in output(result)


async def test_a_refused_handshake_is_said_with_its_status(stream: Stream, target: TargetOf) -> None:
    """403 at the handshake is no network trouble."""

    async def talk(connection: ws.ServerConnection) -> None:
        await connection.wait_closed()

    rewrites = {old: f"{new}/elsewhere" for old, new in (await stream(talk)).items()}
    result = await run(target(rewrites=rewrites), "trading.market-stream")
    assert result.outcome is Outcome.FAILED
    assert "403" in output(result)
