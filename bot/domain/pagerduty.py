"""PagerDuty's payloads, read into values. Webhook and REST name the same things differently; here they meet.

Everything comes from outside: a missing or odd field is an empty value, never an exception. Only an event
without a type, an id or an incident is refused (ValueError), for it can be neither applied nor filed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.domain.lifecycle import Move
from bot.domain.people import NOBODY, Who

_SAID = {
    "incident.acknowledged": "acknowledged",
    "incident.unacknowledged": "triggered",
    "incident.reopened": "triggered",
    "incident.resolved": "resolved",
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An incident as one payload shows it."""

    pd_id: str
    number: int | None
    title: str
    url: str
    status: str
    service: str
    service_id: str
    urgency: str
    priority: str
    created_at: datetime | None
    changed_at: datetime | None  # REST only: last_status_change_at, in whole seconds
    assignees: tuple[Who, ...] = ()
    merged_into: str = ""
    key: str = ""  # incident_key: what we gave it, if we created it
    policy: str = ""  # name of the escalation policy that it goes by
    policy_id: str = ""
    changed_by: Who = NOBODY  # REST only: last_status_change_by
    updated_at: datetime | None = None  # REST only


@dataclass(frozen=True, slots=True)
class PdEvent:
    """One webhook event."""

    id: str
    type: str
    at: datetime
    agent: Who
    incident_id: str
    snapshot: Snapshot | None
    text: str = ""  # a note, a status update, a responder's message
    people: tuple[Who, ...] = ()  # responders added, users replied
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def move(self) -> Move | None:
        """What the event tells about the status, if anything."""
        if self.type == "incident.triggered":
            return Move("triggered", self.at, self.agent, how="raised")
        if self.type in _SAID:
            return Move(_SAID[self.type], self.at, self.agent)
        # Escalated or reassigned, it is triggered for whoever has it next, and no event of its own says so.
        stands = self.snapshot.status if self.snapshot else ""
        return Move(stands, self.at, how="seen") if stands else None


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


SKEW: Final = timedelta(minutes=2)  # that PagerDuty's clock and ours may differ


def parse_time(value: Any) -> datetime | None:
    """ISO 8601, always returned in UTC; None if it is not a time."""
    try:
        parsed = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def who(reference: Any) -> Who:
    """A user reference; a service or integration keeps its name only."""
    ref = mapping(reference)
    is_user = text(ref.get("type")).startswith("user")
    name = text(ref.get("summary")) or text(ref.get("name"))
    return Who(name=name, pd_id=text(ref.get("id")) if is_user else "") if ref else NOBODY


def _assignees(data: Mapping[str, Any]) -> tuple[Who, ...]:
    raw = data.get("assignees")
    if not isinstance(raw, list):
        raw = [mapping(item).get("assignee") for item in data.get("assignments") or [] if item]
    people = (Who(name=text(mapping(r).get("summary")), pd_id=text(mapping(r).get("id"))) for r in raw)
    return tuple(p for p in people if p)


def _number(data: Mapping[str, Any]) -> int | None:
    value = data.get("number", data.get("incident_number"))
    ok = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
    return value if ok else None


def snapshot(data: Mapping[str, Any]) -> Snapshot:
    """Read an incident from a webhook's `data` or a REST `incident`; raises ValueError without an id."""
    pd_id = text(data.get("id"))
    if not pd_id:
        raise ValueError("the incident has no id")
    service, priority = mapping(data.get("service")), mapping(data.get("priority"))
    policy, reason = mapping(data.get("escalation_policy")), mapping(data.get("resolve_reason"))
    merged = mapping(reason.get("incident")).get("id") if "merge" in text(reason.get("type")) else ""
    status = text(data.get("status"))
    return Snapshot(
        pd_id=pd_id,
        number=_number(data),
        title=text(data.get("title")) or text(data.get("summary")) or "(no title)",
        url=text(data.get("html_url")),
        status=status if status in {"triggered", "acknowledged", "resolved"} else "",
        service=text(service.get("summary")) or text(service.get("name")),
        service_id=text(service.get("id")),
        urgency=text(data.get("urgency")),
        priority=text(priority.get("summary")) or text(priority.get("name")),
        created_at=parse_time(data.get("created_at")),
        changed_at=parse_time(data.get("last_status_change_at")),
        assignees=_assignees(data),
        merged_into=text(merged),
        key=text(data.get("incident_key")),
        policy=text(policy.get("summary")) or text(policy.get("name")),
        policy_id=text(policy.get("id")),
        changed_by=who(data.get("last_status_change_by")),
        updated_at=parse_time(data.get("updated_at")),
    )


def event(body: Mapping[str, Any], *, now: datetime) -> PdEvent | None:
    """Read a webhook body; None for an event that is about no incident (ping, service changes, unknown).

    Raises:
        ValueError: there is no event, type or id, so that it cannot even be filed.
    """
    raw = mapping(body.get("event"))
    event_id, kind = text(raw.get("id")), text(raw.get("event_type"))
    if not event_id or not kind:
        raise ValueError("the body has no event with an id and a type")
    data = mapping(raw.get("data"))
    at = parse_time(raw.get("occurred_at")) or now
    inner = (
        data
        if text(data.get("type")).removesuffix("_reference") == "incident"
        else mapping(data.get("incident"))
    )
    incident_id = text(inner.get("id"))
    if not kind.startswith("incident.") or not incident_id:
        return None
    whole = snapshot(inner) if inner is data else None
    user = who(data.get("user")) if inner is not data else NOBODY
    return PdEvent(
        id=event_id,
        type=kind,
        at=at,
        agent=who(raw.get("agent")),
        incident_id=incident_id,
        snapshot=whole,
        text=text(data.get("content")) or text(data.get("message")),
        people=(user,) if user else (),
        data=data,
    )


def renamed_service(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """(id, name) of a service whose record changed, from a `service.updated`."""
    raw = mapping(body.get("event"))
    data = mapping(raw.get("data"))
    name = text(data.get("name")) or text(data.get("summary"))
    wanted = text(raw.get("event_type")) == "service.updated" and text(data.get("id")) and name
    return (text(data.get("id")), name) if wanted else None
