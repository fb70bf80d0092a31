"""What every call to PagerDuty's REST API shares: the deadline, pages, the acting person, one refusal that is none."""

import functools
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from bot.clients.pagerduty_errors import (
    ALREADY_ACKNOWLEDGED,
    ALREADY_RESOLVED,
    NOT_FOUND,
    no_sender,
    not_understood,
    unreachable,
)
from bot.clients.pagerduty_wire import Wire, deadline
from bot.errors import RejectedError

PAGE = 100  # the largest page there is
LAST_POSITION = 10_000  # offset + limit may not exceed it

# What a From header can carry; whether somebody has the address is for PagerDuty to say.
EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")

Json = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Account")


def bounded(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """The whole call, with everything that it calls, within the client's deadline."""
    return _within(method, wrote=False)


def bounded_write(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """The same for a change: when the deadline cuts it off, it may have taken effect all the same."""
    return _within(method, wrote=True)


def _within(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]], *, wrote: bool
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    @functools.wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            async with deadline(self.deadline):
                return await method(self, *args, **kwargs)
        except TimeoutError:
            raise unreachable(f"it did not answer within {self.deadline:g} s", wrote=wrote) from None

    return call


class Account:
    """A PagerDuty account, by its REST API key; connects to nothing by itself."""

    deadline: float
    default_from: str
    _wire: Wire

    async def _change(self, incident_id: str, change: Mapping[str, Any], from_email: str) -> Json:
        path = path_of("incidents", incident_id)
        body = {"incident": {"type": "incident", **change}}
        try:
            return await self._write("PUT", path, body, from_email, "incident")
        except RejectedError as error:
            if error.code not in {ALREADY_ACKNOWLEDGED, ALREADY_RESOLVED}:
                raise
        return await self._read(path, "incident")

    async def _read(self, path: str, key: str) -> Json:
        body = await self._wire.get(path)
        return dict(field_of(body, key, dict, f"GET {path}"))

    async def _write(self, method: str, path: str, body: Json, from_email: str, key: str) -> Json:
        sender = from_email.strip() or self.default_from.strip()
        if not EMAIL.fullmatch(sender):
            raise no_sender()
        answer = await self._wire.send(method, path, body, from_email=sender)
        return dict(field_of(answer, key, dict, f"{method} {path}"))

    async def _pages(self, path: str, key: str, filters: Mapping[str, Any] | None = None) -> list[Json]:
        found: list[Json] = []
        for offset in range(0, LAST_POSITION, PAGE):
            body = await self._wire.get(path, {**(filters or {}), "limit": PAGE, "offset": offset})
            page = field_of(body, key, list, f"GET {path}")
            found.extend(page)
            if not body.get("more") or not page:
                break
        return found


def path_of(collection: str, item_id: str, *rest: str) -> str:
    # Dots and slashes in an id would change what is asked for.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", item_id):
        raise RejectedError(
            f"“{item_id}” is not an id of PagerDuty's: it has letters and digits only.", code=NOT_FOUND
        )
    return "/" + "/".join([collection, quote(item_id, safe=""), *rest])


def query_of(words: str) -> dict[str, Any]:
    return {"query": words} if words else {}


def field_of(body: Json, key: str, kind: type, asked: str) -> Any:
    value = body.get(key)
    if not isinstance(value, kind):
        raise not_understood(asked)
    return value
