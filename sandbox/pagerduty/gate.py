"""What every request passes before and after its route: record, faults, rate limit, token, error shape."""

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.clock import SandboxClock
from sandbox.pagerduty.errors import ApiError, access_denied, throttled, unauthorized
from sandbox.pagerduty.faults import Fault, Faults
from sandbox.pagerduty.shapes import WEB_PATH

MEDIA_TYPE = "application/vnd.pagerduty+json;version=2"
EVENTS_PATH = "/v2/enqueue"
CALLS_KEPT = 5000
RATE = 960  # requests per minute, as PagerDuty gives each token
WINDOW = 60.0  # seconds


@dataclass(slots=True)
class ApiCall:
    """One request and its answer; header names are in lower case; `status` is None while it is under way."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any
    at: datetime
    status: int | None = None
    response: Any = None

    @property
    def from_email(self) -> str:
        return self.headers.get("from", "")


@dataclass(slots=True)
class RateLimit:
    """A fixed window of real time."""

    limit: int = RATE
    used: int = 0
    window_ends: float = 0.0

    def take(self) -> bool:
        """Count a request; False if it is one too many."""
        now = time.monotonic()
        if now >= self.window_ends:
            self.used, self.window_ends = 0, now + WINDOW
        self.used += 1
        return self.used <= self.limit

    def headers(self, reset: float | None = None) -> dict[str, str]:
        seconds = max(0.0, self.window_ends - time.monotonic()) if reset is None else reset
        remaining = max(0, self.limit - self.used) if reset is None else 0
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(remaining),
            "ratelimit-reset": f"{seconds:g}" if reset is not None else str(int(seconds) + 1),
        }


@dataclass(slots=True)
class _Answer:
    """A response held back until it is known whether it may leave."""

    start: Message | None = None
    body: bytearray = field(default_factory=bytearray)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    @property
    def status(self) -> int:
        return int(self.start["status"]) if self.start else 500


class Gate:
    """ASGI middleware around the routes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        clock: SandboxClock,
        calls: deque[ApiCall],
        faults: Faults,
        tokens: dict[str, str],
        rate: RateLimit,
    ) -> None:
        self._app = app
        self._clock = clock
        self._calls = calls
        self._faults = faults
        self._tokens = tokens
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _path(scope).startswith(f"{WEB_PATH}/"):
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        call = self._record(scope, body)
        fault = self._faults.take(call.method, call.path)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and fault.spoils_answer and not fault.after:
            await self._spoil(fault, call, scope, send)
            return
        answer = await self._answer(scope, call, body)
        if fault and fault.spoils_answer:
            await self._spoil(fault, call, scope, send)
            return
        call.status = answer.status
        call.response = _decoded(bytes(answer.body))
        await self._reply(send, answer.status, bytes(answer.body), _content_type(answer))

    def _record(self, scope: Scope, body: bytes) -> ApiCall:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        call = ApiCall(scope["method"], _path(scope), query, headers, _decoded(body), self._clock.now())
        self._calls.append(call)
        return call

    async def _answer(self, scope: Scope, call: ApiCall, body: bytes) -> _Answer:
        answer = _Answer()
        try:
            if call.path != EVENTS_PATH:
                self._admit(call)
            await self._app(scope, _replay(body), answer.send)
        except ApiError as error:
            payload = json.dumps(error.body).encode()
            answer = _Answer({"type": "http.response.start", "status": error.status}, bytearray(payload))
        return answer

    def _admit(self, call: ApiCall) -> None:
        if not self._rate.take():
            raise throttled()
        scheme, _, token = call.headers.get("authorization", "").partition("=")
        kind = self._tokens.get(token.strip()) if scheme.strip().lower() == "token token" else None
        if kind is None:
            raise unauthorized()
        if kind == "read_only" and call.method != "GET":
            raise access_denied()
        accept = call.headers.get("accept", "*/*")
        if not any(each in accept for each in ("*/*", "application/*", "json")) or "version=1" in accept:
            raise ApiError(406, 2001, "Not Acceptable", ["Ask for application/vnd.pagerduty+json;version=2"])

    async def _spoil(self, fault: Fault, call: ApiCall, scope: Scope, send: Send) -> None:
        if fault.hang:
            await self._faults.released.wait()
            fault = Fault(fault.match, 0, status=503)
        if fault.drop:
            await _drop(scope, send)
            return
        call.status = fault.status or 500
        call.response = fault.answer()
        await self._reply(send, call.status, json.dumps(call.response).encode(), MEDIA_TYPE, fault.retry_after)

    async def _reply(
        self, send: Send, status: int, body: bytes, content_type: str, reset: float | None = None
    ) -> None:
        headers = {"content-type": content_type, "content-length": str(len(body))} | self._rate.headers(reset)
        if status == 204:  # noqa: PLR2004 - no content
            headers.pop("content-type")
            headers.pop("content-length")
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _path(scope: Scope) -> str:
    """The path below the prefix under which the app is mounted."""
    return str(scope["path"]).removeprefix(scope.get("root_path", "")) or "/"


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _drop(scope: Scope, send: Send) -> None:
    abort = scope.get("extensions", {}).get("sandbox.abort")  # from sandbox.serving
    if abort is not None:
        abort()
        await asyncio.sleep(0)  # so that the server sees the connection gone before the request ends
        return
    # Under another server: a body shorter than announced makes it close the connection.
    headers = [(b"content-length", b"1000000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": True})


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


def _content_type(answer: _Answer) -> str:
    headers = dict(answer.start.get("headers", [])) if answer.start else {}
    return str(headers.get(b"content-type", MEDIA_TYPE.encode()).decode())
