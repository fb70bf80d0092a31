"""The loopback server that everything in the sandbox runs on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.serving import Server, serve


class Busy:
    """An app with everything that can keep a server from stopping."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.hanging = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/", self.fine),
                Route("/stream", self.stream),
                Route("/hang", self.hang),
                WebSocketRoute("/socket", self.socket),
            ],
            lifespan=self.lifespan,
        )

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.events.append("up")
        yield
        self.events.append("down")

    async def fine(self, request: Request) -> Response:
        return PlainTextResponse("fine")

    async def stream(self, request: Request) -> Response:
        async def forever() -> AsyncIterator[str]:
            yield "data: 1\n\n"
            await asyncio.Event().wait()

        return StreamingResponse(forever(), media_type="text/event-stream")

    async def hang(self, request: Request) -> Response:
        self.hanging.set()
        await asyncio.Event().wait()
        return PlainTextResponse("never")

    async def socket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            await websocket.receive_text()


async def test_start_serve_and_stop() -> None:
    """It serves on a free loopback port while the block runs, and runs the app's lifespan."""
    busy = Busy()
    async with serve(busy.app) as url, httpx.AsyncClient(trust_env=False) as http:
        assert url.startswith("http://127.0.0.1:")
        assert (await http.get(url)).text == "fine"
    assert busy.events == ["up", "down"]


async def test_stops_within_a_second_whatever_is_open() -> None:
    """An open event stream, an open WebSocket and a handler that never ends do not hold the server up."""
    busy = Busy()
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        async with serve(busy.app) as url:
            stream = await http.send(http.build_request("GET", f"{url}/stream"), stream=True)
            socket = await websockets.connect(f"{url.replace('http', 'ws')}/socket", proxy=None)
            hanging = asyncio.create_task(http.get(f"{url}/hang"))
            await busy.hanging.wait()
            began = loop.time()
        # A second is what it promises; a machine under load gets some more.
        assert loop.time() - began < 2
        await stream.aclose()
        await socket.close()
        with pytest.raises(httpx.RemoteProtocolError):
            await hanging
    assert busy.events == ["up", "down"]


async def test_port_in_use_is_an_error() -> None:
    """A taken port raises OSError at once, before anything runs."""
    server = Server(Busy().app)
    await server.start()
    with pytest.raises(OSError, match="in use"):
        Server(Busy().app, port=server.port)
    await server.stop()
    await server.stop()


async def test_port_can_be_used_again() -> None:
    """The port is free once the server has stopped."""
    first = Server(Busy().app)
    await first.start()
    await first.stop()
    second = Server(Busy().app, port=first.port)
    await second.start()
    assert second.url == first.url
    await second.stop()
