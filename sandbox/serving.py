"""Run an ASGI app over a real socket on the loopback address, inside the running event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = "127.0.0.1"
START_SECONDS = 20.0
# What is still open (an event stream, a WebSocket) when the server stops is cut after this long.
GRACE_SECONDS = 0.1


class _QuietServer(uvicorn.Server):
    """uvicorn that leaves signals alone (Ctrl-C belongs to whoever started it) and stops at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def begin_stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        second = 0
        while not await self.on_tick(10 * second):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1.0)
            second += 1


class Server:
    """One app on one port; `start` returns when it accepts connections, `stop` when nothing of it runs.

    Args:
        app: any ASGI app (a Starlette app with mounts, say).
        host: the address to bind; the loopback address unless a person says otherwise.
        port: 0 takes a free one; `url` and `port` tell which after the start.
    """

    def __init__(self, app: ASGIApp, *, host: str = LOOPBACK, port: int = 0) -> None:
        self._socket = _bind(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._app = app
        config = uvicorn.Config(
            self._with_abort,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            interface="asgi3",  # a bound method is taken for ASGI 2 otherwise
            lifespan="auto",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=30,
            ws="websockets-sansio",
        )
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        return f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        """Begin to serve; raises RuntimeError when the app's own start fails."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        async with asyncio.timeout(START_SECONDS):
            while not self._server.started:
                if self._task.done():
                    self._task.result()
                    raise RuntimeError(f"The server at {self.url} did not start; its app failed at start.")
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop within about a second, cutting what is still open; may be called twice."""
        if self._task is None:
            self._socket.close()
            return
        self._server.begin_stop()
        for cut in (self._close_connections, self._cancel_requests):
            _, pending = await asyncio.wait({self._task}, timeout=GRACE_SECONDS)
            if pending:
                cut()
        await asyncio.gather(self._task, return_exceptions=True)
        self._socket.close()

    async def wait(self) -> None:
        """Return when the server has stopped."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _with_abort(self, scope: Scope, receive: Receive, send: Send) -> None:
        # `sandbox.abort` lets an app cut a connection without an answer, as a broken network would.
        if scope["type"] in ("http", "websocket"):
            scope["extensions"] = {**scope.get("extensions", {}), "sandbox.abort": partial(self._abort, scope)}
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._server.should_exit:
                raise  # else it is `_cancel_requests`, and uvicorn would log it as an error of the app

    def _abort(self, scope: Scope) -> None:
        client = scope.get("client")
        for connection in list(self._server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None and client == _peer(transport):
                transport.abort()

    def _close_connections(self) -> None:
        # The app sees its client go away, so that a stream ends the ordinary way.
        for connection in list(self._server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()

    def _cancel_requests(self) -> None:
        for task in list(self._server.server_state.tasks):
            task.cancel()


def _peer(transport: asyncio.Transport) -> tuple[str, int] | None:
    name = transport.get_extra_info("peername")
    return None if name is None else (str(name[0]), int(name[1]))


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


@asynccontextmanager
async def serve(app: ASGIApp, *, host: str = LOOPBACK, port: int = 0) -> AsyncIterator[str]:
    """Serve the app while the block runs; yields the base address, e.g. `http://127.0.0.1:54321`."""
    server = Server(app, host=host, port=port)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()
