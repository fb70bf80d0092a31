"""Whose card is whose: an incident of a storm has none of its own, one that is back takes over that of before."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from bot.domain import storms
from bot.domain.people import Who
from bot.operations import timeline
from bot.store.session import Tx
from bot.store.tables import Incident, Message

KEPT = 8  # rounds that a flapping incident's card remembers


async def needless(tx: Tx, row: Message) -> bool:
    """Whether a card that waits is shown elsewhere by now: by its storm's card, or by the incident that came back.

    Called by whoever holds the channel's lane, just before the card would be sent.
    """
    incident = await tx.session.get(Incident, row.incident_id) if row.incident_id else None
    if incident is None:
        return False
    if incident.successor_id is not None:
        return True
    if row.ts or row.attempted_at is not None:
        return False
    if incident.storm_id is not None:
        return True
    await _take_over(tx, row, incident)
    return False


async def _take_over(tx: Tx, row: Message, incident: Incident) -> None:
    """If this was resolved and is raised again within ten minutes, its card and thread go on."""
    before = await _before(tx, incident)
    if before is None:
        return
    old = (
        await tx.session.execute(
            select(Message).where(col(Message.incident_id) == before.id, col(Message.kind) == "card")
        )
    ).scalar_one_or_none()
    if old is None or not old.ts:
        return
    row.ts, row.channel_id = old.ts, old.channel_id
    before.successor_id = incident.id
    incident.occurrences = before.occurrences + 1
    incident.history = [*before.history, _round(before)][-KEPT:]
    await timeline.append(
        tx, incident.id, "flapping",
        f"Raised again: #{before.number} was resolved {_ago(before, incident.triggered_at)} before; "
        f"its card and thread go on ({incident.occurrences} times so far)",
        source="bot",
    )  # fmt: skip


async def _before(tx: Tx, incident: Incident) -> Incident | None:
    query = (
        select(Incident)
        .where(col(Incident.title) == incident.title, col(Incident.service_id) == incident.service_id)
        .where(col(Incident.id) != incident.id, col(Incident.status) == "resolved")
        .where(col(Incident.resolved_at) >= incident.triggered_at - storms.FLAP)
        .where(col(Incident.successor_id).is_(None), col(Incident.storm_id).is_(None))
        .where(col(Incident.merged_into) == "")
        .order_by(col(Incident.resolved_at).desc())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = (await tx.session.execute(query)).scalar_one_or_none()
    return found if found and storms.is_flap(found.resolved_at, incident.triggered_at) else None


def _round(incident: Incident) -> dict[str, Any]:
    ended: datetime | None = incident.resolved_at
    return {
        "number": incident.number,
        "from": incident.triggered_at.isoformat(),
        "to": ended.isoformat() if ended else "",
        "by": Who.from_json(incident.resolved_by).name,
    }


def _ago(before: Incident, at: datetime) -> str:
    since: timedelta = at - (before.resolved_at or at)
    return f"{max(0, round(since.total_seconds()))} s"
