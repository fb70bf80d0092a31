"""Getting a payload to the app, over Socket Mode or HTTP, and what came of it."""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.slack.workspace import Json

ACK_SECONDS = 3.0
# Seconds before the first, second and third repetition of an event that was not acknowledged.
RETRY_WAITS = (0.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Ack:
    """The app's answer: `payload` is the body (an object, a text, or None), `error` why there is none."""

    ok: bool
    error: str | None = None
    payload: Any = None
    seconds: float | None = None
    reason: str = ""  # Slack's retry reason


_CLOSED = Ack(False, "dispatch_failed", reason="closed")


@dataclass(frozen=True, slots=True)
class Retry:
    """Which repetition of an event this is, and why it is repeated."""

    attempt: int = 0
    reason: str = ""


class Transport(Protocol):
    """One way to the app."""

    async def send(self, kind: str, payload: Json, retry: Retry, seconds: float) -> Ack:
        """Deliver once; `kind` is slash_commands, interactive or events_api."""
        ...

    async def close(self) -> None: ...


class Deliveries:
    """Sends commands and interactions once, events up to four times; owns the background tasks."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.ack_seconds = ACK_SECONDS
        self.retry_waits: tuple[float, ...] = RETRY_WAITS
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def send(self, kind: str, payload: Json) -> Ack:
        return await self.transport.send(kind, payload, Retry(), self.ack_seconds)

    def send_event(self, payload: Json) -> "asyncio.Future[Ack]":
        """Deliver an event in the background; the future tells what came of the first attempt."""
        first: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        if self._closed:
            first.set_result(_CLOSED)
            return first
        task = asyncio.create_task(self._attempts(payload, first))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return first

    async def _attempts(self, payload: Json, first: "asyncio.Future[Ack]") -> None:
        ack = _CLOSED
        try:
            ack = await self.transport.send("events_api", payload, Retry(), self.ack_seconds)
        finally:
            # Whoever waits for it must hear of a shutdown too.
            if not first.done():
                first.set_result(ack)
        for attempt, wait in enumerate(self.retry_waits, start=1):
            if ack.ok:
                return
            await asyncio.sleep(wait)
            retry = Retry(attempt, ack.reason)
            ack = await self.transport.send("events_api", payload, retry, self.ack_seconds)

    async def close(self) -> None:
        """Stop what is still being repeated, and close the way to the app."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.transport.close()
