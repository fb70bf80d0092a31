"""What people asked of PagerDuty and it has not confirmed yet, by the request's marker: an incident can have several.

Whoever is asked for in somebody else's name (the last resort of the settings) would be forgotten without it: a webhook
may come before the answer to the request, and names whom PagerDuty knows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from bot.domain.people import NOBODY, Who

Waiting = Mapping[str, Any]  # as the incident keeps it

_BY_EVENT: Final = {
    "incident.acknowledged": "acknowledge",
    "incident.resolved": "resolve",
    "incident.annotated": "note",
    "incident.reassigned": "reassign",
    "incident.escalated": "escalate",
    "incident.priority_updated": "priority",
    "incident.status_update_published": "status_update",
    "incident.responder.added": "responders",
    "incident.reopened": "reopen",
}
_REACHED: Final = {"acknowledged": {"acknowledge"}, "resolved": {"acknowledge", "resolve"}}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    action: str  # bot.domain.policy.Action
    by: Who = NOBODY
    said: str = ""  # the resolution
    words: str = ""  # what the card says of it, when it takes long

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"by": self.by.as_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Asked":
        texts = {name: str(value.get(name) or "") for name in ("action", "said", "words")}
        return cls(by=Who.from_json(value.get("by")), **texts)


def every(waiting: Waiting) -> Iterator[Asked]:
    """All of them, the oldest first; what an older version kept in another shape is passed over."""
    return (Asked.from_json(value) for value in waiting.values() if isinstance(value, Mapping))


def behind(waiting: Waiting, event_type: str, pd_id: str) -> Asked | None:
    """Whose request this event of PagerDuty's answers, of those in the name of its user `pd_id`."""
    theirs = [asked for asked in every(waiting) if pd_id and asked.by.pd_id == pd_id]
    action = _BY_EVENT.get(event_type, "")
    return next((asked for asked in theirs if asked.action == action), theirs[0] if theirs else None)


def words(waiting: Waiting) -> str:
    """What the card says of the last one that takes long."""
    said = [asked.words for asked in every(waiting) if asked.words]
    return said[-1] if said else ""


def without(waiting: Waiting, marker: str) -> dict[str, Any]:
    """After that one has ended."""
    return {key: value for key, value in waiting.items() if key != marker}


def after(waiting: Waiting, status: str) -> dict[str, Any]:
    """What is still to come once the incident has that status, whoever gave it."""
    over = _REACHED.get(status, set())
    return {
        key: value
        for key, value in waiting.items()
        if isinstance(value, Mapping) and value.get("action") not in over
    }
