"""A declared incident that comes back from PagerDuty is known by its key."""

from bot.store.session import Tx
from bot.store.tables import Declaration, Incident

PREFIX = "ats-"  # of our keys, so that no other incident costs a look
GUIDED = {"security": "suspected-breach", "corruption": "data-corruption"}


async def attach(tx: Tx, incident: Incident, key: str) -> None:
    """What was declared under that key says what kind of incident it is, and which entry was chosen for it."""
    asked = await tx.session.get(Declaration, key) if key.startswith(PREFIX) else None
    if asked is None:
        return
    incident.kind = asked.kind if asked.kind in GUIDED else ""
    entry_id = str(asked.asked.get("entry_id") or GUIDED.get(asked.kind, ""))
    if entry_id:
        incident.entry_id, incident.entry_chosen = entry_id, True
        incident.entry_reason = "chosen when it was declared"
