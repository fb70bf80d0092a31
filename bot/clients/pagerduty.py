"""PagerDuty's REST API as the bot uses it: incidents, notes, users, on-calls, webhook subscriptions.

Incidents, alerts and log entries keep PagerDuty's own REST shape (plain dictionaries); what the bot reads
field by field becomes a frozen dataclass. Every method raises `bot.errors` and nothing else, and is over
within the client's deadline, its own retries of GETs included.
"""

import functools
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
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
from bot.errors import RejectedError, UnauthorizedError

PAGE = 100  # the largest page there is
LAST_POSITION = 10_000  # offset + limit may not exceed it

# What a From header can carry; whether somebody has the address is for PagerDuty to say.
EMAIL = re.compile(r"[!-?A-~]+@[!-?A-~]+")

Json = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PdUser:
    """A PagerDuty user; `email` is empty where PagerDuty only sent a reference."""

    id: str
    name: str
    email: str
    html_url: str


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call now, by which schedule, at which level of which escalation policy.

    `schedule_id` and `schedule` are empty for a user who stands in the policy directly; `until` is None for
    someone who is on call without end.
    """

    schedule_id: str
    schedule: str
    policy: str
    level: int
    user: PdUser
    until: datetime | None


def _bounded(
    method: Callable[Concatenate["PagerDuty", P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate["PagerDuty", P], Coroutine[Any, Any, R]]:
    """The whole call, with everything that it calls, within the client's deadline."""

    @functools.wraps(method)
    async def call(self: "PagerDuty", /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            async with deadline(self.deadline):
                return await method(self, *args, **kwargs)
        except TimeoutError:
            why = f"it did not answer within {self.deadline:g} s"
            raise unreachable(why, wrote=method.__name__ in WRITES) from None

    return call


WRITES = frozenset({"acknowledge", "resolve", "note"})


class PagerDuty:
    """A PagerDuty account, by its REST API key."""

    def __init__(
        self,
        *,
        token: str,
        api_url: str = "https://api.pagerduty.com",
        events_url: str = "https://events.pagerduty.com",
        deadline: float = 8.0,
        default_from: str = "",
    ) -> None:
        """Connects to nothing yet.

        Args:
            token: REST API key, account-level or personal.
            api_url: base address; a path prefix and a trailing slash are fine.
            events_url: base address of the Events API v2.
            deadline: seconds that any one method may take in all.
            default_from: e-mail to act as where the caller gives none.
        """
        self.deadline = deadline
        self.default_from = default_from
        self.events_url = events_url.rstrip("/")
        self._wire = Wire(token=token, api_url=api_url)

    async def close(self) -> None:
        """Let go of threads and connections; calls under way end by their deadline."""
        await self._wire.close()

    # Incidents

    @_bounded
    async def incident(self, incident_id: str) -> Json:
        """One incident, in REST shape."""
        return await self._read(_path("incidents", incident_id), "incident")

    @_bounded
    async def alerts(self, incident_id: str) -> list[Json]:
        """All alerts of an incident; `body.details` may be an object or a string."""
        return await self._pages(_path("incidents", incident_id, "alerts"), "alerts")

    @_bounded
    async def log_entries(self, incident_id: str) -> list[Json]:
        """Everything that happened to an incident, newest first."""
        return await self._pages(_path("incidents", incident_id, "log_entries"), "log_entries")

    @_bounded
    async def open_incidents(self) -> list[Json]:
        """All incidents that are triggered or acknowledged, of any age."""
        filters = {"statuses[]": ["triggered", "acknowledged"], "date_range": "all"}
        return await self._pages("/incidents", "incidents", filters)

    @_bounded
    async def acknowledge(self, incident_id: str, *, from_email: str) -> Json:
        """Acknowledge as that person; the incident after it.

        An incident that is acknowledged or resolved already is no error: it is returned as it is.
        """
        return await self._change(incident_id, {"status": "acknowledged"}, from_email)

    @_bounded
    async def resolve(self, incident_id: str, *, from_email: str, resolution: str = "") -> Json:
        """Resolve as that person; the incident after it, also if it was resolved already."""
        change = {"status": "resolved"} | ({"resolution": resolution} if resolution else {})
        return await self._change(incident_id, change, from_email)

    @_bounded
    async def note(self, incident_id: str, text: str, *, from_email: str) -> Json:
        """Add a note as that person; the note."""
        path = _path("incidents", incident_id, "notes")
        return await self._write("POST", path, {"note": {"content": text}}, from_email, "note")

    @_bounded
    async def notes(self, incident_id: str) -> list[Json]:
        """All notes of an incident."""
        body = await self._wire.get(_path("incidents", incident_id, "notes"))
        return list(_field(body, "notes", list, "GET notes"))

    # People

    @_bounded
    async def user_by_email(self, email: str) -> PdUser | None:
        """The user with exactly this e-mail, upper and lower case alike; None if there is none."""
        wanted = email.strip().casefold()
        if not wanted:
            return None
        found = await self._pages("/users", "users", {"query": email.strip()})
        users = [_user(each) for each in found]
        return next((user for user in users if user.email.casefold() == wanted), None)

    @_bounded
    async def user(self, user_id: str) -> PdUser:
        """One user, by PagerDuty's id."""
        return _user(await self._read(_path("users", user_id), "user"))

    @_bounded
    async def oncalls(self, *, schedule_ids: Iterable[str] | None = None) -> list[OnCall]:
        """Who is on call at this moment, for some schedules or (None) for all policies of the account."""
        if schedule_ids is None:
            filters: dict[str, Any] = {}
        elif not (ids := list(dict.fromkeys(schedule_ids))):
            return []
        else:
            filters = {"schedule_ids[]": ids}
        found = await self._pages("/oncalls", "oncalls", filters | {"include[]": "users"})
        try:
            return [_oncall(each) for each in found if each.get("user")]
        except (AttributeError, TypeError, ValueError):
            raise not_understood("GET /oncalls") from None

    @_bounded
    async def schedules(self, query: str = "") -> list[Json]:
        """Schedules whose name contains the query; all without one."""
        return await self._pages("/schedules", "schedules", _query(query))

    @_bounded
    async def escalation_policies(self, query: str = "") -> list[Json]:
        """Escalation policies whose name contains the query; all without one."""
        return await self._pages("/escalation_policies", "escalation_policies", _query(query))

    # The account

    @_bounded
    async def abilities(self) -> list[str]:
        """What the account's plan includes, e.g. "coordinated_responding"."""
        body = await self._wire.get("/abilities")
        return [str(name) for name in _field(body, "abilities", list, "GET /abilities")]

    @_bounded
    async def ping(self) -> None:
        """Raise unless PagerDuty is reachable and accepts the token; works with account-level tokens too."""
        await self._wire.get("/abilities")

    @_bounded
    async def may_write(self, *, from_email: str) -> bool:
        """Whether the token may change incidents, found out on one that does not exist."""
        try:
            await self._change("Q0000000000000", {"status": "acknowledged"}, from_email)
        except UnauthorizedError:
            return False
        except RejectedError:
            return True  # understood, allowed, and not found
        return True

    @_bounded
    async def webhook_subscriptions(self) -> list[Json]:
        """All webhook subscriptions; look at `delivery_method.temporarily_disabled`."""
        return await self._pages("/webhook_subscriptions", "webhook_subscriptions")

    # How

    async def _change(self, incident_id: str, change: Mapping[str, Any], from_email: str) -> Json:
        path = _path("incidents", incident_id)
        body = {"incident": {"type": "incident", **change}}
        try:
            return await self._write("PUT", path, body, from_email, "incident")
        except RejectedError as error:
            if error.code not in {ALREADY_ACKNOWLEDGED, ALREADY_RESOLVED}:
                raise
        return await self._read(path, "incident")

    async def _read(self, path: str, key: str) -> Json:
        body = await self._wire.get(path)
        return dict(_field(body, key, dict, f"GET {path}"))

    async def _write(self, method: str, path: str, body: Json, from_email: str, key: str) -> Json:
        sender = from_email.strip() or self.default_from.strip()
        if not EMAIL.fullmatch(sender):
            raise no_sender()
        answer = await self._wire.send(method, path, body, from_email=sender)
        return dict(_field(answer, key, dict, f"{method} {path}"))

    async def _pages(self, path: str, key: str, filters: Mapping[str, Any] | None = None) -> list[Json]:
        found: list[Json] = []
        for offset in range(0, LAST_POSITION, PAGE):
            body = await self._wire.get(path, {**(filters or {}), "limit": PAGE, "offset": offset})
            page = _field(body, key, list, f"GET {path}")
            found.extend(page)
            if not body.get("more") or not page:
                break
        return found


def _path(collection: str, item_id: str, *rest: str) -> str:
    # Dots and slashes in an id would change what is asked for.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", item_id):
        raise RejectedError(
            f"“{item_id}” is not an id of PagerDuty's: it has letters and digits only.", code=NOT_FOUND
        )
    return "/" + "/".join([collection, quote(item_id, safe=""), *rest])


def _query(words: str) -> dict[str, Any]:
    return {"query": words} if words else {}


def _field(body: Json, key: str, kind: type, asked: str) -> Any:
    value = body.get(key)
    if not isinstance(value, kind):
        raise not_understood(asked)
    return value


def _user(raw: Json) -> PdUser:
    return PdUser(
        id=str(raw.get("id") or ""),
        name=str(raw.get("name") or raw.get("summary") or ""),
        email=str(raw.get("email") or ""),
        html_url=str(raw.get("html_url") or ""),
    )


def _oncall(raw: Json) -> OnCall:
    schedule = raw.get("schedule") or {}
    policy = raw.get("escalation_policy") or {}
    return OnCall(
        schedule_id=str(schedule.get("id") or ""),
        schedule=_name(schedule),
        policy=_name(policy),
        level=int(raw.get("escalation_level") or 0),
        user=_user(raw["user"]),
        until=_moment(raw.get("end")),
    )


def _moment(text: Any) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _name(resource: Json) -> str:
    return str(resource.get("name") or resource.get("summary") or "")
