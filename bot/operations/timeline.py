"""Append to the timeline, and read it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from bot.domain.people import NOBODY, Who
from bot.domain.timeline import broken, digest
from bot.store.session import Tx
from bot.store.tables import TimelineEntry

_FIELDS = ("incident_id", "at", "recorded_at", "kind", "text", "actor", "source", "data")
_CHAIN_LOCK = 0x41545354  # "ATST"


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
    return entry


async def _last_hash(tx: Tx, incident_id: int | None) -> str:
    if incident_id is None:  # no incident row to hold: its own lock
        await tx.session.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    query = (
        select(col(TimelineEntry.hash))
        .where(col(TimelineEntry.incident_id).is_not_distinct_from(incident_id))
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
