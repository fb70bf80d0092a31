"""What routes share: bodies, pages, filters, the acting user, answers."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from sandbox.pagerduty.errors import bad_dates, invalid_input, not_found, requester_not_found
from sandbox.pagerduty.gate import MEDIA_TYPE
from sandbox.pagerduty.world import Json, User, World

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
LAST_POSITION = 10_000

T = TypeVar("T")


def answer(body: Json, status: int = 200) -> Response:
    return Response(json.dumps(body), status, media_type=MEDIA_TYPE)


async def body_of(request: Request) -> Json:
    """The JSON object of a request; 400 for anything else."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise invalid_input("The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise invalid_input("The request body must be an object")
    return body


def part(body: Json, name: str, kind: type[T]) -> T:
    """A required field of the right type; 400 without."""
    value = body.get(name)
    if not isinstance(value, kind) or value in ("", []):
        raise invalid_input(f"{name.capitalize()} cannot be empty")
    return value


def typed(resource: Json, *types: str) -> Json:
    """A resource whose `type` is one of these; the API demands it on every write."""
    if resource.get("type") not in types:
        raise invalid_input(f"Type must be one of: {', '.join(types)}")
    return resource


def sender(request: Request, world: World) -> User:
    """The user named by the From header."""
    email = request.headers.get("from", "")
    if not email:
        raise invalid_input("The From header is required: the e-mail address of the user who acts")
    user = world.user_by_email(email)
    if user is None:
        raise requester_not_found()
    return user


def found(items: dict[str, T], item_id: str) -> T:
    if item_id not in items:
        raise not_found()
    return items[item_id]


def many(request: Request, name: str) -> list[str]:
    """All values of `name[]`."""
    return [str(value) for value in request.query_params.getlist(f"{name}[]")]


def choices(request: Request, name: str, allowed: Iterable[str]) -> list[str]:
    values = many(request, name)
    wrong = set(values) - set(allowed)
    if wrong:
        raise invalid_input(f"{name}[] cannot be {', '.join(sorted(wrong))}")
    return values


def moment(request: Request, name: str) -> datetime | None:
    """A `since` or `until`; a bare date or time counts as UTC."""
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise bad_dates(f"{name} is not a time") from None
    return value if value.tzinfo else value.fromisoformat(value.isoformat() + "+00:00")


def page(request: Request, key: str, items: list[T], shape: Callable[[T], Any]) -> Response:
    """A page of a list by `limit` and `offset`, with `more`, and `total` if asked for."""
    limit = min(_number(request, "limit", DEFAULT_LIMIT, least=1), MAX_LIMIT)
    offset = _number(request, "offset", 0, least=0)
    if offset + limit > LAST_POSITION:
        raise invalid_input("Offset and limit may not exceed 10000 together")
    total = len(items) if request.query_params.get("total") == "true" else None
    shown = [shape(item) for item in items[offset : offset + limit]]
    more = len(items) > offset + limit
    return answer({key: shown, "limit": limit, "offset": offset, "more": more, "total": total})


def _number(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdigit() or int(text) < least:
        raise invalid_input(f"{name.capitalize()} must be a number of at least {least}")
    return int(text)
