"""What PagerDuty tells, in the timeline's words; and what of it is only the echo of our own doing."""

from datetime import datetime, timedelta

from bot.domain.pagerduty import PdEvent
from bot.operations import timeline
from bot.store.session import Tx
from bot.store.tables import Incident

SAME = timedelta(minutes=5)  # a webhook about what we did ourselves comes back within that


async def already_written(tx: Tx, incident: Incident, event: PdEvent) -> bool:
    """Whether this is the echo of what a person did through us."""
    kind = event.type.removeprefix("incident.")
    kind = "note" if kind == "annotated" else kind
    if not event.agent.pd_id or kind not in {"acknowledged", "resolved", "note"}:
        return False
    since, until = event.at - SAME, event.at + SAME
    if incident.rearmed_at and since < incident.rearmed_at <= event.at:
        since = incident.rearmed_at  # what was taken back since was another one
    text = f"Note: {event.text}" if kind == "note" else ""
    return await timeline.seen(
        tx, incident.id or 0, kind, pd_id=event.agent.pd_id, since=since, until=until, text=text
    )


VERBS = {
    "triggered": "Triggered",
    "acknowledged": "Acknowledged",
    "unacknowledged": "No longer acknowledged",
    "reopened": "Reopened",
    "resolved": "Resolved",
    "escalated": "Escalated to the next level",
    "delegated": "Moved to another escalation policy",
    "reassigned": "Reassigned",
    "priority_updated": "Priority changed",
    "service_updated": "Service changed",
    "annotated": "Note",
    "status_update_published": "Status update",
    "responder.added": "Responder asked",
    "responder.replied": "Responder replied",
}


async def write_down(tx: Tx, incident: Incident, event: PdEvent, *, first: bool = False) -> None:
    kind = event.type.removeprefix("incident.")
    text = VERBS.get(kind, kind.replace("_", " ").replace(".", " "))
    if kind == "reassigned" and event.snapshot:
        text += " to " + (", ".join(p.name for p in event.snapshot.assignees) or "nobody")
    if kind == "priority_updated" and event.snapshot:
        text += f" to {event.snapshot.priority or 'none'}"
    if event.people:
        text += ": " + ", ".join(p.name for p in event.people)
    if event.text:
        text += f": {event.text}"
    await timeline.append(
        tx, incident.id, "note" if kind == "annotated" else kind, text, actor=event.agent,
        source="slack" if event.agent.slack_id else "pagerduty", at=event.at, data={"event_id": event.id},
        first=first,
    )  # fmt: skip


def within_second(seen: datetime, now: datetime) -> datetime:
    """REST cuts times to whole seconds: the later in that second, so that the timeline keeps its order."""
    return min(max(seen, now), seen + timedelta(milliseconds=999))
