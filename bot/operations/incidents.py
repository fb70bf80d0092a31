"""An incident's life: what PagerDuty says, and what it answers to us."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import make_transient_to_detached
from sqlmodel import col

from bot.domain import asked, extras, happenings, lifecycle
from bot.domain.happenings import Happening
from bot.domain.lifecycle import Move, Progress
from bot.domain.pagerduty import PdEvent, Snapshot
from bot.domain.people import Who
from bot.operations import (
    aliases,
    automatic,
    declared,
    echoes,
    journal,
    ladder,
    outbox,
    timeline,
)
from bot.operations.description import classify, describe, match_entry
from bot.operations.rules import Rules
from bot.operations.views import merge_note, status_note
from bot.store.session import EFFECT_QUEUE, Tx
from bot.store.tables import Incident, table

_INSERT = insert(table(Incident)).on_conflict_do_nothing().returning(col(Incident.id))


async def adopt(tx: Tx, rules: Rules, seen: Snapshot, event: PdEvent | None) -> None:
    """An incident that was heard of only through a note or the like, fetched since: as if it had begun."""
    incident = await _load(tx, seen.pd_id)
    if incident is None:
        await _begin(tx, rules, seen, _seen(seen, tx.now))
        incident = await _load(tx, seen.pd_id)
    if event is not None:
        await happened(tx, rules, incident, event)


async def _load(tx: Tx, pd_id: str) -> Incident | None:
    query = select(Incident).where(col(Incident.pd_id) == pd_id).with_for_update()
    return (await tx.session.execute(query)).scalar_one_or_none()


def _seen(seen: Snapshot, now: datetime) -> Move:
    """How the REST API shows it to stand, since when and by whom."""
    at = seen.changed_at or seen.created_at or now
    return Move(seen.status or "triggered", at, seen.changed_by, how="seen", exact=False)


async def happened(
    tx: Tx,
    rules: Rules,
    incident: Incident | None,
    event: PdEvent,
    *,
    oncall: Sequence[Mapping[str, Any]] = (),
) -> None:
    """An event of PagerDuty's about an incident that the caller holds, or about one that may be new (None)."""
    if incident is None:
        if event.snapshot is None:
            return
        told = event.move or Move(event.snapshot.status or "triggered", event.at, how="seen")
        incident, is_new = await _begin(tx, rules, event.snapshot, told, event=event, oncall=oncall)
        if is_new:
            await journal.write_down(tx, incident, happenings.from_event(event), first=True)
            return
    before, was_merged = _visible(incident), incident.merged_into
    event = _as_asked(incident, event)
    if event.snapshot is not None and (event.at, event.id) >= (incident.seen_at, incident.seen_event):
        await describe(tx, rules, incident, event.snapshot)
        incident.seen_at, incident.seen_event = event.at, event.id
    incident.extra = extras.with_event(incident.extra, event)
    await _tell(tx, rules, incident, happenings.from_event(event), event.move, quote=event.text)
    await _say_merged(tx, rules, incident, was_merged)
    if _visible(incident) != before:
        await outbox.show_card(tx, incident.id or 0, rules.channel)


async def _tell(
    tx: Tx,
    rules: Rules,
    incident: Incident,
    told: Happening,
    move: Move | None,
    *,
    quote: str = "",
    quiet: bool = False,
) -> bool:
    """Status, timeline and thread follow what happened, unless it is known by another way; True if it was news."""
    already = await echoes.met(tx, incident, told)
    if move is not None:
        await _move(tx, rules, incident, move, by=told.by, announce=not (already or quiet), text=quote)
    if not already:
        await journal.write_down(tx, incident, told)
    if not already and not quiet:
        await journal.tell(tx, rules, incident, told)
    return not already


async def logged(
    tx: Tx, rules: Rules, pd_id: str, told: Happening, move: Move | None, *, quiet: bool = False
) -> bool:
    """A log entry of an incident that we know; True if no webhook had told of it. `quiet`: nothing in the thread."""
    incident = await _load(tx, pd_id)
    if incident is None:
        return False
    if told.kind == "triggered" and told.at and told.at > incident.triggered_at + echoes.WIRE:
        told = replace(told, head="Triggered again")
    before = _visible(incident)
    news = await _tell(tx, rules, incident, told, move, quote=told.quote, quiet=quiet)
    if _visible(incident) != before:
        await outbox.show_card(tx, incident.id or 0, rules.channel)
    return news


def _as_asked(incident: Incident, event: PdEvent) -> PdEvent:
    """The event with the person behind it: what somebody asked for through us is theirs, and came from Slack."""
    one = asked.behind(incident.pending, event.type, event.agent.pd_id)
    if one is None:
        return event
    said = one.said if event.type == "incident.resolved" else ""
    return replace(event, agent=one.by, text=said or event.text)


async def _begin(
    tx: Tx,
    rules: Rules,
    seen: Snapshot,
    told: Move,
    *,
    event: PdEvent | None = None,
    oncall: Sequence[Mapping[str, Any]] = (),
) -> tuple[Incident, bool]:
    """Store an incident that is new to us; if it is not, the row that is there, and False.

    Everything is decided before the one INSERT: people wait for the card that follows.
    """
    begun = seen.created_at or told.at
    at = event.at if event else seen.updated_at or told.at
    incident = Incident(
        pd_id=seen.pd_id, number=0, status_at=begun, triggered_at=begun, seen_at=at, created_at=tx.now,
        seen_event=event.id if event else "", oncall=[dict(o) for o in oncall],
    )  # fmt: skip
    await declared.attach(tx, incident, seen.key)
    await describe(tx, rules, incident, seen)
    if event is not None:
        incident.extra = extras.with_event(incident.extra, event)
    _take_over(incident, told)
    ladder.arm(rules, incident, ladder.anchor_of(incident), tx.now)
    known = await _insert(tx, incident, seen.number)
    if known is not None:
        return known, False
    await outbox.show_card(tx, incident.id or 0, rules.channel)
    await tx.defer("enrich", queue=EFFECT_QUEUE, incident_id=incident.id)
    await automatic.by_itself(tx, rules, incident)
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


def _take_over(incident: Incident, *told: Move) -> Progress:
    """The status after what is told; the same whatever order it is told in."""
    moves = lifecycle.joined((Move.from_json(each) for each in incident.moves), *told)
    incident.moves = [move.as_json() for move in moves]
    progress = lifecycle.fold(moves, triggered_at=incident.triggered_at)
    incident.status, incident.status_at = progress.status, progress.status_at
    incident.rearmed_at = progress.rearmed_at
    incident.acked_at, incident.acked_by = progress.acked_at, progress.acked_by.as_json()
    incident.resolved_at, incident.resolved_by = progress.resolved_at, progress.resolved_by.as_json()
    return progress


async def _move(
    tx: Tx, rules: Rules, incident: Incident, told: Move, *, by: Who, announce: bool, text: str = ""
) -> bool:
    """Take over a new status: the ladder stops or starts with it; True if the status changed."""
    was, was_rearmed = incident.status, incident.rearmed_at
    _take_over(incident, replace(told, by=by) if told.by else told)
    if not ladder.moved(rules, incident, was, was_rearmed, tx.now):
        return False
    incident.pending = asked.after(incident.pending, incident.status)
    if announce and incident.status != was and incident.storm_id is None:  # a storm says it once for all
        await journal.say(tx, rules, incident, status_note(incident, by, text))
    return incident.status != was


async def _say_merged(tx: Tx, rules: Rules, incident: Incident, was: str) -> None:
    """The incident that it was merged into says so too, in its thread and timeline."""
    if not incident.merged_into or incident.merged_into == was:
        return
    target = await _load(tx, incident.merged_into)
    if target is not None:
        words = f"#{incident.number} {incident.title} was merged into this incident"
        await timeline.append(tx, target.id, "merged", words, source="pagerduty", data={"via": "merge"})
        await journal.say(tx, rules, target, merge_note(incident))


def _visible(incident: Incident) -> tuple[Any, ...]:
    """What the card shows: only a difference here is worth an update in Slack."""
    return (
        incident.title, incident.url, incident.service, incident.severity, incident.status,
        incident.acked_at, incident.acked_by.get("name"), incident.resolved_at, incident.merged_into,
        incident.entry_id, incident.due_at, tuple(o.get("name") for o in incident.oncall),
        len(incident.reminders), asked.words(incident.pending), tuple(a.get("name") for a in incident.assignees),
        extras.bridge(incident.extra), incident.kind,
    )  # fmt: skip


async def confirmed(
    tx: Tx, rules: Rules, pd_id: str, answer: Snapshot, *, by: Who, said: str = "", marker: str = ""
) -> bool:
    """PagerDuty answered to a change of ours: state, timeline and card follow; True if the status changed.

    `said` is the resolution, if that was asked for; `marker` that of the request that is over with it.
    """
    incident = await _load(tx, pd_id)
    if incident is None or not answer.status:
        return False
    before, was_merged, was = _visible(incident), incident.merged_into, incident.status
    said = said if answer.status == "resolved" else ""
    incident.pending = asked.without(incident.pending, marker)
    await _describe_newer(tx, rules, incident, answer)
    told = lifecycle.of_answer(answer.status, answer.changed_at, now=max(tx.now, incident.status_at), by=by)
    moved = await _move(tx, rules, incident, told, by=by, announce=True, text=said)
    if moved:
        kind = _became(was, incident.status)
        at = journal.within_second(incident.status_at, tx.now)
        await journal.write_down(tx, incident, Happening(kind, happenings.head_of(kind), said, at, by, "act"))
    await _say_merged(tx, rules, incident, was_merged)
    if _visible(incident) != before:
        await outbox.show_card(tx, incident.id or 0, rules.channel)
    return moved


def _became(was: str, status: str) -> str:
    """The timeline's word for a change of status."""
    if status != "triggered":
        return status
    return "reopened" if was == "resolved" else "unacknowledged"


async def observed(tx: Tx, rules: Rules, seen: Snapshot) -> str:
    """How the REST API shows an incident at this moment; "begun", "repaired", or "" if nothing was missing."""
    incident = await _load(tx, seen.pd_id)
    if incident is None:
        await _begin(tx, rules, seen, _seen(seen, tx.now))
        return "begun"
    before, was_merged = _visible(incident), incident.merged_into
    await _describe_newer(tx, rules, incident, seen)
    move = _seen(seen, tx.now)
    if seen.status and seen.status != incident.status:
        await _move(tx, rules, incident, move, by=move.by, announce=True)
    await _say_merged(tx, rules, incident, was_merged)
    if _visible(incident) == before:
        return ""
    await outbox.show_card(tx, incident.id or 0, rules.channel)
    return "repaired"


async def _describe_newer(tx: Tx, rules: Rules, incident: Incident, seen: Snapshot) -> None:
    """Take over a REST answer's text, unless a webhook has told of a later change meanwhile."""
    if seen.updated_at is not None and seen.updated_at + timedelta(seconds=1) <= incident.seen_at:
        return
    await describe(tx, rules, incident, seen)
    if seen.updated_at is not None:
        incident.seen_at = max(incident.seen_at, seen.updated_at)


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
    await match_entry(tx, rules, incident)
    await classify(tx, rules, incident)
    await automatic.by_itself(tx, rules, incident)
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
    await classify(tx, rules, incident)
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


async def by_pd_id(tx: Tx, pd_id: str) -> Incident | None:
    """The incident with PagerDuty's id, held until the end of the transaction."""
    return await _load(tx, pd_id)


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
