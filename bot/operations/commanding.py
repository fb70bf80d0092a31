"""Once somebody has an incident: its commander, status updates, hand-overs, and afterwards the postmortem.

Timers are columns, as on the ladder: set in the transaction that changes the status, found by the ticker.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, or_, select
from sqlmodel import col

from bot.domain import commanding, escalation, lane
from bot.domain.escalation import LATE, lateness
from bot.domain.people import Who
from bot.operations import followup, incidents, outbox, timeline
from bot.operations.rules import Rules
from bot.operations.views import Render, link_to, shown, timeline_view
from bot.render import commanding as words
from bot.render.commanding import StateView
from bot.store.session import EFFECT_QUEUE, Tx
from bot.store.tables import Incident, TimelineEntry

SAID: Final = ("status_update_published", "note")  # what counts as a word on how it stands


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked for: kept before it is acknowledged to Slack, carried out by the job `order`."""

    what: str  # "handover", "snooze", "postmortem", "dismiss"
    number: int
    slack_id: str
    channel: str = ""
    response_url: str = ""
    text: str = ""
    to: str = ""  # Slack id, or a name as it was typed
    key: str = ""  # the same for the same click


async def keep(tx: Tx, order: Order) -> bool:
    """False if there is no such incident (then nothing is kept)."""
    if await incidents.by_number(tx, order.number) is None:
        return False
    await tx.defer("order", queue=EFFECT_QUEUE, order=asdict(order))
    return True


# What is due


def _due(tx: Tx) -> Any:
    return or_(col(Incident.update_due_at) <= tx.now, col(Incident.review_due_at) <= tx.now)


async def due(tx: Tx, *, limit: int) -> list[int]:
    """Incidents whose commander is to be asked something now."""
    query = select(col(Incident.id)).where(_due(tx)).order_by(col(Incident.id)).limit(limit)
    return [row for row in (await tx.session.execute(query)).scalars() if row is not None]


async def strangers(tx: Tx, ids: Collection[int]) -> dict[str, list[int]]:
    """Commanders who are known in PagerDuty only, so that they cannot be mentioned yet; their incidents."""
    query = select(col(Incident.id), col(Incident.commander)).where(col(Incident.id).in_(ids))
    found: dict[str, list[int]] = {}
    for incident_id, commander in (await tx.session.execute(query)).all():
        if commander.get("pd_id") and not commander.get("slack_id"):
            found.setdefault(str(commander["pd_id"]), []).append(int(incident_id or 0))
    return found


async def known_as(tx: Tx, pd_id: str, slack_id: str) -> None:
    """That commander's Slack account."""
    query = _locked(col(Incident.commander)["pd_id"].as_string() == pd_id, col(Incident.status) != "resolved")
    for incident in (await tx.session.execute(query)).scalars().all():
        incident.commander = {**incident.commander, "slack_id": slack_id}


def _locked(*where: Any) -> Select[Incident]:
    return select(Incident).where(*where).order_by(col(Incident.id)).with_for_update(skip_locked=True)


async def ask(
    tx: Tx, rules: Rules, ids: Collection[int], excused: tuple[datetime, datetime] | None = None
) -> list[timedelta]:
    """Ask each commander once what is still due: how it stands, or for the postmortem; how late each was."""
    late: list[timedelta] = []
    for incident in (await tx.session.execute(_locked(col(Incident.id).in_(ids), _due(tx)))).scalars().all():
        if incident.status == "acknowledged" and incident.update_due_at is not None:
            late += await _ask_update(tx, rules, incident, lateness(incident.update_due_at, tx.now, excused))
        elif incident.status == "resolved" and incident.review_due_at is not None:
            late += await _ask_postmortem(
                tx, rules, incident, lateness(incident.review_due_at, tx.now, excused)
            )
        else:
            incident.update_due_at = incident.review_due_at = None
    return late


async def _ask_update(tx: Tx, rules: Rules, incident: Incident, late: timedelta) -> list[timedelta]:
    """Only after silence: a note or an update, wherever it was written, is an answer in advance."""
    incident.said_at = await _last_said(tx, incident)
    every = rules.timing.updates.get(incident.severity)
    if every is None:
        incident.update_due_at = None
        return []
    if incident.said_at is not None and incident.said_at + every > tx.now:
        incident.update_due_at = incident.said_at + every
        return []
    view = await state_view(tx, incident)
    await _tell(tx, rules, incident, lambda marker: words.update_request(
        view, late=late if late >= LATE else None, now=tx.now, marker=marker), direct=True)  # fmt: skip
    await timeline.append(
        tx, incident.id, "update_asked", f"Asked {_name(incident.commander)} for a status update", source="bot",
        data={"late_seconds": round(late.total_seconds(), 1)},
    )  # fmt: skip
    followup.asked(incident, tx.now, tx.now + every)
    return [late]


async def _last_said(tx: Tx, incident: Incident) -> datetime | None:
    query = (
        select(col(TimelineEntry.at))
        .where(col(TimelineEntry.incident_id) == incident.id, col(TimelineEntry.kind).in_(SAID))
        .order_by(col(TimelineEntry.at).desc())
        .limit(1)
    )
    return (await tx.session.execute(query)).scalar_one_or_none()


async def _ask_postmortem(tx: Tx, rules: Rules, incident: Incident, late: timedelta) -> list[timedelta]:
    incident.review_stage += 1
    incident.review_due_at = commanding.next_review(
        incident.review_stage, incident.resolved_at or incident.status_at, rules.timing.postmortem
    )
    last, view = incident.review_due_at is None, await state_view(tx, incident)
    await _tell(tx, rules, incident, lambda marker: words.postmortem_request(
        view, last=last, marker=marker))  # fmt: skip
    await timeline.append(
        tx,
        incident.id,
        "postmortem_asked",
        f"Asked {_name(incident.commander)} for the postmortem",
        source="bot",
    )
    return [late]


async def _tell(tx: Tx, rules: Rules, incident: Incident, made: Render, *, direct: bool = False) -> None:
    card, rank = await outbox.card(tx, incident.id or 0), lane.rank(lane.REMINDER, incident.severity)
    parent_id = card.id if card else None
    await outbox.post(tx, rules.channel, made, incident_id=incident.id, parent_id=parent_id, rank=rank)
    slack_id = str(incident.commander.get("slack_id") or "")
    if direct and slack_id:
        await outbox.post(tx, slack_id, made, incident_id=incident.id, rank=rank)


def _name(who: dict[str, Any]) -> str:
    return str(who.get("name") or who.get("slack_id") or "whoever works on it")


# What people ask for


async def snooze(tx: Tx, rules: Rules, number: int, *, by: Who) -> str:
    """The next question comes later; why not, if so."""
    incident = await incidents.by_number(tx, number, lock=True)
    if incident is None or incident.status != "acknowledged":
        return f"#{number} is not being worked on: nothing is asked about it."
    until = tx.now + commanding.SNOOZE
    followup.asked(incident, tx.now, until)
    await timeline.append(
        tx,
        incident.id,
        "snooze",
        f"Next status update asked for at {until:%H:%M} UTC",
        actor=by,
        source="slack",
    )
    await _tell(tx, rules, incident, lambda marker: words.snoozed_note(
        number, until, shown(by), now=tx.now, marker=marker))  # fmt: skip
    return ""


async def hand_over(tx: Tx, rules: Rules, number: int, to: Who, *, by: Who, text: str = "") -> str:
    """Command goes to somebody else: a line in the thread with the state so far; why not, if so."""
    incident = await incidents.by_number(tx, number, lock=True)
    if incident is None or incident.status != "acknowledged":
        return f"#{number} is not being worked on: acknowledge it first, then there is something to hand over."
    before = Who.from_json(incident.commander)
    if before.slack_id and before.slack_id == to.slack_id:
        return f"{to.name or 'That person'} has command of #{number} already."
    followup.handed(incident, to, tx.now)
    note = f": {text}" if text else ""
    await timeline.append(
        tx, incident.id, "handover", f"Command from {before.name or 'nobody'} to {to.name or to.slack_id}{note}",
        actor=by, source="slack",
    )  # fmt: skip
    view = await state_view(tx, incident, extra=text)
    await _tell(tx, rules, incident, lambda marker: words.handover_note(
        view, shown(before), shown(by), now=tx.now, marker=marker), direct=to.slack_id != by.slack_id)  # fmt: skip
    await outbox.show_card(tx, incident.id or 0, rules.channel)
    return ""


async def reviewed(tx: Tx, rules: Rules, number: int, *, by: Who, made: bool, text: str = "") -> str:
    """The postmortem was made, or somebody says that none is needed: it is not asked for any more."""
    incident = await incidents.by_number(tx, number, lock=True)
    if incident is None:
        return f"There is no incident #{number}."
    incident.reviewed, incident.review_due_at = ("made" if made else "dismissed"), None
    said = "Postmortem drafted" if made else f"No postmortem needed{': ' + text if text else ''}"
    await timeline.append(tx, incident.id, "postmortem", said, actor=by, source="slack")
    if not made:
        await _tell(tx, rules, incident, lambda marker: words.postmortem_dismissed_note(
            number, shown(by), text, marker=marker))  # fmt: skip
    return ""


async def place(tx: Tx, number: int) -> tuple[int | None, int | None]:
    """The incident's id and that of the message whose thread it has."""
    incident = await incidents.by_number(tx, number)
    card = await outbox.card(tx, incident.id or 0) if incident else None
    return (incident.id if incident else None), (card.id if card else None)


# The shift changes


async def open_ids(tx: Tx) -> list[int]:
    """Open incidents with a card of their own."""
    query = (
        select(col(Incident.id))
        .where(col(Incident.status) != "resolved", col(Incident.storm_id).is_(None))
        .order_by(col(Incident.id))
    )
    return [row for row in (await tx.session.execute(query)).scalars() if row is not None]


async def shifted(tx: Tx, rules: Rules, incident_id: int, rota: Sequence[Mapping[str, Any]]) -> bool:
    """An open incident learns of a change of the on-call: an entry in the timeline, a line in the thread."""
    query = _locked(col(Incident.id) == incident_id, col(Incident.status) != "resolved")
    incident = (await tx.session.execute(query)).scalar_one_or_none()
    if incident is None:
        return False
    if not incident.oncall:  # not known before
        incident.oncall = [dict(row) for row in rota]
        return False
    return await _shifted(tx, rules, incident, rota)


async def _shifted(tx: Tx, rules: Rules, incident: Incident, rota: Sequence[Mapping[str, Any]]) -> bool:
    changes = commanding.shifts(incident.oncall, rota)
    if not changes:
        return False
    incident.oncall = [dict(row) for row in rota]
    for change in changes:
        went = ", ".join(w.name or w.pd_id for w in change.before) or "nobody"
        came = ", ".join(w.name or w.pd_id for w in change.now) or "nobody"
        await timeline.append(
            tx, incident.id, "shift", f"On call as {change.role}: {went} → {came}", source="bot"
        )
    view = await state_view(tx, incident)
    said = tuple(words.shift_line(c.role, c.before, c.now) for c in changes)
    if escalation.pages(incident.severity):
        await _tell(tx, rules, incident, lambda marker: words.shift_note(view, said, now=tx.now, marker=marker))
    await outbox.show_card(tx, incident.id or 0, rules.channel)
    return True


# How it stands


async def state_view(tx: Tx, incident: Incident, *, extra: str = "") -> StateView:
    """How an incident stands, for somebody who was not there; `extra` is what the last one in command says."""
    rows = await timeline.rows(tx, incident.id or 0, limit=40)
    words_said = next((r for r in reversed(rows) if r.kind in SAID), None)
    card = await outbox.card(tx, incident.id or 0)
    return StateView(
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        status=incident.status,
        service=incident.service,
        triggered_at=incident.triggered_at,
        acked_at=incident.acked_at,
        commander=shown(incident.commander),
        last_word=extra or _without_head(words_said),
        last_word_at=words_said.at if words_said else None,
        happened=tuple(timeline_view(r) for r in rows[-6:]),
        link=link_to(card),
        url=incident.url,
    )


def _without_head(entry: TimelineEntry | None) -> str:
    return entry.text.removeprefix("Note: ").removeprefix("Status update: ") if entry else ""
