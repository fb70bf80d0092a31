"""Reminders: armed, cancelled and fired in the transaction that changes the incident."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from bot.domain import escalation
from bot.operations import outbox, timeline
from bot.operations.rules import Rules
from bot.operations.views import Asked, reminder_direct, reminder_in_thread
from bot.store.session import CARD_QUEUE, Tx
from bot.store.tables import Incident

_EARLY = timedelta(milliseconds=500)  # the queue's clock and ours may differ by that much


async def arm(tx: Tx, rules: Rules, incident: Incident, anchor: datetime) -> None:
    """Start the ladder at its first rung, counted from `anchor`; only for severities that page."""
    await disarm(tx, incident)
    incident.level = 0
    if incident.status == "triggered" and escalation.pages(incident.severity):
        await _schedule(tx, rules, incident, anchor)


async def disarm(tx: Tx, incident: Incident) -> None:
    """Nothing is due any more; the pending timer goes in the same transaction."""
    if incident.timer_job is not None:
        await tx.cancel(incident.timer_job)
    incident.timer_job = incident.due_at = None


async def _schedule(tx: Tx, rules: Rules, incident: Incident, anchor: datetime) -> None:
    incident.due_at = escalation.due(rules.ladder, incident.level, anchor)
    incident.timer_job = None
    if incident.due_at is not None:
        incident.timer_job = await tx.defer(
            "remind", queue=CARD_QUEUE, at=incident.due_at, incident_id=incident.id, level=incident.level
        )


def anchor_of(incident: Incident) -> datetime:
    """The moment from which the ladder counts."""
    return max(incident.triggered_at, incident.rearmed_at or incident.triggered_at)


async def peek(tx: Tx, rules: Rules, incident_id: int, level: int) -> escalation.Rung | None:
    """The rung that is due now, if it still is: to look up who is on call before firing it."""
    incident = await tx.session.get(Incident, incident_id)
    return _due_rung(tx, rules, incident, level)


def _due_rung(tx: Tx, rules: Rules, incident: Incident | None, level: int) -> escalation.Rung | None:
    if incident is None or incident.status != "triggered" or incident.level != level:
        return None
    if incident.due_at is None or incident.due_at - _EARLY > tx.now or level >= len(rules.ladder):
        return None
    return rules.ladder[level]


async def fire(tx: Tx, rules: Rules, incident_id: int, level: int, asked: Sequence[Asked]) -> bool:
    """Remind once, if it is still due: thread, direct messages, timeline, and the next rung's timer.

    Two workers, or a worker and an acknowledgement, meet at the row's lock: one of them finds it done.
    """
    query = select(Incident).where(col(Incident.id) == incident_id).with_for_update()
    incident = (await tx.session.execute(query)).scalar_one_or_none()
    rung = _due_rung(tx, rules, incident, level)
    if incident is None or rung is None:
        return False
    late = (tx.now - incident.due_at).total_seconds() if incident.due_at else 0.0
    names = ", ".join(a.who.name or a.who.slack_id for a in asked) or f"nobody is on call for {rung.schedule}"
    await timeline.append(
        tx, incident_id, "reminder", f"Reminder: {rung.role} asked ({names})", source="bot",
        data={"level": level, "schedule": rung.schedule, "late_seconds": round(late, 1)},
    )  # fmt: skip
    before = [dict(r) for r in incident.reminders]
    incident.reminders = [*before, _record(rung, names, tx.now)]
    incident.level = level + 1
    await _schedule(tx, rules, incident, anchor_of(incident))
    card = await outbox.card(tx, incident_id)
    await outbox.post(
        tx, rules.channel, reminder_in_thread(rules, incident, rung, asked, before, now=tx.now),
        incident_id=incident_id, parent_id=card.id if card else None,
    )  # fmt: skip
    for person in asked:
        if person.who.slack_id:
            render = reminder_direct(rules, incident, rung, person, before, now=tx.now)
            await outbox.post(tx, person.who.slack_id, render, incident_id=incident_id)
    await outbox.show_card(tx, incident_id, rules.channel)
    return True


def _record(rung: escalation.Rung, names: str, now: datetime) -> dict[str, Any]:
    return {"at": now.isoformat(), "role": rung.role, "names": names}


async def overdue(tx: Tx, *, by: timedelta) -> list[tuple[int, int]]:
    """(incident, level) of reminders that should have fired: the net under a lost timer."""
    query = select(col(Incident.id), col(Incident.level)).where(
        col(Incident.due_at) < tx.now - by,
        col(Incident.status) == "triggered",
    )
    return [(row[0] or 0, row[1]) for row in (await tx.session.execute(query)).all()]
