"""Ports of the platform's systems: each system its own, so that "down" is a really refused connection.

While a system is down its port stays bound, without listening, by a second socket: nobody else can get it.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

LOOPBACK = "127.0.0.1"

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
StreamHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """One port of 127.0.0.1 that can be closed and opened again without losing its number.

    Args:
        make: builds the protocol of one connection.
        cut: ends the connections that are open, when the port closes.
    """

    def __init__(self, make: ProtocolFactory, cut: Callable[[], None]) -> None:
        self._make = make
        self._cut = cut
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._socket: socket.socket | None = None
        self._opening: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Accept connections from now on; needs the running event loop."""
        if self._socket is None:
            self._socket = _bound(self.port)
            self._socket.listen(128)
            self._opening = asyncio.create_task(self._accept(self._socket))

    async def _accept(self, listening: socket.socket) -> None:
        self._server = await asyncio.get_running_loop().create_server(self._make, sock=listening)

    async def ready(self) -> None:
        """Return when connections are being accepted."""
        if self._opening is not None:
            await self._opening

    def shut(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        if self._opening is not None:
            self._opening.cancel()
        if self._server is not None:
            self._server.close()
        if self._socket is not None:
            self._socket.close()
        self._server = self._socket = self._opening = None
        self._cut()

    def close(self) -> None:
        """Give the port back."""
        self.shut()
        self._holder.close()


def http_listener(app: ASGIApp) -> Listener:
    """A listener that serves one ASGI app over HTTP/1.1 and WebSocket."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="websockets-sansio", timeout_keep_alive=75
    )
    config.load()
    state = ServerState()
    protocol = config.http_protocol_class
    make: ProtocolFactory = partial(protocol, config=config, server_state=state, app_state={})  # type: ignore[call-arg]

    def cut() -> None:
        for connection in list(state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for task in list(state.tasks):
            task.cancel()

    return Listener(make, cut)


def stream_listener(serve: StreamHandler) -> Listener:
    """A listener for a protocol over plain streams."""
    writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await serve(reader, writer)
        finally:
            writers.discard(writer)

    def make() -> asyncio.BaseProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=2**20), connected)

    def cut() -> None:
        for writer in list(writers):
            writer.transport.abort()

    return Listener(make, cut)


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((LOOPBACK, port))
    bound.setblocking(False)
    return bound
