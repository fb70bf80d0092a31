"""Socket Mode: WebSocket connections that the app opens, envelopes, and their acknowledgements."""

import asyncio
import contextlib
import json
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.slack.delivery import Ack, Retry
from sandbox.slack.workspace import Json

MOST_CONNECTIONS = 10
# Slack recycles a connection after about this long; told in `hello`, here only for show.
APPROXIMATE_CONNECTION_SECONDS = 18060


@dataclass(slots=True, eq=False)
class Connection:
    """One open WebSocket; `sent` are the envelopes that went over it, in order (tests read it)."""

    websocket: WebSocket
    number: int
    last_used: int = 0
    closing: bool = False
    sent: list[Json] = field(default_factory=list)


class SocketTransport:
    """Up to ten connections; each envelope goes to exactly one, the least recently used."""

    def __init__(self, app_id: str) -> None:
        self.app_id = app_id
        self.connections: list[Connection] = []
        self._tickets: set[str] = set()
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._sequence = 0
        self._opened = 0
        self._changed = asyncio.Event()

    def issue_ticket(self) -> str:
        ticket = str(uuid.uuid4())
        self._tickets.add(ticket)
        return ticket

    async def connected(self, count: int = 1, *, seconds: float = 10.0) -> None:
        """Return once that many connections are open; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.connections) < count:
                self._changed.clear()
                await self._changed.wait()

    async def send(self, kind: str, payload: Json, retry: Retry, seconds: float) -> Ack:
        connection = self._least_recent()
        if connection is None:
            return Ack(False, "dispatch_failed", reason="connection_failed")
        envelope = _envelope(kind, payload, retry)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = answer
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                await self._transmit(connection, envelope)
                body = await answer
        except TimeoutError:
            return Ack(False, "operation_timeout", reason="timeout")
        except ConnectionError:
            return Ack(False, "dispatch_failed", reason="connection_failed")
        finally:
            del self._waiting[envelope["envelope_id"]]
        return Ack(True, payload=body, seconds=time.monotonic() - began)

    async def serve(self, websocket: WebSocket) -> None:
        """One WebSocket from `hello` to its end; a ticket works once."""
        ticket = websocket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await websocket.close(code=1008)
            return
        self._tickets.discard(ticket)
        await websocket.accept()
        if len(self.connections) >= MOST_CONNECTIONS:
            await websocket.send_json(self._disconnect("too_many_websockets"))
            await websocket.close()
            return
        await self._converse(websocket)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to go: `warning` (it stays open), `refresh_requested` or `link_disabled`."""
        for connection in list(self.connections):
            with contextlib.suppress(ConnectionError):
                await self._say(connection, self._disconnect(reason))
            if reason != "warning":
                connection.closing = True
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await connection.websocket.close()

    def drop(self) -> None:
        """Cut every connection without a close frame."""
        for connection in list(self.connections):
            connection.closing = True
            abort = abort_of(connection.websocket.scope)
            if abort is not None:
                abort()

    async def close(self) -> None:
        await self.disconnect("refresh_requested")

    async def _converse(self, websocket: WebSocket) -> None:
        self._opened += 1
        connection = Connection(websocket, self._opened)
        self.connections.append(connection)
        try:
            await self._say(connection, self._hello())
            self._changed.set()
            while True:
                self._receive(await websocket.receive_text())
        except (WebSocketDisconnect, ConnectionError):
            return
        finally:
            self.connections.remove(connection)
            self._changed.set()

    def _receive(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        answer = self._waiting.get(str(message.get("envelope_id"))) if isinstance(message, dict) else None
        if answer is not None and not answer.done():
            answer.set_result(message.get("payload"))

    def _least_recent(self) -> Connection | None:
        open_ones = [each for each in self.connections if not each.closing]
        return min(open_ones, key=lambda each: (each.last_used, each.number), default=None)

    async def _transmit(self, connection: Connection, envelope: Json) -> None:
        self._sequence += 1
        connection.last_used = self._sequence
        connection.sent.append(envelope)
        await self._say(connection, envelope)

    @staticmethod
    async def _say(connection: Connection, message: Json) -> None:
        try:
            await connection.websocket.send_text(json.dumps(message))
        except (RuntimeError, WebSocketDisconnect) as error:
            connection.closing = True
            raise ConnectionError("The Socket Mode connection is gone.") from error

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": self._debug_info(),
            "connection_info": {"app_id": self.app_id},
        }

    def _disconnect(self, reason: str) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": self._debug_info()}

    @staticmethod
    def _debug_info() -> Json:
        return {
            "host": f"applink-{secrets.token_hex(4)}",
            "build_number": 1,
            "approximate_connection_time": APPROXIMATE_CONNECTION_SECONDS,
        }


def _envelope(kind: str, payload: Json, retry: Retry) -> Json:
    envelope: Json = {
        "envelope_id": str(uuid.uuid4()),
        "type": kind,
        "payload": payload,
        "accepts_response_payload": kind != "events_api",
    }
    if kind == "events_api":
        envelope |= {"retry_attempt": retry.attempt, "retry_reason": retry.reason}
    return envelope


def abort_of(scope: Any) -> Callable[[], None] | None:
    """How to cut the connection that a request came over, where the server offers it (`sandbox.serving`)."""
    abort = scope.get("extensions", {}).get("sandbox.abort")
    return abort if callable(abort) else None
