"""What PagerDuty tells of an incident, in words: the same words from a webhook and from the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.domain.pagerduty import PdEvent, Snapshot, mapping, text
from bot.domain.people import NOBODY, Who

LONGEST: Final = 300  # characters of a name or value of somebody else's in a head line

# What is also said in the incident's thread; what changes the status has a line of its own there.
IN_THREAD: Final = frozenset(
    {
        "note", "status_update_published", "responder.added", "responder.replied", "reassigned", "escalated",
        "delegated", "priority_updated", "service_updated", "conference_bridge.updated",
        "custom_field_values.updated", "role.assigned", "snoozed", "merged", "title_updated",
    }
)  # fmt: skip

# How the bot's own calls for a responder begin: the reminder in the thread has said it already.
OWN_CALL: Final = "Nobody has acknowledged #"

# Two of these at one moment by one person are told apart by their words.
WORDED: Final = frozenset({"note", "status_update_published", "responder.added", "merged", "log"})

_HEADS: Final = {
    "triggered": "Triggered",
    "acknowledged": "Acknowledged",
    "unacknowledged": "No longer acknowledged",
    "reopened": "Reopened",
    "resolved": "Resolved",
    "note": "Note",
    "status_update_published": "Status update",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened."""

    kind: str  # of the timeline
    head: str  # in our words
    quote: str = ""  # in a person's own
    at: datetime | None = None
    by: Who = NOBODY
    via: str = "webhook"  # "webhook", "log" or "act": how we know
    source_id: str = ""  # of the event or the log entry

    @property
    def line(self) -> str:
        """As the timeline has it."""
        return f"{self.head}: {self.quote}" if self.quote else self.head


def head_of(kind: str) -> str:
    """The words of a kind that has the same ones each time."""
    return _HEADS.get(kind) or kind.replace("_", " ").replace(".", " ")


def names(people: tuple[Who, ...]) -> str:
    return ", ".join(p.name or p.pd_id for p in people)[:LONGEST] or "nobody"


def from_event(event: PdEvent) -> Happening:
    """A webhook in words."""
    kind = event.type.removeprefix("incident.")
    kind = "note" if kind == "annotated" else kind
    return Happening(kind, _head(kind, event), event.text, event.at, event.agent, "webhook", event.id)


def _head(kind: str, event: PdEvent) -> str:
    head = (_OF_INCIDENT if event.snapshot else _OF_PART).get(kind)
    return head(event)[:LONGEST] if head else head_of(kind)


def _snapshot(event: PdEvent) -> Snapshot:
    if event.snapshot is None:
        raise TypeError(event.type)  # _OF_INCIDENT is for events that carry one
    return event.snapshot


def _resolved(event: PdEvent) -> str:
    return "Merged into another incident" if _snapshot(event).merged_into else head_of("resolved")


def _fields(event: PdEvent) -> str:
    changed = ", ".join(f"{name} = {value}" for name, value in changed_fields(event.data).items())
    return f"Fields: {changed or 'changed'}"


def _asked(event: PdEvent) -> str:
    policy = text(mapping(event.data.get("escalation_policy")).get("summary"))
    return (names(event.people) if event.people else policy or "Somebody")[:LONGEST]


def accepted(data: Mapping[str, Any]) -> bool:
    """Webhooks say "accepted" where the REST API says "joined"."""
    return text(data.get("state")) in {"accepted", "joined"}


def bridge(data: Mapping[str, Any]) -> str:
    """Address and numbers of a conference bridge, in one line."""
    listed = data.get("conference_numbers")
    numbers = [text(mapping(each).get("number")) for each in (listed if isinstance(listed, list) else [])]
    return " · ".join(part for part in (text(data.get("conference_url")), *numbers) if part)


def role(data: Mapping[str, Any]) -> str:
    found = mapping(data.get("role"))
    return text(found.get("name")) or text(found.get("summary"))


def changed_fields(data: Mapping[str, Any]) -> dict[str, str]:
    """The custom fields that changed, with their values as text; all of them if it is not said which."""
    listed = data.get("custom_fields")
    fields = [mapping(each) for each in (listed if isinstance(listed, list) else [])]
    said = data.get("changed_custom_fields")
    wanted = {str(each) for each in said} if isinstance(said, list) else set()
    every = {text(f.get("name")): str("" if f.get("value") is None else f.get("value")) for f in fields}
    return {name: value for name, value in every.items() if name and (not wanted or name in wanted)}


_OF_INCIDENT: Final[Mapping[str, Callable[[PdEvent], str]]] = {
    "resolved": _resolved,
    "reassigned": lambda event: f"Reassigned to {names(_snapshot(event).assignees)}",
    "escalated": lambda event: f"Escalated to {names(_snapshot(event).assignees)}",
    "delegated": lambda event: f"Moved to the escalation policy {_snapshot(event).policy or '(no name)'}",
    "priority_updated": lambda event: f"Priority changed to {_snapshot(event).priority or 'none'}",
    "service_updated": lambda event: f"Moved to the service {_snapshot(event).service or '(no name)'}",
}
_OF_PART: Final[Mapping[str, Callable[[PdEvent], str]]] = {
    "responder.added": lambda event: f"{_asked(event)} asked to help",
    "responder.replied": lambda event: (
        f"{_asked(event)} {'joins' if accepted(event.data) else 'declines to help'}"
    ),
    "conference_bridge.updated": lambda event: f"Conference bridge: {bridge(event.data) or 'removed'}",
    "custom_field_values.updated": _fields,
    "role.assigned": lambda event: f"{role(event.data) or 'A role'}: {names(event.people)}",
}
