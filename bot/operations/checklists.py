"""Guided checklists: started, ticked, waited for and ended, each with its line in the timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import delete, select
from sqlmodel import col

from bot import render
from bot.domain import checklist as rules_of
from bot.domain.checklist import Checklist, Item, Tick, TickState
from bot.domain.pagerduty import parse_time
from bot.domain.people import Who
from bot.operations import inbox, incidents, outbox, timeline
from bot.operations.rules import Rules
from bot.store.session import EFFECT_QUEUE, Tx
from bot.store.tables import ChecklistRow, ChecklistTick, Incident
from runbook.model import Entry, Risk

KIND: Final = "checklist"  # of its live message


@dataclass(frozen=True, slots=True)
class Press:
    """What a person wants of a checklist: kept before it is acknowledged, carried out by the job `checklist`."""

    what: str  # "start" | "done" | "skip" | "wait" | "back" | "give_up"
    slack_id: str
    checklist: int = 0
    item: int = 0
    entry: str = ""  # for "start"
    number: int = 0  # for "start": the incident it is for, 0 for none
    note: str = ""  # why it is skipped or given up
    values: Mapping[str, str] | None = None  # what an item asks for
    channel: str = ""
    response_url: str = ""
    key: str = ""  # of the click or command: the same one delivered twice starts one checklist


async def keep(tx: Tx, press: Press) -> None:
    """Keep what was pressed."""
    await tx.defer("checklist", queue=EFFECT_QUEUE, press=asdict(press))


def _digest(entry: Entry) -> str:
    return sha256(entry.text.encode()).hexdigest()


async def start(tx: Tx, rules: Rules, entry: Entry, press: Press, *, by: Who) -> str:
    """Begin a checklist for an entry of the runbook, in its incident's thread if it has one; "" or why not.

    The same press carried out again (its job was cut off) starts no second one.
    """
    if press.key and await inbox.file(tx, inbox.Delivery("slack", press.key, press.key, KIND, {})) is None:
        return ""
    incident = await incidents.by_number(tx, press.number, lock=True) if press.number else None
    if press.number and incident is None:
        return f"There is no incident #{press.number}. `/ats incidents` shows the open ones."
    row = ChecklistRow(
        incident_id=incident.id if incident else None,
        entry_id=entry.id,
        entry_digest=_digest(entry),
        title=entry.title,
        items=[item.as_json() for item in rules_of.items_of(entry)],
        target=rules_of.target_of(entry).total_seconds(),
        way_back=rules_of.way_back_of(entry),
        started_at=tx.now,
        started_by=by.as_json(),
    )
    tx.session.add(row)
    await tx.session.flush()
    card = await outbox.card(tx, incident.id or 0) if incident else None
    await outbox.show(
        tx, KIND, str(row.id), rules.channel, incident_id=row.incident_id, parent_id=card.id if card else None
    )
    await _write(tx, row, f"Checklist “{row.title}” started ({len(row.items)} items)", by)
    return ""


async def _write(tx: Tx, row: ChecklistRow, text: str, by: Who, **data: Any) -> None:
    await timeline.append(
        tx, row.incident_id, "checklist", text, actor=by, source="slack" if by else "bot",
        data={"checklist": row.id, **data},
    )  # fmt: skip


async def _locked(tx: Tx, checklist_id: int) -> ChecklistRow | None:
    """The row, held; the incident's row first, as every operation does, so that none waits for another in a ring."""
    query = select(col(ChecklistRow.incident_id)).where(col(ChecklistRow.id) == checklist_id)
    incident_id = (await tx.session.execute(query)).scalar_one_or_none()
    if incident_id is not None:
        await tx.session.get(Incident, incident_id, with_for_update=True)
    return await tx.session.get(ChecklistRow, checklist_id, with_for_update=True)


async def get(tx: Tx, checklist_id: int, rules: Rules | None = None) -> Checklist | None:
    """A checklist as it stands."""
    row = await tx.session.get(ChecklistRow, checklist_id)
    return await _as_value(tx, row, rules) if row else None


async def _as_value(tx: Tx, row: ChecklistRow, rules: Rules | None = None) -> Checklist:
    query = select(ChecklistTick).where(col(ChecklistTick.checklist_id) == row.id)
    ticks = (await tx.session.execute(query)).scalars().all()
    incident = await tx.session.get(Incident, row.incident_id) if row.incident_id else None
    entry = rules.plan.entry(row.entry_id) if rules else None
    return Checklist(
        id=row.id or 0,
        title=row.title,
        items=tuple(Item.from_json(item) for item in row.items),
        started_at=row.started_at,
        started_by=Who.from_json(row.started_by),
        ticks={t.item: Tick(TickState(t.state), Who.from_json(t.by), t.at, t.note) for t in ticks},
        waits={int(i): at for i, text in row.waits.items() if (at := parse_time(text))},
        ended_at=row.ended_at,
        ended_by=Who.from_json(row.ended_by),
        given_up=row.given_up,
        target=timedelta(seconds=row.target),
        way_back=row.way_back,
        protects=_protects(row, rules) if rules else frozenset(),
        number=incident.number if incident else 0,
        edited=bool(rules) and (entry is None or _digest(entry) != row.entry_digest),
    )


def _protects(row: ChecklistRow, rules: Rules) -> frozenset[str]:
    """Items that can be done at one click, whoever's turn it is: trading is stopped when it must be."""
    steps = [rules.plan.step(str(item.get("id") or "")) for item in row.items]
    return frozenset(s.id for s in steps if s is not None and s.unlocked and s.risk is Risk.PROTECTIVE)


async def running(tx: Tx, rules: Rules) -> Sequence[Checklist]:
    """Those that are not over, oldest first."""
    query = select(ChecklistRow).where(col(ChecklistRow.ended_at).is_(None)).order_by(col(ChecklistRow.id))
    return [await _as_value(tx, row, rules) for row in (await tx.session.execute(query)).scalars().all()]


async def leave(tx: Tx, rules: Rules, press: Press, *, by: Who) -> str:
    """Tick an item, or skip it with a reason; "" if it was, else why not."""
    row = await _locked(tx, press.checklist)
    if row is None:
        return "There is no such checklist."
    before = await _as_value(tx, row)
    skip = press.what == "skip"
    why_not = rules_of.refusal(before, press.item, now=tx.now, skip=skip)
    if why_not:
        return why_not
    item = before.items[press.item]
    note, problems = (press.note, {}) if skip else rules_of.filled(item, press.values or {})
    if problems:
        return " ".join(problems.values())
    tick = Tick(TickState.SKIPPED if skip else TickState.DONE, by, tx.now, note)
    after = rules_of.ticked(before, press.item, tick)
    tx.session.add(
        ChecklistTick(
            checklist_id=row.id or 0, item=press.item, state=tick.state, by=by.as_json(), at=tx.now, note=note
        )
    )
    row.ended_at, row.ended_by = after.ended_at, after.ended_by.as_json()
    said = f": {note}" if note else ""
    await _write(
        tx,
        row,
        f"Checklist “{row.title}”, item {press.item + 1} {tick.state}: {item.title}{said}",
        by,
        item=press.item,
    )
    if after.ended_at is not None:
        took = render.duration(after.ended_at - after.started_at)
        await _write(tx, row, f"Checklist “{row.title}” finished in {took}", by)
    await _show(tx, rules, row)
    return ""


async def take_back(tx: Tx, rules: Rules, press: Press, *, by: Who) -> str:
    """Open the last item again; "" if it was, else why not."""
    row = await _locked(tx, press.checklist)
    if row is None:
        return "There is no such checklist."
    before = await _as_value(tx, row)
    if before.given_up:
        return "This checklist was given up: start it anew."
    if before.last is None or before.last != press.item:
        return "Another item has been ticked since."
    query = delete(ChecklistTick).where(
        col(ChecklistTick.checklist_id) == row.id, col(ChecklistTick.item) == press.item
    )
    await tx.session.execute(query)
    row.ended_at, row.ended_by = None, {}
    title = before.items[press.item].title
    await _write(
        tx, row, f"Checklist “{row.title}”, item {press.item + 1} opened again: {title}", by, item=press.item
    )
    await _show(tx, rules, row)
    return ""


async def wait(tx: Tx, rules: Rules, press: Press, *, by: Who) -> str:
    """Start an item's time: a durable timer that says in the thread when it is over."""
    row = await _locked(tx, press.checklist)
    if row is None:
        return "There is no such checklist."
    before = await _as_value(tx, row)
    if before.current != press.item or not before.items[press.item].wait:
        return "That item is not waited for now."
    if press.item in before.waits:
        return "Its time is running already."
    due = tx.now + before.items[press.item].wait
    row.waits = {**row.waits, str(press.item): due.isoformat()}
    await tx.defer("checklist_time", queue=EFFECT_QUEUE, at=due, checklist=row.id, item=press.item)
    words = f"Checklist “{row.title}”, item {press.item + 1}: the time runs until {due:%H:%M} UTC"
    await _write(tx, row, words, by, item=press.item)
    await _show(tx, rules, row)
    return ""


async def time_over(tx: Tx, rules: Rules, checklist_id: int, item: int) -> bool:
    """An item's time is over: said once in the thread, to the person who started the checklist."""
    row = await _locked(tx, checklist_id)
    if row is None:
        return False
    state = await _as_value(tx, row)
    marker = f"m-checklist-{checklist_id}-{item}"
    if state.current != item or await outbox.known(tx, marker):
        return False
    message = await outbox.shown(tx, KIND, str(row.id))
    parent = message.parent_id or message.id if message else None
    words = render.checklist_time_over(state, item)
    await outbox.post(
        tx, rules.channel, outbox.marked(words), incident_id=row.incident_id, parent_id=parent, marker=marker
    )
    await _show(tx, rules, row)
    return True


async def give_up(tx: Tx, rules: Rules, press: Press, *, by: Who) -> str:
    """End it before its last item, with a reason."""
    row = await _locked(tx, press.checklist)
    if row is None:
        return "There is no such checklist."
    if row.ended_at is not None:
        return "This checklist is over already."
    row.ended_at, row.ended_by, row.given_up = tx.now, by.as_json(), press.note
    await _write(tx, row, f"Checklist “{row.title}” given up: {press.note}", by)
    await _show(tx, rules, row)
    return ""


async def _show(tx: Tx, rules: Rules, row: ChecklistRow) -> None:
    await outbox.show(tx, KIND, str(row.id), rules.channel)


@outbox.live(KIND)
async def _render(tx: Tx, rules: Rules, ref: str, marker: str) -> render.Message | None:
    state = await get(tx, int(ref), rules)
    return render.checklist_message(state, now=tx.now, marker=marker) if state else None
