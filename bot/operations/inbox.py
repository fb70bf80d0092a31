"""Everything that was delivered to us, kept once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot.store.session import Tx
from bot.store.tables import Inbox, table

# Built once and past the ORM: PagerDuty waits for this one.
_FILE = insert(table(Inbox)).on_conflict_do_nothing().returning(col(Inbox.id))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it arrived, its signature already checked."""

    source: str
    delivery_id: str
    event_id: str
    type: str
    body: Mapping[str, Any]


async def file(tx: Tx, delivery: Delivery) -> int | None:
    """Keep a delivery; its id, or None if it was kept before (then there is nothing to do)."""
    values = {
        "source": delivery.source,
        "delivery_id": delivery.delivery_id,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "body": dict(delivery.body),
        "received_at": tx.now,
        "waiting": False,
        "rank": 0,
        "trouble": "",
    }
    return (await tx.session.execute(_FILE, values)).scalar_one_or_none()


async def body(tx: Tx, inbox_id: int) -> Mapping[str, Any] | None:
    row = await tx.session.get(Inbox, inbox_id)
    return row.body if row else None
