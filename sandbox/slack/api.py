"""`POST /api/{method}`: token, limits, scopes and faults around the methods, and Slack's way of answering."""

import asyncio
import inspect
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.slack.args import Args, read_arguments
from sandbox.slack.core import ApiCall, Core
from sandbox.slack.errors import RateLimitedCallError, SlackError
from sandbox.slack.faults import Fault, Faults
from sandbox.slack.methods import HANDLERS, Call
from sandbox.slack.scopes import METHODS
from sandbox.slack.socketmode import abort_of
from sandbox.slack.workspace import Json

_OK, _TOO_MANY = 200, 429


class SilentResponse(Response):
    """Closes the connection without an answer; behind a foreign server, with half of one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        abort = abort_of(scope)
        if abort is not None:
            abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
        await send({"type": "http.response.start", "status": _OK, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})


class WebApi:
    """Answers Web API calls, and keeps the record of them."""

    def __init__(self, core: Core, faults: Faults) -> None:
        self._core = core
        self._faults = faults

    async def endpoint(self, request: Request) -> Response:
        method = request.path_params["method"]
        spec = METHODS.get(method)
        try:
            values = await read_arguments(request, json_body=spec is None or spec.json)
            problem = None
        except SlackError as refusal:
            values, problem = {}, refusal
        record = ApiCall(
            method, {key: value for key, value in values.items() if key != "token"}, self._core.now()
        )
        self._core.calls.append(record)
        fault = self._faults.take(method)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.spoils_answer and not fault.after:
            return await self._spoil(record, fault, request)
        token = _token(request, values)
        status, body, headers = await self._answer(method, values, token, problem)
        record.response, record.status = body, status
        if fault is not None and fault.spoils_answer:
            return await self._spoil(record, fault, request)
        return JSONResponse(body, status, headers)

    async def _answer(
        self, method: str, values: Json, token: str | None, problem: SlackError | None
    ) -> tuple[int, Json, dict[str, str]]:
        headers = {"x-slack-req-id": secrets.token_hex(16)}
        try:
            if problem is not None:
                raise problem
            body = {"ok": True, **await self._perform(method, Args(values), token)}
        except RateLimitedCallError as refusal:
            return _TOO_MANY, refusal.body(), headers | {"Retry-After": str(refusal.retry_after)}
        except SlackError as refusal:
            body = refusal.body()
        if body.get("error") not in ("not_authed", "invalid_auth"):
            headers["x-oauth-scopes"] = ",".join(sorted(self._core.scopes))
        return _OK, body, headers

    async def _perform(self, method: str, args: Args, token: str | None) -> Json:
        spec = METHODS.get(method)
        if spec is None:
            raise SlackError("unknown_method", req_method=method)
        self._authenticate(spec.token, token)
        wait = self._core.limiter.take_call(method, spec.tier) if self._core.enforce_rate_limits else None
        if wait is not None:
            raise RateLimitedCallError(wait)
        self._require_some_scope(method)
        answer = HANDLERS[method](Call(self._core, method, args))
        return await answer if inspect.isawaitable(answer) else answer

    def _authenticate(self, needed: str, token: str | None) -> None:
        if needed == "none":
            return
        if not token:
            raise SlackError("not_authed")
        kinds = {self._core.bot_token: "bot", self._core.app_token: "app"}
        if token not in kinds:
            raise SlackError("invalid_auth")
        if kinds[token] != needed:
            raise SlackError("not_allowed_token_type")

    def _require_some_scope(self, method: str) -> None:
        """Which scope it takes depends on the conversation; without any of them it ends here."""
        spec = METHODS[method]
        possible = [spec.scope_for(family) for family in ("channels", "groups", "im", "mpim")]
        if spec.scope and not set(possible) & self._core.scopes:
            provided = ",".join(sorted(self._core.scopes))
            raise SlackError("missing_scope", needed=possible[0], provided=provided)

    async def _spoil(self, record: ApiCall, fault: Fault, request: Request) -> Response:
        return await spoiled(record, fault, self._faults, request)


async def spoiled(record: ApiCall | None, fault: Fault, faults: Faults, request: Request) -> Response:
    """The answer that a fault makes of a call."""
    if fault.hang:
        await _until_released(faults, request)
        return SilentResponse()
    if fault.drop:
        return SilentResponse()
    body: dict[str, Any] = fault.body()
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if record is not None and not fault.after:
        record.response, record.status = body, fault.http_status
    return JSONResponse(body, fault.http_status, headers)


async def _until_released(faults: Faults, request: Request) -> None:
    """Wait until the caller goes away or the fault is cleared."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    waits = [asyncio.create_task(gone()), asyncio.create_task(faults.released.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _token(request: Request, values: Mapping[str, Any]) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    given = values.get("token")
    return str(given) if given else None
