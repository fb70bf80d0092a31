"""PagerDuty's payloads, read into values. Webhook and REST name the same things differently; here they meet.

Everything comes from outside: a missing or odd field is an empty value, never an exception. Only an event
without a type, an id or an incident is refused (ValueError), for it can be neither applied nor filed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.domain.people import NOBODY, Who

STATUS_OF = {
    "incident.triggered": "triggered",
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
    def status(self) -> str:
        """The status that this event itself sets; "" for events that set none."""
        return STATUS_OF.get(self.type, "")


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def parse_time(value: Any) -> datetime | None:
    """ISO 8601, always returned in UTC; None if it is not a time."""
    try:
        parsed = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def who(reference: Any) -> Who:
    """A user reference; a service or integration keeps its name only."""
    ref = _map(reference)
    is_user = _text(ref.get("type")).startswith("user")
    name = _text(ref.get("summary")) or _text(ref.get("name"))
    return Who(name=name, pd_id=_text(ref.get("id")) if is_user else "") if ref else NOBODY


def _assignees(data: Mapping[str, Any]) -> tuple[Who, ...]:
    raw = data.get("assignees")
    if not isinstance(raw, list):
        raw = [_map(item).get("assignee") for item in data.get("assignments") or [] if item]
    people = (Who(name=_text(_map(r).get("summary")), pd_id=_text(_map(r).get("id"))) for r in raw)
    return tuple(p for p in people if p)


def _number(data: Mapping[str, Any]) -> int | None:
    value = data.get("number", data.get("incident_number"))
    ok = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
    return value if ok else None


def snapshot(data: Mapping[str, Any]) -> Snapshot:
    """Read an incident from a webhook's `data` or a REST `incident`; raises ValueError without an id."""
    pd_id = _text(data.get("id"))
    if not pd_id:
        raise ValueError("the incident has no id")
    service, priority = _map(data.get("service")), _map(data.get("priority"))
    reason = _map(data.get("resolve_reason"))
    merged = _map(reason.get("incident")).get("id") if "merge" in _text(reason.get("type")) else ""
    status = _text(data.get("status"))
    return Snapshot(
        pd_id=pd_id,
        number=_number(data),
        title=_text(data.get("title")) or _text(data.get("summary")) or "(no title)",
        url=_text(data.get("html_url")),
        status=status if status in {"triggered", "acknowledged", "resolved"} else "",
        service=_text(service.get("summary")) or _text(service.get("name")),
        service_id=_text(service.get("id")),
        urgency=_text(data.get("urgency")),
        priority=_text(priority.get("summary")) or _text(priority.get("name")),
        created_at=parse_time(data.get("created_at")),
        changed_at=parse_time(data.get("last_status_change_at")),
        assignees=_assignees(data),
        merged_into=_text(merged),
    )


def event(body: Mapping[str, Any], *, now: datetime) -> PdEvent | None:
    """Read a webhook body; None for an event that is about no incident (ping, service changes, unknown).

    Raises:
        ValueError: there is no event, type or id, so that it cannot even be filed.
    """
    raw = _map(body.get("event"))
    event_id, kind = _text(raw.get("id")), _text(raw.get("event_type"))
    if not event_id or not kind:
        raise ValueError("the body has no event with an id and a type")
    data = _map(raw.get("data"))
    at = parse_time(raw.get("occurred_at")) or now
    inner = (
        data if _text(data.get("type")).removesuffix("_reference") == "incident" else _map(data.get("incident"))
    )
    incident_id = _text(inner.get("id"))
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
        text=_text(data.get("content")) or _text(data.get("message")),
        people=(user,) if user else (),
        data=data,
    )
