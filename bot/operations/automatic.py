"""The diagnosis that a new incident asks for by itself."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlmodel import col

from bot.domain import escalation
from bot.domain.questions import Question
from bot.operations import looks
from bot.operations.looks import Asked
from bot.operations.rules import Rules
from bot.store.session import Tx
from bot.store.tables import Incident, Look

FLAPPING: Final = timedelta(minutes=30)
MOST: Final = 3  # of the same alert within that time; what flaps tells nothing new a fourth time


async def by_itself(tx: Tx, rules: Rules, incident: Incident) -> None:
    """A new P0 or P1 is diagnosed once in its life, asked for in the transaction that makes it one."""
    if not rules.looks.automatic or incident.looked_at is not None or incident.status == "resolved":
        return
    if not escalation.pages(incident.severity):
        return
    incident.looked_at = tx.now
    if await _lately(tx, incident.entry_id) < MOST:
        await look_into(tx, incident, Asked(), automatic=True)


async def _lately(tx: Tx, entry_id: str) -> int:
    """Of the same entry; all that fit no entry are one, or a storm of those would be looked into one by one."""
    query = select(func.count()).where(
        col(Look.subject)["entry"].as_string() == entry_id,
        col(Look.automatic).is_(True),
        col(Look.asked_at) > tx.now - FLAPPING,
    )
    return int((await tx.session.execute(query)).scalar_one())


def key(incident: Incident) -> str:
    """Incidents of the same alert ask the same question."""
    return Question(entry_id=incident.entry_id).key if incident.entry_id else f"incident {incident.id}"


async def look_into(tx: Tx, incident: Incident, asked: Asked, *, automatic: bool = False) -> None:
    """A diagnosis of an incident; the answer goes to its thread."""
    subject = {"entry": incident.entry_id, "name": incident.title, "incident": incident.id}
    where = Asked(asked.channel, asked.response_url, incident.number, incident.id or 0, asked.by)
    await looks.ask(tx, "diagnosis", key(incident), subject, where, automatic=automatic)
