"""Who ran what: the runs' lines of the timeline, searched; and whether all of them are there."""

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlmodel import col

from bot.domain.people import Who
from bot.operations import incidents
from bot.render import AuditRow, date
from bot.store.run_tables import Run
from bot.store.session import Tx
from bot.store.tables import Incident, TimelineEntry

MOST = 30
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")


async def search(tx: Tx, wanted: str) -> Sequence[AuditRow]:
    """The newest lines about a person (mention, id or name), a step, a run or an incident ("#12"); all without."""
    query = (
        select(TimelineEntry, col(Incident.number))
        .outerjoin(Incident, col(Incident.id) == col(TimelineEntry.incident_id))
        .where(col(TimelineEntry.kind).startswith("run_", autoescape=True))
        .order_by(col(TimelineEntry.id).desc())
        .limit(MOST)
    )
    for word in wanted.split()[:5]:
        query = query.where(await _about(tx, word))
    found = (await tx.session.execute(query)).all()
    return [_row(tx, entry, number or 0) for entry, number in found]


async def _about(tx: Tx, word: str) -> ColumnElement[bool]:
    entry = TimelineEntry
    number = word.lstrip("#")
    if number.isascii() and number.isdigit() and len(number) < 10:  # noqa: PLR2004 - an integer of the database
        incident = await incidents.by_number(tx, int(number))
        mine = col(entry.data)["run"].as_string() == number
        return or_(mine, col(entry.incident_id) == incident.id) if incident else mine
    mention = _MENTION.fullmatch(word)
    person = mention[1] if mention else word
    return or_(
        col(entry.actor)["slack_id"].as_string() == person,
        col(entry.actor)["name"].as_string().icontains(person, autoescape=True),
        col(entry.data)["step"].as_string().icontains(person, autoescape=True),
        col(entry.data)["approvers"].as_string().icontains(person, autoescape=True),
    )


def _row(tx: Tx, entry: TimelineEntry, number: int) -> AuditRow:
    who = Who.from_json(entry.actor)
    return AuditRow(date(entry.at, tx.now), who.name or who.slack_id, entry.text, number, entry.data)


async def missing(tx: Tx) -> Sequence[int]:
    """Runs that began and whose line of intent is not in the timeline: somebody has removed its end."""
    intent = (
        select(col(TimelineEntry.id))
        .where(col(TimelineEntry.kind) == "run_intent")
        .where(col(TimelineEntry.data)["run"].as_integer() == col(Run.id))
    )
    query = select(col(Run.id)).where(col(Run.started_at).is_not(None), ~intent.exists()).order_by(col(Run.id))
    return [row or 0 for row in (await tx.session.execute(query)).scalars()]
