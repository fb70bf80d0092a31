"""PagerDuty's REST API as the bot uses it: incidents, notes, users, on-calls, webhook subscriptions.

Incidents, alerts and log entries keep PagerDuty's own REST shape (plain dictionaries); what the bot reads
field by field becomes a frozen dataclass. Every method raises `bot.errors` and nothing else, and is over
within the client's deadline, its own retries of GETs included.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from bot.clients.pagerduty_acts import Acts
from bot.clients.pagerduty_base import PAGE, Json, bounded, bounded_write, field_of, path_of, query_of
from bot.clients.pagerduty_errors import not_understood
from bot.clients.pagerduty_values import OnCall, PdUser, read_oncall, read_user
from bot.clients.pagerduty_wire import Wire
from bot.errors import RejectedError, UnauthorizedError

__all__ = ["OnCall", "PagerDuty", "PdUser"]


class PagerDuty(Acts):
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

    @bounded
    async def incident(self, incident_id: str) -> Json:
        """One incident, in REST shape."""
        return await self._read(path_of("incidents", incident_id), "incident")

    @bounded
    async def alerts(self, incident_id: str) -> list[Json]:
        """All alerts of an incident; `body.details` may be an object or a string."""
        return await self._pages(path_of("incidents", incident_id, "alerts"), "alerts")

    @bounded
    async def log_entries(self, incident_id: str) -> list[Json]:
        """Everything that happened to an incident, newest first."""
        path = path_of("incidents", incident_id, "log_entries")
        return await self._pages(path, "log_entries", {"include[]": "channels"})

    @bounded
    async def open_incidents(self) -> list[Json]:
        """All incidents that are triggered or acknowledged, of any age."""
        filters = {"statuses[]": ["triggered", "acknowledged"], "date_range": "all"}
        return await self._pages("/incidents", "incidents", filters)

    @bounded
    async def open_page(self, *, offset: int) -> tuple[list[Json], bool]:
        """A page of those, and whether there are more."""
        filters = {
            "statuses[]": ["triggered", "acknowledged"],
            "date_range": "all",
            "sort_by": "created_at:asc",
        }
        body = await self._wire.get("/incidents", {**filters, "limit": PAGE, "offset": offset})
        return _objects(field_of(body, "incidents", list, "GET /incidents")), bool(body.get("more"))

    @bounded
    async def incidents_with_key(self, incident_key: str) -> list[Json]:
        """The incidents of any status and age that were created with that key."""
        return await self._pages("/incidents", "incidents", {"incident_key": incident_key, "date_range": "all"})

    @bounded
    async def log_page(self, *, since: datetime, until: datetime, offset: int) -> tuple[list[Json], bool]:
        """A page of the account's log entries between two moments, newest first; and whether there are more."""
        span = {"since": since.isoformat(), "until": until.isoformat(), "include[]": "channels"}
        body = await self._wire.get("/log_entries", {**span, "limit": PAGE, "offset": offset})
        return _objects(field_of(body, "log_entries", list, "GET /log_entries")), bool(body.get("more"))

    @bounded_write
    async def acknowledge(self, incident_id: str, *, from_email: str) -> Json:
        """Acknowledge as that person; the incident after it.

        An incident that is acknowledged or resolved already is no error: it is returned as it is.
        """
        return await self._change(incident_id, {"status": "acknowledged"}, from_email)

    @bounded_write
    async def resolve(self, incident_id: str, *, from_email: str, resolution: str = "") -> Json:
        """Resolve as that person; the incident after it, also if it was resolved already."""
        change = {"status": "resolved"} | ({"resolution": resolution} if resolution else {})
        return await self._change(incident_id, change, from_email)

    @bounded_write
    async def note(self, incident_id: str, text: str, *, from_email: str) -> Json:
        """Add a note as that person; the note."""
        path = path_of("incidents", incident_id, "notes")
        return await self._write("POST", path, {"note": {"content": text}}, from_email, "note")

    @bounded
    async def notes(self, incident_id: str) -> list[Json]:
        """All notes of an incident."""
        body = await self._wire.get(path_of("incidents", incident_id, "notes"))
        return list(field_of(body, "notes", list, "GET notes"))

    # People

    @bounded
    async def user_by_email(self, email: str) -> PdUser | None:
        """The user with exactly this e-mail, upper and lower case alike; None if there is none."""
        wanted = email.strip().casefold()
        if not wanted:
            return None
        found = await self._pages("/users", "users", {"query": email.strip()})
        users = [read_user(each) for each in found]
        return next((user for user in users if user.email.casefold() == wanted), None)

    @bounded
    async def user(self, user_id: str) -> PdUser:
        """One user, by PagerDuty's id."""
        return read_user(await self._read(path_of("users", user_id), "user"))

    @bounded
    async def users(self, query: str = "") -> list[PdUser]:
        """Users whose name or e-mail contains the query; all without one."""
        return [read_user(each) for each in await self._pages("/users", "users", query_of(query))]

    @bounded
    async def oncalls(
        self,
        *,
        schedule_ids: Iterable[str] | None = None,
        policy_ids: Iterable[str] | None = None,
        at: datetime | None = None,
    ) -> list[OnCall]:
        """Who is on call now or at a moment, for some schedules or policies or (None) for all of the account."""
        filters: dict[str, Any] = {}
        for name, wanted in (("schedule_ids[]", schedule_ids), ("escalation_policy_ids[]", policy_ids)):
            if wanted is not None and not (ids := list(dict.fromkeys(wanted))):
                return []
            filters |= {} if wanted is None else {name: ids}
        if at is not None:
            filters |= {"since": at.isoformat(), "until": (at + timedelta(seconds=1)).isoformat()}
        found = await self._pages("/oncalls", "oncalls", filters | {"include[]": "users"})
        try:
            return [read_oncall(each) for each in found if each.get("user")]
        except (AttributeError, TypeError, ValueError):
            raise not_understood("GET /oncalls") from None

    @bounded
    async def schedules(self, query: str = "") -> list[Json]:
        """Schedules whose name contains the query; all without one."""
        return await self._pages("/schedules", "schedules", query_of(query))

    @bounded
    async def escalation_policies(self, query: str = "") -> list[Json]:
        """Escalation policies whose name contains the query; all without one."""
        return await self._pages("/escalation_policies", "escalation_policies", query_of(query))

    @bounded
    async def schedule_v3(self, schedule_id: str) -> Json:
        """An upgraded schedule, which only this address knows: `GET /schedules/{id}` answers 404 for it."""
        return await self._read("/v3" + path_of("schedules", schedule_id), "schedule")

    @bounded
    async def escalation_policy(self, policy_id: str) -> Json:
        """One escalation policy with its levels."""
        return await self._read(path_of("escalation_policies", policy_id), "escalation_policy")

    @bounded
    async def services(self, query: str = "") -> list[Json]:
        """Services whose name contains the query, each with a reference to its escalation policy."""
        return await self._pages("/services", "services", query_of(query))

    @bounded
    async def priorities(self) -> list[Json]:
        """The account's priorities, highest first; empty where priorities are switched off."""
        return await self._pages("/priorities", "priorities")

    # The account

    @bounded
    async def abilities(self) -> list[str]:
        """What the account's plan includes, e.g. "coordinated_responding"."""
        body = await self._wire.get("/abilities")
        return [str(name) for name in field_of(body, "abilities", list, "GET /abilities")]

    @bounded
    async def ping(self) -> None:
        """Raise unless PagerDuty is reachable and accepts the token; works with account-level tokens too."""
        await self._wire.get("/abilities")

    @bounded
    async def may_write(self, *, from_email: str) -> bool:
        """Whether the token may change incidents, found out on one that does not exist."""
        try:
            await self._change("Q0000000000000", {"status": "acknowledged"}, from_email)
        except UnauthorizedError:
            return False
        except RejectedError:
            return True  # understood, allowed, and not found
        return True

    @bounded
    async def webhook_subscriptions(self) -> list[Json]:
        """All webhook subscriptions; look at `delivery_method.temporarily_disabled`."""
        return await self._pages("/webhook_subscriptions", "webhook_subscriptions")


def _objects(listed: list[Any]) -> list[Json]:
    """One entry that is nonsense must not keep the others from being read."""
    return [dict(each) for each in listed if isinstance(each, dict)]
