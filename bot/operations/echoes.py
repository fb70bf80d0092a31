"""The same thing is told more than once: by our own act's answer, by its webhook, by the log. It is written once.

A timeline entry says by which way it was learned. What comes by another way is held against the entries of the same
kind and person near that time; each entry is met once by each way, so that a second thing of the same kind is a second
entry.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import col

from bot.domain.happenings import WORDED, Happening
from bot.store.session import Tx
from bot.store.tables import Incident, TimelineEntry

ACT: Final = timedelta(minutes=5)  # a webhook about what we did ourselves comes back within that
WIRE: Final = timedelta(seconds=3)  # by which a webhook's time and its log entry's may differ
KEPT: Final = 200
# What the log notes without saying what kind of thing it is: whatever its webhook told at that moment by that person.
VAGUE: Final = "log"


async def met(tx: Tx, incident: Incident, told: Happening) -> bool:
    """Whether it is written down already, learned by another way; the entry is then met, for this way."""
    entry = await _find(tx, incident, told)
    if entry is None:
        return False
    note(incident, told.via, entry)
    return True


def note(incident: Incident, via: str, entry_id: int) -> None:
    """This way has told of this entry."""
    every = dict(incident.extra.get("met") or {})
    every[via] = [*(every.get(via) or []), entry_id][-KEPT:]
    incident.extra = {**incident.extra, "met": every}


async def _find(tx: Tx, incident: Incident, told: Happening) -> int | None:
    at = told.at or tx.now
    query = (
        select(col(TimelineEntry.id), col(TimelineEntry.at), col(TimelineEntry.text), col(TimelineEntry.data))
        .where(col(TimelineEntry.incident_id) == incident.id)
        .where(col(TimelineEntry.at) >= at - ACT, col(TimelineEntry.at) <= at + ACT)
        .where(func.coalesce(col(TimelineEntry.actor)["pd_id"].as_string(), "") == told.by.pd_id)
        .order_by(col(TimelineEntry.at), col(TimelineEntry.id))
    )
    if told.kind != VAGUE:
        query = query.where(col(TimelineEntry.kind) == told.kind)
    before = set((incident.extra.get("met") or {}).get(told.via) or [])
    for entry_id, when, words, data in (await tx.session.execute(query)).all():
        if entry_id not in before and _same(told, words) and _near(incident, told, at, when, data):
            return int(entry_id)
    return None


def _same(told: Happening, words: str) -> bool:
    return told.kind == VAGUE or told.kind not in WORDED or words.strip() == told.line.strip()


def _near(incident: Incident, told: Happening, at: datetime, when: datetime, data: dict[str, Any]) -> bool:
    via = str(data.get("via") or "")
    if via == told.via or not via:
        return False
    if told.kind == VAGUE or "act" not in {via, told.via}:
        return abs(at - when) <= WIRE
    rearmed = incident.rearmed_at  # what was taken back in between was another one
    return rearmed is None or not (min(at, when) < rearmed - timedelta(seconds=1) and rearmed <= max(at, when))
