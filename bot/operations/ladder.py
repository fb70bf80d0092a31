"""Reminders: armed, cancelled and fired in the transaction that changes the incident.

A timer is the column `due_at`, not a job: what is due is what a ticker (bot.jobs.ticker) finds there. So nothing
has to be cancelled, no kill loses one, and of an acknowledgement and a reminder in the same instant the row's
lock lets one win.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlmodel import col

from bot.domain import escalation, lane
from bot.domain.escalation import Batch, Duty, Rung, Standing
from bot.operations import followup, outbox, reminders, timeline
from bot.operations.rules import Rules
from bot.render import AskedView
from bot.store.session import EFFECT_QUEUE, Tx
from bot.store.tables import Incident

KEPT = 60  # reminders that an incident's row remembers; the timeline has them all


@dataclass(frozen=True)
class Rota:
    """Who is on call for each row of the contact table, as last known."""

    duties: Mapping[str, Duty]  # by schedule
    excused: tuple[datetime, datetime] | None = None  # a stretch that the clock was moved over: nobody was late

    def of(self, rung: Rung) -> Duty:
        unknown = f"nobody is on call in {rung.schedule or rung.role}"
        return self.duties.get(rung.key) or Duty(note=unknown, empty=True)

    def nobody(self, rung: Rung) -> bool:
        """Whether no person is on call, so that the next rung is asked at once."""
        return self.of(rung).empty


async def arm(tx: Tx, rules: Rules, incident: Incident, anchor: datetime) -> None:
    """Start the ladder at its first rung, counted from `anchor`; only for severities that page.

    An incident cannot have begun after it was heard of: a clock of PagerDuty's that is ahead delays nothing.
    """
    incident.due_at = None
    incident.level, incident.fired, incident.asked_at = 0, [], None
    incident.anchor_at = min(anchor, tx.now)
    schedule(rules, incident)
    followup.follow(rules, incident)


def schedule(rules: Rules, incident: Incident) -> None:
    """When somebody is asked next, from where the ladder stands."""
    if incident.status == "triggered" and escalation.pages(incident.severity):
        standing = standing_of(incident)
        incident.due_at, _ = escalation.next_due(rules.ladder_of(incident), standing, rules.timing.again)


async def disarm(tx: Tx, rules: Rules, incident: Incident) -> None:
    """Somebody has it, or it is over: the ladder asks nobody any more, and what comes after it begins."""
    del tx
    incident.due_at = None
    followup.follow(rules, incident)


def standing_of(incident: Incident) -> Standing:
    return Standing(incident.anchor_at or anchor_of(incident), tuple(incident.fired), incident.asked_at)


def anchor_of(incident: Incident) -> datetime:
    """The moment from which the ladder counts."""
    return max(incident.triggered_at, incident.rearmed_at or incident.triggered_at)


_FIRST = case({"P0": 0, "P1": 1, "P2": 2}, value=col(Incident.severity), else_=1)


async def due(tx: Tx, *, limit: int) -> list[int]:
    """Incidents for which somebody is to be asked now: the most severe first, then those that wait longest."""
    query = (
        select(col(Incident.id))
        .where(col(Incident.due_at) <= tx.now, col(Incident.status) == "triggered")
        .order_by(_FIRST, col(Incident.due_at))
        .limit(limit)
    )
    return [row for row in (await tx.session.execute(query)).scalars() if row is not None]


@dataclass(frozen=True, slots=True)
class Fired:
    """What came of an incident whose time had come."""

    number: int
    role: str
    late: timedelta


async def fire(tx: Tx, rules: Rules, ids: Collection[int], rota: Rota) -> list[Fired]:
    """Remind of each incident once, if it is still due: thread, direct messages, PagerDuty, timeline, next time.

    Two workers, or a worker and an acknowledgement, meet at the row's lock: one of them finds it done. A row
    that somebody holds right now is left for the next time.
    """
    query = (
        select(Incident)
        .where(col(Incident.id).in_(ids), col(Incident.due_at) <= tx.now, col(Incident.status) == "triggered")
        .order_by(_FIRST, col(Incident.due_at))
        .with_for_update(skip_locked=True)
    )
    found: list[Fired] = []
    for incident in (await tx.session.execute(query)).scalars().all():
        found += await _fire(tx, rules, incident, rota)
    return found


async def _fire(tx: Tx, rules: Rules, incident: Incident, rota: Rota) -> list[Fired]:
    rungs, standing = rules.ladder_of(incident), standing_of(incident)
    batch = escalation.due(rungs, standing, tx.now, again=rules.timing.again, nobody=rota.nobody)
    if not batch:  # the runbook was edited since: it is due later
        incident.due_at, _ = escalation.next_due(rungs, standing, rules.timing.again)
        return []
    after = escalation.after(standing, batch, tx.now)
    then = escalation.next_due(rungs, after, rules.timing.again)
    late = _lateness(batch, incident.due_at or tx.now, rota, tx.now)
    await _write_down(tx, incident, batch, rota, late)
    asked = [ask.rung for ask in batch.asks] or rungs
    views = [reminders.asked_view(r, rota.of(r), late.get(r.key, timedelta())) for r in asked]
    await _tell(tx, rules, incident, views, again=batch.again, then=then)
    if rules.timing.responders:
        for ask in batch.asks:
            await _ask_pagerduty(tx, incident, ask.rung, rota.of(ask.rung))
    incident.fired, incident.asked_at, incident.due_at = list(after.fired), tx.now, then[0]
    incident.level += len(batch.asks) or 1
    _remember(incident, batch, rota, tx.now)
    return [Fired(incident.number, key, by) for key, by in late.items()]


def _lateness(batch: Batch, due_at: datetime, rota: Rota, now: datetime) -> dict[str, timedelta]:
    """How late each rung is; what the clock was moved over while we were at work is no lateness of ours."""
    dues = {ask.rung.key: ask.due for ask in batch.asks} or {"": due_at}
    if rota.excused:
        start, end = rota.excused
        dues = {key: end if start < at <= end else at for key, at in dues.items()}
    return {key: max(now - at, timedelta()) for key, at in dues.items()}


async def _write_down(
    tx: Tx, incident: Incident, batch: Batch, rota: Rota, late: Mapping[str, timedelta]
) -> None:
    """Each rung is an entry of its own in the timeline."""
    again = incident.level - len(incident.fired) + 1
    said: list[tuple[str, str, dict[str, Any]]] = [
        (key := ask.rung.key, f"{ask.rung.role} asked ({_names(rota.of(ask.rung))})", {"schedule": key})
        for ask in batch.asks
    ] or [("", f"still nobody, everybody asked again ({again})", {"again": again})]
    for level, (key, text, data) in enumerate(said, incident.level):
        more = {"level": level, "late_seconds": round(late[key].total_seconds(), 1)}
        await timeline.append(tx, incident.id, "reminder", f"Reminder: {text}", source="bot", data=data | more)


def _names(duty: Duty) -> str:
    named = ", ".join(who.name or who.slack_id for who in duty.people)
    return named if named and not duty.empty else duty.note


async def _tell(
    tx: Tx,
    rules: Rules,
    incident: Incident,
    asked: Sequence[AskedView],
    *,
    again: bool,
    then: tuple[datetime, Rung | None],
) -> None:
    """Thread and direct messages: one each, however many rungs are due."""
    card = await outbox.card(tx, incident.id or 0)
    others = await _others(tx, incident)
    view = reminders.reminder_view(rules, incident, asked, again=again, then=then, card=card, others=others)
    rank = lane.rank(lane.REMINDER, incident.severity)
    await outbox.post(
        tx, rules.channel, reminders.in_thread(view, tx.now), incident_id=incident.id,
        parent_id=card.id if card else None, rank=rank,
    )  # fmt: skip
    for slack_id, render in reminders.directs(view, tx.now).items():
        await outbox.post(tx, slack_id, render, incident_id=incident.id, rank=rank)
    await outbox.show_card(tx, incident.id or 0, rules.channel)


async def _others(tx: Tx, incident: Incident) -> int:
    """How many more of its storm wait for somebody."""
    if incident.storm_id is None:
        return 0
    query = select(func.count()).where(
        col(Incident.storm_id) == incident.storm_id,
        col(Incident.status) == "triggered",
        col(Incident.id) != incident.id,
    )
    return int((await tx.session.execute(query)).scalar_one())


async def _ask_pagerduty(tx: Tx, incident: Incident, rung: Rung, duty: Duty) -> None:
    people = [who.as_json() for who in duty.people if who.pd_id]
    if people:
        await tx.defer(
            "summon", queue=EFFECT_QUEUE, incident_id=incident.id, people=people, role=rung.role,
            since=(incident.anchor_at or tx.now).isoformat(),
        )  # fmt: skip


def _remember(incident: Incident, batch: Batch, rota: Rota, now: datetime) -> None:
    """What the card shows of it."""
    new = [_record(ask.rung.role, _names(rota.of(ask.rung)), ask.rung.key, now) for ask in batch.asks]
    new = new or [_record(reminders.AGAIN, "again, nobody answers", "", now)]
    incident.reminders = [*map(dict, incident.reminders), *new][-KEPT:]


def _record(role: str, names: str, key: str, now: datetime) -> dict[str, Any]:
    return {"at": now.isoformat(), "role": role, "names": names, "key": key}
