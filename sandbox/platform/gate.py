"""The door in front of each HTTP system: applies the faults that are set for it."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.platform import garbage
from sandbox.platform.state import PlatformState


class Gate:
    """Delays, hangs or refuses before the system itself sees the request.

    On a system's own port "down" never gets here, because nothing listens; through the sandbox's one public
    address it is answered as a proxy would, with 502.
    """

    def __init__(self, app: ASGIApp, state: PlatformState, system: str) -> None:
        self._app = app
        self._state = state
        self._system = system

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._state.faults.of(self._system)
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif fault.hanging:
            await _gone(receive)
        elif fault.down:
            await _refuse(scope, receive, send, f"{self._system}: connection refused\n")
        elif fault.garble and scope["type"] == "http":
            await _garble(receive, send, fault.garble)
        else:
            await asyncio.sleep(fault.delay)
            await self._app(scope, receive, self._dated(send))

    def _dated(self, send: Send) -> Send:
        """The system's own clock in each answer, as every server of the real platform sends it."""

        async def with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = datetime.now(UTC) + timedelta(seconds=self._state.clock_skew)
                date = (b"date", format_datetime(now, usegmt=True).encode())
                message = {**message, "headers": [*message.get("headers", []), date]}
            await send(message)

        return with_date


async def _garble(receive: Receive, send: Send, kind: str) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    pause = garbage.pause(kind)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        while pause and not gone.done():
            await send({"type": "http.response.body", "body": garbage.data(kind), "more_body": True})
            await asyncio.wait({gone}, timeout=pause)
    finally:
        gone.cancel()
    await send({"type": "http.response.body", "body": b"" if pause else garbage.data(kind)})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass


async def _refuse(scope: Scope, receive: Receive, send: Send, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1011})
        return
    await PlainTextResponse(text, status_code=502)(scope, receive, send)
