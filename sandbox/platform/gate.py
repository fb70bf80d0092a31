"""The door in front of each HTTP system: applies the faults that are set for it."""

import asyncio

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.platform.faults import Faults


class Gate:
    """Delays, hangs or refuses before the system itself sees the request.

    On a system's own port "down" never gets here, because nothing listens; through the sandbox's one public
    address it is answered as a proxy would, with 502.
    """

    def __init__(self, app: ASGIApp, faults: Faults, system: str) -> None:
        self._app = app
        self._faults = faults
        self._system = system

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._faults.of(self._system)
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif fault.hanging:
            await _gone(receive)
        elif fault.down:
            await _refuse(scope, receive, send, f"{self._system}: connection refused\n")
        else:
            await asyncio.sleep(fault.delay)
            await self._app(scope, receive, send)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass


async def _refuse(scope: Scope, receive: Receive, send: Send, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1011})
        return
    await PlainTextResponse(text, status_code=502)(scope, receive, send)
