"""PagerDuty's log entries, read into the same happenings as its webhooks: the way to what a webhook missed."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bot.domain.happenings import LONGEST, Happening, head_of, names
from bot.domain.lifecycle import Move
from bot.domain.pagerduty import mapping, parse_time, text, who
from bot.domain.people import NOBODY, Who

_STATUS: Final = {"acknowledge": "acknowledged", "unacknowledge": "triggered", "resolve": "resolved"}
_KIND: Final = {"acknowledge": "acknowledged", "unacknowledge": "unacknowledged", "resolve": "resolved"}
_ASKED: Final = re.compile(r"Requested (.{1,200}?) as a responder")
_TOGETHER: Final = timedelta(seconds=2)
# An assignment that comes with one of these is part of it.
_ASSIGNS: Final = frozenset({"trigger", "acknowledge", "escalate", "delegate"})


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of an incident's log."""

    id: str
    incident_id: str
    type: str  # without "_log_entry"
    at: datetime  # whole seconds
    agent: Who
    happening: Happening | None  # None: nothing that anybody would want to read
    move: Move | None


def read(raw: Mapping[str, Any]) -> LogEntry | None:
    """A log entry; None for one without an id, a time or an incident."""
    at, incident_id = parse_time(raw.get("created_at")), text(mapping(raw.get("incident")).get("id"))
    entry_id = text(raw.get("id"))
    if at is None or not incident_id or not entry_id:
        return None
    kind = text(raw.get("type")).removesuffix("_reference").removesuffix("_log_entry")
    agent = who(raw.get("agent"))
    agent = agent if agent.pd_id else NOBODY  # a service acts in nobody's name
    found = _happening(kind, raw)
    told = replace(found, at=at, by=agent, via="log", source_id=entry_id) if found else None
    return LogEntry(entry_id, incident_id, kind, at, agent, told, _move(kind, at, agent))


def _move(kind: str, at: datetime, agent: Who) -> Move | None:
    if kind == "trigger":
        return Move("triggered", at, how="raised", exact=False)
    return Move(_STATUS[kind], at, agent, exact=False) if kind in _STATUS else None


def _happening(kind: str, raw: Mapping[str, Any]) -> Happening | None:
    made = _MADE.get(kind)
    return made(raw) if made else None  # notifications, limits reached, and what we do not know


def _status(kind: str) -> Callable[[Mapping[str, Any]], Happening]:
    return lambda _raw: Happening(kind, head_of(kind))


def _triggered(raw: Mapping[str, Any]) -> Happening:
    kind = "reopened" if "reopen" in text(raw.get("summary")).lower() else "triggered"
    return Happening(kind, head_of(kind))


def _handed(kind: str) -> Callable[[Mapping[str, Any]], Happening]:
    return lambda raw: Happening(kind, f"{kind.capitalize()} to {names(_assignees(raw))}")


def _stated(kind: str, otherwise: str) -> Callable[[Mapping[str, Any]], Happening]:
    return lambda raw: Happening(kind, _said(raw, otherwise))


def _said(raw: Mapping[str, Any], otherwise: str) -> str:
    return (text(raw.get("summary")) or otherwise)[:LONGEST]


def _assignees(raw: Mapping[str, Any]) -> tuple[Who, ...]:
    listed = raw.get("assignees")
    return tuple(who(each) for each in (listed if isinstance(listed, list) else []))


def _annotation(raw: Mapping[str, Any]) -> Happening:
    channel, said = mapping(raw.get("channel")), text(raw.get("note"))
    if text(channel.get("type")) == "note":
        content = said or text(channel.get("content")) or text(channel.get("summary"))
        return Happening("note", head_of("note"), content)
    summary = text(raw.get("summary"))
    if summary.lower().startswith("status update"):
        return Happening("status_update_published", head_of("status_update_published"), said)
    asked = _ASKED.match(summary)
    if asked:
        return Happening("responder.added", f"{asked[1]} asked to help"[:LONGEST], said)
    return Happening("log", summary[:LONGEST] or "Something was noted", said)


def _change(raw: Mapping[str, Any]) -> Happening:
    changes = mapping(mapping(raw.get("channel")).get("changeset"))
    lists = [changes.get(key) for key in ("application_fields", "customer_fields")]
    first = mapping(next((each[0] for each in lists if isinstance(each, list) and each), {}))
    name, value = text(first.get("name")), text(first.get("value"))[:LONGEST]
    if not text(raw.get("type")).startswith("custom"):
        match name:
            case "priority":
                return Happening("priority_updated", f"Priority changed to {value or 'none'}")
            case "service":
                return Happening("service_updated", f"Moved to the service {value or '(no name)'}")
            case "title":
                return Happening("title_updated", f"Title changed to {value}")
    return Happening(
        "custom_field_values.updated", f"Fields: {name} = {value}" if name else _said(raw, "Changed")
    )


_MADE: Final[Mapping[str, Callable[[Mapping[str, Any]], Happening]]] = {
    "trigger": _triggered,
    **{kind: _status(name) for kind, name in _KIND.items()},
    "escalate": _handed("escalated"),
    "assign": _handed("reassigned"),
    "delegate": _stated("delegated", "Moved to another escalation policy"),
    "snooze": _stated("snoozed", "Snoozed"),
    "annotate": _annotation,
    "field_value_change": _change,
    "custom_field_value_change": _change,
    "urgency_change": _stated("urgency_updated", "Urgency changed"),
    "exhaust_escalation_path": lambda _raw: Happening("exhausted", "PagerDuty has nobody left to ask"),
}


def telling(raw: Sequence[Mapping[str, Any]]) -> list[LogEntry]:
    """The entries that say something, oldest first; an assignment that only belongs to another entry is left out."""
    found = [entry for entry in map(read, raw) if entry is not None and entry.happening is not None]
    ordered = sorted(found, key=lambda entry: (entry.at, entry.id))
    return [entry for entry in ordered if not _belongs(entry, ordered)]


def _belongs(entry: LogEntry, others: Sequence[LogEntry]) -> bool:
    if entry.type != "assign":
        return False
    return not entry.agent.pd_id or any(
        other.incident_id == entry.incident_id
        and other.type in _ASSIGNS
        and abs(other.at - entry.at) <= _TOGETHER
        for other in others
    )
