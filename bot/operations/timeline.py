"""Append to the timeline, and read it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlmodel import col

from bot.domain.people import NOBODY, Who
from bot.domain.timeline import broken, digest
from bot.store.session import Tx
from bot.store.tables import TimelineEntry, table

_FIELDS = ("incident_id", "at", "recorded_at", "kind", "text", "actor", "source", "data")
_CHAIN_LOCK = 0x41545354  # "ATST"


# In the order of the lines: an id is a place in the chain. RETURNING makes it one statement, not one for each row.
_APPEND = insert(table(TimelineEntry)).returning(col(TimelineEntry.id), sort_by_parameter_order=True)


@dataclass(frozen=True, slots=True)
class Line:
    """What is written down of one incident, by the bot, now."""

    incident_id: int
    kind: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


async def append(
    tx: Tx,
    incident_id: int | None,
    kind: str,
    text: str,
    *,
    actor: Who = NOBODY,
    source: str = "bot",
    at: datetime | None = None,
    data: Mapping[str, Any] | None = None,
    first: bool = False,
) -> TimelineEntry:
    """Write down that something happened. The caller holds the incident's row, so that the chain is linear.

    `first` spares the look for a previous entry of an incident that was stored in this transaction.
    """
    entry = TimelineEntry(
        incident_id=incident_id,
        at=at or tx.now,
        recorded_at=tx.now,
        kind=kind,
        text=text,
        actor=actor.as_json(),
        source=source,
        data=dict(data or {}),
    )
    entry.prev_hash = "" if first else await _last_hash(tx, incident_id)
    entry.hash = digest(entry.prev_hash, _fields(entry))
    tx.session.add(entry)
    await tx.session.flush()
    tx.tails[incident_id] = entry.hash
    return entry


async def append_all(tx: Tx, lines: Sequence[Line]) -> None:
    """Several lines, of many incidents, in two statements. The caller holds the incidents' rows, as for `append`."""
    if not lines:
        return
    last: dict[int | None, str] = await _last_hashes(tx, {line.incident_id for line in lines})
    rows: list[dict[str, Any]] = []
    for line in lines:
        entry = TimelineEntry(
            incident_id=line.incident_id, at=tx.now, recorded_at=tx.now, kind=line.kind, text=line.text,
            actor=NOBODY.as_json(), source="bot", data=dict(line.data), prev_hash=last.get(line.incident_id, ""),
        )  # fmt: skip
        entry.hash = last[line.incident_id] = digest(entry.prev_hash, _fields(entry))
        rows.append(entry.model_dump(exclude={"id"}))
    tx.tails.update(last)
    await tx.session.execute(_APPEND, rows)


async def _last_hashes(tx: Tx, incident_ids: Collection[int]) -> dict[int | None, str]:
    newest = (
        select(func.max(col(TimelineEntry.id)))
        .where(col(TimelineEntry.incident_id).in_(incident_ids))
        .group_by(col(TimelineEntry.incident_id))
    )
    query = select(col(TimelineEntry.incident_id), col(TimelineEntry.hash)).where(
        col(TimelineEntry.id).in_(newest)
    )
    return {row[0]: str(row[1]) for row in (await tx.session.execute(query)).all()}


async def _last_hash(tx: Tx, incident_id: int | None) -> str:
    if incident_id in tx.tails:  # nobody else can have lengthened it since
        return tx.tails[incident_id]
    if incident_id is None:  # no incident row to hold: its own lock
        await tx.session.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    column = col(TimelineEntry.incident_id)
    query = (
        select(col(TimelineEntry.hash))
        .where(
            column.is_(None) if incident_id is None else column == incident_id
        )  # either is found by the index
        .order_by(col(TimelineEntry.id).desc())
        .limit(1)
    )
    return (await tx.session.execute(query)).scalar_one_or_none() or ""


def _fields(entry: TimelineEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _FIELDS}


async def rows(tx: Tx, incident_id: int, *, limit: int = 500) -> Sequence[TimelineEntry]:
    """An incident's entries in the order in which things happened; the newest if there are more than `limit`."""
    query = (
        select(TimelineEntry)
        .where(col(TimelineEntry.incident_id) == incident_id)
        .order_by(col(TimelineEntry.at).desc(), col(TimelineEntry.id).desc())
        .limit(limit)
    )
    return list(reversed((await tx.session.execute(query)).scalars().all()))


async def seen(
    tx: Tx, incident_id: int, kind: str, *, pd_id: str, since: datetime, until: datetime, text: str = ""
) -> bool:
    """Whether that kind of thing (in these words) by that PagerDuty user is written down, between two instants."""
    query = (
        select(col(TimelineEntry.id))
        .where(col(TimelineEntry.incident_id) == incident_id, col(TimelineEntry.kind) == kind)
        .where(col(TimelineEntry.at) >= since, col(TimelineEntry.at) <= until)
        .where(col(TimelineEntry.actor)["pd_id"].as_string() == pd_id)
        .limit(1)
    )
    query = query.where(col(TimelineEntry.text) == text) if text else query
    return (await tx.session.execute(query)).scalar_one_or_none() is not None


async def verify(tx: Tx) -> list[int]:
    """The ids of entries that were altered, or follow on one that was removed."""
    wrong: list[int] = []
    incidents = (await tx.session.execute(select(col(TimelineEntry.incident_id)).distinct())).scalars().all()
    for incident_id in incidents:
        query = (
            select(TimelineEntry)
            .where(col(TimelineEntry.incident_id).is_not_distinct_from(incident_id))
            .order_by(col(TimelineEntry.id))
        )
        entries = (await tx.session.execute(query)).scalars().all()
        wrong += broken((e.id or 0, e.prev_hash, e.hash, _fields(e)) for e in entries)
    return wrong
