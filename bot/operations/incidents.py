"""An incident's life: what PagerDuty says, and what it answers to us."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import make_transient_to_detached
from sqlmodel import col

from bot.domain import escalation, lifecycle
from bot.domain.pagerduty import PdEvent, Snapshot
from bot.domain.people import NOBODY, Who
from bot.domain.severity import severity
from bot.operations import aliases, inbox, journal, ladder, outbox, timeline
from bot.operations.rules import Rules
from bot.operations.views import status_note
from bot.store.session import EFFECT_QUEUE, Tx
from bot.store.tables import Incident, table
from runbook import Signals, match

_INSERT = insert(table(Incident)).on_conflict_do_nothing().returning(col(Incident.id))


async def receive(
    tx: Tx,
    rules: Rules,
    delivery: inbox.Delivery,
    event: PdEvent | None,
    *,
    oncall: Sequence[Mapping[str, Any]] = (),
) -> str:
    """A PagerDuty webhook: kept, applied, with its timeline entry and its jobs, in this transaction.

    `oncall` is who is on call as last known, for the card of a new incident.

    Returns:
        "duplicate", "recorded" (about no incident), "adopting" (about one that must be fetched first) or
        "applied".
    """
    inbox_id = await inbox.file(tx, delivery)
    if inbox_id is None:
        return "duplicate"
    if event is None:
        return "recorded"
    fresh = event.type == "incident.triggered" and event.snapshot is not None  # most likely not known yet
    incident = None if fresh else await _load(tx, event.incident_id)
    if incident is None and event.snapshot is None:
        await tx.defer("adopt", queue=EFFECT_QUEUE, inbox_id=inbox_id, pd_id=event.incident_id)
        return "adopting"
    await _apply(tx, rules, incident, event, oncall=oncall)
    return "applied"


async def adopt(tx: Tx, rules: Rules, seen: Snapshot, event: PdEvent | None) -> None:
    """An incident that was heard of only through a note or the like, fetched since: as if it had begun."""
    incident = await _load(tx, seen.pd_id)
    if incident is None:
        await _begin(tx, rules, seen, "triggered", by=NOBODY)
        incident = await _load(tx, seen.pd_id)
    if event is not None:
        await _apply(tx, rules, incident, event)


async def _load(tx: Tx, pd_id: str) -> Incident | None:
    query = select(Incident).where(col(Incident.pd_id) == pd_id).with_for_update()
    return (await tx.session.execute(query)).scalar_one_or_none()


async def _apply(
    tx: Tx,
    rules: Rules,
    incident: Incident | None,
    event: PdEvent,
    *,
    oncall: Sequence[Mapping[str, Any]] = (),
) -> None:
    if incident is None:
        if event.snapshot is None:
            return
        incident, is_new = await _begin(
            tx, rules, event.snapshot, event.status, by=event.agent, at=event.at, oncall=oncall
        )
        if is_new:
            await journal.write_down(tx, incident, event, first=True)
            return
    before = _visible(incident)
    if event.snapshot is not None and event.at >= incident.seen_at:
        await _describe(tx, rules, incident, event.snapshot)
        incident.seen_at = event.at
    event = _as_asked(incident, event)
    already = await journal.already_written(tx, incident, event)
    if event.status:
        after = lifecycle.advance(progress_of(incident), event.status, event.at, by=event.agent)
        await _move(tx, rules, incident, after, by=event.agent, announce=not already, text=event.text)
    if not already:
        await journal.write_down(tx, incident, event)
    if _visible(incident) != before:
        await outbox.show_card(tx, incident.id or 0, rules.channel)


def _as_asked(incident: Incident, event: PdEvent) -> PdEvent:
    """The event with the person behind it: what somebody asked for through us is theirs, and came from Slack."""
    asked = Who.from_json(incident.pending)
    if not asked.pd_id or asked.pd_id != event.agent.pd_id:
        return event
    said = str(incident.pending.get("said") or "") if event.status == "resolved" else ""
    return replace(event, agent=asked, text=said or event.text)


async def _begin(
    tx: Tx,
    rules: Rules,
    seen: Snapshot,
    status: str,
    *,
    by: Who,
    at: datetime | None = None,
    oncall: Sequence[Mapping[str, Any]] = (),
) -> tuple[Incident, bool]:
    """Store an incident that is new to us; if it is not, the row that is there, and False.

    Everything is decided before the one INSERT: people wait for the card that follows.
    """
    at = at or seen.changed_at or seen.created_at or tx.now
    progress = lifecycle.begin(status or seen.status or "triggered", at, created_at=seen.created_at, by=by)
    incident = Incident(
        pd_id=seen.pd_id, number=0, status_at=at, triggered_at=progress.triggered_at, seen_at=at,
        created_at=tx.now, oncall=[dict(o) for o in oncall],
    )  # fmt: skip
    await _describe(tx, rules, incident, seen)
    _set_progress(incident, progress)
    known = await _insert(tx, incident, seen.number)
    if known is not None:
        return known, False
    await ladder.arm(tx, rules, incident, ladder.anchor_of(incident))
    await outbox.show_card(tx, incident.id or 0, rules.channel)
    await tx.defer("enrich", queue=EFFECT_QUEUE, incident_id=incident.id)
    return incident, True


async def _insert(tx: Tx, incident: Incident, wanted: int | None) -> Incident | None:
    """Insert under PagerDuty's number, or one of ours if that is taken; the row of the same id if there is one."""
    for number in (wanted, None):
        values = incident.model_dump(exclude={"id"}) | {"number": number or await _own_number(tx)}
        row = (await tx.session.execute(_INSERT, values)).scalar_one_or_none()
        if row is not None:
            incident.id, incident.number = row, values["number"]
            make_transient_to_detached(incident)
            tx.session.add(incident)
            return None
        known = await _load(tx, incident.pd_id)
        if known is not None:
            return known
    raise LookupError(f"incident {incident.pd_id} could not be stored")  # PagerDuty sends again


async def _own_number(tx: Tx) -> int:
    return int((await tx.session.execute(select(func.nextval("incident_number")))).scalar_one())


async def _describe(tx: Tx, rules: Rules, incident: Incident, seen: Snapshot) -> None:
    """Take over what a newer payload says; match it to the runbook unless a person chose the entry."""
    incident.title, incident.url = seen.title, seen.url or incident.url
    incident.service = seen.service or incident.service
    incident.service_id = seen.service_id or incident.service_id
    incident.urgency, incident.priority = seen.urgency or incident.urgency, seen.priority
    incident.merged_into = seen.merged_into
    incident.assignees = [p.as_json() for p in seen.assignees]
    await _match(tx, rules, incident)
    await _classify(tx, rules, incident)


async def _match(tx: Tx, rules: Rules, incident: Incident) -> None:
    if incident.entry_chosen:
        return
    signals = Signals(
        title=incident.title,
        details=incident.details,
        runbook_url=str(incident.details.get("runbook_url") or ""),
        service=incident.service,
    )
    found = match(rules.plan, signals, await aliases.for_title(tx, incident.title))
    incident.entry_id = found.entry.id if found else ""
    incident.entry_reason = found.reason if found else ""


async def _classify(tx: Tx, rules: Rules, incident: Incident) -> None:
    entry = rules.plan.entry(incident.entry_id)
    new = severity(
        priority=incident.priority,
        entry_severity=entry.severity if entry else "",
        urgency=incident.urgency,
    )
    if new == incident.severity:
        return
    was, incident.severity = incident.severity, new
    woken = escalation.pages(was) != escalation.pages(new)  # a ladder that runs goes on from where it is
    if was and woken and incident.status == "triggered":  # the first time, _begin arms the ladder itself
        await ladder.arm(tx, rules, incident, ladder.anchor_of(incident))


def progress_of(incident: Incident) -> lifecycle.Progress:
    return lifecycle.Progress(
        status=incident.status,
        status_at=incident.status_at,
        triggered_at=incident.triggered_at,
        rearmed_at=incident.rearmed_at,
        acked_at=incident.acked_at,
        acked_by=Who.from_json(incident.acked_by),
        resolved_at=incident.resolved_at,
        resolved_by=Who.from_json(incident.resolved_by),
    )


def _set_progress(incident: Incident, progress: lifecycle.Progress) -> None:
    incident.status, incident.status_at = progress.status, progress.status_at
    incident.rearmed_at = progress.rearmed_at
    incident.acked_at, incident.acked_by = progress.acked_at, progress.acked_by.as_json()
    incident.resolved_at, incident.resolved_by = progress.resolved_at, progress.resolved_by.as_json()


async def _move(
    tx: Tx,
    rules: Rules,
    incident: Incident,
    after: lifecycle.Progress,
    *,
    by: Who,
    announce: bool,
    text: str = "",
) -> bool:
    """Take over a new status: the ladder stops or starts with it; True if the status changed."""
    was, was_rearmed = incident.status, incident.rearmed_at
    _set_progress(incident, after)
    if incident.status == was and (incident.rearmed_at == was_rearmed or was != "triggered"):
        return False
    if incident.status == "triggered":
        await ladder.arm(tx, rules, incident, ladder.anchor_of(incident))
    else:
        await ladder.disarm(tx, incident)
        incident.pending = {}
    if announce and incident.status != was:
        await _announce(tx, rules, incident, by, text)
    return incident.status != was


async def _announce(tx: Tx, rules: Rules, incident: Incident, by: Who, text: str) -> None:
    card = await outbox.card(tx, incident.id or 0)
    await outbox.post(
        tx, rules.channel, status_note(incident, by, text), incident_id=incident.id,
        parent_id=card.id if card else None,
    )  # fmt: skip


def _visible(incident: Incident) -> tuple[Any, ...]:
    """What the card shows: only a difference here is worth an update in Slack."""
    return (
        incident.title, incident.url, incident.service, incident.severity, incident.status,
        incident.acked_at, incident.acked_by.get("name"), incident.resolved_at, incident.merged_into,
        incident.entry_id, incident.due_at, tuple(o.get("name") for o in incident.oncall),
        len(incident.reminders), incident.pending.get("text"),
    )  # fmt: skip


async def confirmed(tx: Tx, rules: Rules, pd_id: str, answer: Snapshot, *, by: Who) -> bool:
    """PagerDuty answered to a change of ours: state, timeline and card follow; True if the status changed."""
    incident = await _load(tx, pd_id)
    if incident is None or not answer.status:
        return False
    before = _visible(incident)
    said = str(incident.pending.get("said") or "") if answer.status == "resolved" else ""
    incident.pending = {}
    at = answer.changed_at or max(tx.now, incident.status_at)
    after = lifecycle.confirm(progress_of(incident), answer.status, at, by=by)
    moved = after.status != incident.status
    if moved:
        await _move(tx, rules, incident, after, by=by, announce=True, text=said)
        words = journal.VERBS[incident.status] + (f": {said}" if said else "")
        await timeline.append(
            tx, incident.id, incident.status, words, actor=by, source="slack",
            at=journal.within_second(incident.status_at, tx.now),
        )  # fmt: skip
    if answer.assignees:
        incident.assignees = [p.as_json() for p in answer.assignees]
    if _visible(incident) != before:
        await outbox.show_card(tx, incident.id or 0, rules.channel)
    return moved


async def enriched(
    tx: Tx, rules: Rules, incident_id: int, *, details: Mapping[str, Any], oncall: Sequence[Mapping[str, Any]]
) -> None:
    """What had to be looked up after the card was shown: alert details, and who is on call."""
    query = select(Incident).where(col(Incident.id) == incident_id).with_for_update()
    incident = (await tx.session.execute(query)).scalar_one_or_none()
    if incident is None:
        return
    before = _visible(incident)
    if details:
        incident.details = dict(details)
    incident.oncall = [dict(o) for o in oncall] or incident.oncall
    incident.enriched_at = tx.now
    await _match(tx, rules, incident)
    await _classify(tx, rules, incident)
    if _visible(incident) != before:
        await outbox.show_card(tx, incident_id, rules.channel)


async def choose_entry(tx: Tx, rules: Rules, number: int, entry_id: str, *, by: Who) -> bool:
    """A person says which entry of the runbook it is; matching never overrides that."""
    incident = await by_number(tx, number, lock=True)
    entry = rules.plan.entry(entry_id)
    if incident is None or entry is None:
        return False
    incident.entry_id, incident.entry_chosen = entry.id, True
    incident.entry_reason = f"chosen by {by.name or by.slack_id}"
    await aliases.remember(tx, incident.title, entry.id, by=by)
    await _classify(tx, rules, incident)
    await timeline.append(
        tx, incident.id, "entry", f"Runbook entry chosen: {entry.title}", actor=by, source="slack"
    )
    await outbox.show_card(tx, incident.id or 0, rules.channel)
    return True


async def by_number(tx: Tx, number: int, *, lock: bool = False) -> Incident | None:
    """The incident with PagerDuty's number."""
    query = select(Incident).where(col(Incident.number) == number)
    query = query.with_for_update() if lock else query
    return (await tx.session.execute(query)).scalar_one_or_none()


async def get(tx: Tx, incident_id: int) -> Incident | None:
    return await tx.session.get(Incident, incident_id)


async def unresolved(tx: Tx, *, limit: int = 50) -> Sequence[Incident]:
    """Open incidents, most severe and oldest first."""
    query = (
        select(Incident)
        .where(col(Incident.status) != "resolved")
        .order_by(col(Incident.severity), col(Incident.triggered_at))
        .limit(limit)
    )
    return (await tx.session.execute(query)).scalars().all()


async def recent(tx: Tx, *, limit: int = 50) -> Sequence[Incident]:
    """The newest incidents of any status."""
    query = select(Incident).order_by(col(Incident.triggered_at).desc()).limit(limit)
    return (await tx.session.execute(query)).scalars().all()
