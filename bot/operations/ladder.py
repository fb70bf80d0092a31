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
from bot.operations.outbox import Draft
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


def arm(rules: Rules, incident: Incident, anchor: datetime, now: datetime) -> None:
    """Start the ladder at its first rung, counted from `anchor`; only for severities that page.

    An incident cannot have begun after it was heard of: a clock of PagerDuty's that is ahead delays nothing.
    """
    incident.due_at = None
    incident.level, incident.fired, incident.asked_at = 0, [], None
    incident.anchor_at = min(anchor, now)
    schedule(rules, incident)
    followup.follow(rules, incident)


def moved(rules: Rules, incident: Incident, was: str, was_rearmed: datetime | None, now: datetime) -> bool:
    """The ladder stops, or starts anew, with the status that was taken over; False if it goes on as it was."""
    if incident.status == was and (incident.rearmed_at == was_rearmed or was != "triggered"):
        followup.follow(rules, incident)  # who took it first may have been heard of last
        return False
    if incident.status == "triggered":
        arm(rules, incident, anchor_of(incident), now)
    else:
        disarm(rules, incident)
    return True


def schedule(rules: Rules, incident: Incident) -> None:
    """When somebody is asked next, from where the ladder stands."""
    if incident.status == "triggered" and escalation.pages(incident.severity):
        standing = standing_of(incident)
        incident.due_at, _ = escalation.next_due(rules.ladder_of(incident), standing, rules.timing.again)


def disarm(rules: Rules, incident: Incident) -> None:
    """Somebody has it, or it is over: the ladder asks nobody any more, and what comes after it begins."""
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


@dataclass(frozen=True)
class _Call:
    """An incident whose time has come: what is asked now, and how the ladder stands afterwards."""

    incident: Incident
    batch: Batch
    after: Standing
    then: tuple[datetime, Rung | None]
    late: Mapping[str, timedelta]

    @property
    def incident_id(self) -> int:
        return self.incident.id or 0


async def fire(tx: Tx, rules: Rules, ids: Collection[int], rota: Rota) -> list[Fired]:
    """Remind of each incident once, if it is still due: thread, direct messages, PagerDuty, timeline, next time.

    Two workers, or a worker and an acknowledgement, meet at the row's lock: one of them finds it done. A row
    that somebody holds right now is left for the next time. However many they are, it is a handful of statements.
    """
    query = (
        select(Incident)
        .where(col(Incident.id).in_(ids), col(Incident.due_at) <= tx.now, col(Incident.status) == "triggered")
        .order_by(_FIRST, col(Incident.due_at))
        .with_for_update(skip_locked=True)
    )
    incidents = (await tx.session.execute(query)).scalars().all()
    calls = [call for incident in incidents if (call := _decide(rules, incident, rota, tx.now))]
    if not calls:
        return []
    await timeline.append_all(tx, [line for call in calls for line in _lines(call, rota)])
    await _tell(tx, rules, calls, rota)
    for call in calls:
        if rules.timing.responders:
            await _ask_pagerduty(tx, call, rota)
        _go_on(call, rota, tx.now)
    return [Fired(call.incident.number, key, by) for call in calls for key, by in call.late.items()]


def _decide(rules: Rules, incident: Incident, rota: Rota, now: datetime) -> _Call | None:
    rungs, standing = rules.ladder_of(incident), standing_of(incident)
    batch = escalation.due(rungs, standing, now, again=rules.timing.again, nobody=rota.nobody)
    if not batch:  # the runbook was edited since: it is due later
        incident.due_at, _ = escalation.next_due(rungs, standing, rules.timing.again)
        return None
    after = escalation.after(standing, batch, now)
    then = escalation.next_due(rungs, after, rules.timing.again)
    return _Call(incident, batch, after, then, _lateness(batch, incident.due_at or now, rota, now))


def _go_on(call: _Call, rota: Rota, now: datetime) -> None:
    """The row says what was asked, and when somebody is asked next."""
    incident = call.incident
    incident.fired, incident.asked_at, incident.due_at = list(call.after.fired), now, call.then[0]
    incident.level += len(call.batch.asks) or 1
    _remember(incident, call.batch, rota, now)


def _lateness(batch: Batch, due_at: datetime, rota: Rota, now: datetime) -> dict[str, timedelta]:
    """How late each rung is."""
    dues = {ask.rung.key: ask.due for ask in batch.asks} or {"": due_at}
    return {key: escalation.lateness(at, now, rota.excused) for key, at in dues.items()}


def _lines(call: _Call, rota: Rota) -> list[timeline.Line]:
    """Each rung is an entry of its own in the timeline."""
    incident = call.incident
    again = incident.level - len(incident.fired) + 1
    said: list[tuple[str, str, dict[str, Any]]] = [
        (key := ask.rung.key, f"{ask.rung.role} asked ({_names(rota.of(ask.rung))})", {"schedule": key})
        for ask in call.batch.asks
    ] or [("", f"still nobody, everybody asked again ({again})", {"again": again})]
    return [
        timeline.Line(
            call.incident_id, "reminder", f"Reminder: {text}",
            data | {"level": level, "late_seconds": round(call.late[key].total_seconds(), 1)},
        )
        for level, (key, text, data) in enumerate(said, incident.level)
    ]  # fmt: skip


def _names(duty: Duty) -> str:
    named = ", ".join(who.name or who.slack_id for who in duty.people)
    return named if named and not duty.empty else duty.note


async def _tell(tx: Tx, rules: Rules, calls: Sequence[_Call], rota: Rota) -> None:
    """Thread and direct messages: one each, however many rungs are due."""
    ids = [call.incident_id for call in calls]
    shown, others = await outbox.cards_of(tx, ids), await _others(tx, calls)
    drafts: list[Draft] = []
    for call in calls:
        card, incident = shown.get(call.incident_id), call.incident
        view = reminders.reminder_view(
            rules, incident, _asked(rules, call, rota), again=call.batch.again, then=call.then, card=card,
            others=others.get(incident.storm_id or 0, 1) - 1,
        )  # fmt: skip
        rank, parent_id = lane.rank(lane.REMINDER, incident.severity), card.id if card else None
        thread = reminders.in_thread(view, tx.now)
        drafts.append(Draft(rules.channel, thread, call.incident_id, parent_id, rank=rank))
        drafts += [
            Draft(who, render, call.incident_id, rank=rank)
            for who, render in reminders.directs(view, tx.now).items()
        ]
    await outbox.post_all(tx, drafts)
    await outbox.show_cards(tx, ids, rules.channel)


def _asked(rules: Rules, call: _Call, rota: Rota) -> list[AskedView]:
    rungs = [ask.rung for ask in call.batch.asks] or rules.ladder_of(call.incident)
    return [reminders.asked_view(r, rota.of(r), call.late.get(r.key, timedelta())) for r in rungs]


async def _others(tx: Tx, calls: Sequence[_Call]) -> dict[int, int]:
    """How many of each storm wait for somebody."""
    ids = {call.incident.storm_id for call in calls} - {None}
    if not ids:
        return {}
    query = (
        select(col(Incident.storm_id), func.count())
        .where(col(Incident.storm_id).in_(ids), col(Incident.status) == "triggered")
        .group_by(col(Incident.storm_id))
    )
    return {int(row[0] or 0): int(row[1]) for row in (await tx.session.execute(query)).all()}


async def _ask_pagerduty(tx: Tx, call: _Call, rota: Rota) -> None:
    since = (call.incident.anchor_at or tx.now).isoformat()
    for ask in call.batch.asks:
        people = [who.as_json() for who in rota.of(ask.rung).people if who.pd_id]
        if people:
            await tx.defer(
                "summon", queue=EFFECT_QUEUE, incident_id=call.incident_id, people=people, role=ask.rung.role,
                since=since,
            )  # fmt: skip


def _remember(incident: Incident, batch: Batch, rota: Rota, now: datetime) -> None:
    """What the card shows of it."""
    new = [_record(ask.rung.role, _names(rota.of(ask.rung)), ask.rung.key, now) for ask in batch.asks]
    new = new or [_record(reminders.AGAIN, "again, nobody answers", "", now)]
    incident.reminders = [*map(dict, incident.reminders), *new][-KEPT:]


def _record(role: str, names: str, key: str, now: datetime) -> dict[str, Any]:
    return {"at": now.isoformat(), "role": role, "names": names, "key": key}
