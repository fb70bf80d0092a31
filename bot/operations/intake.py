"""PagerDuty's webhooks: kept and applied; those that come faster than that are kept at once, and applied in turn.

Which of an incident's events is applied first does not matter (bot.domain.lifecycle); the urgent go first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot.domain import lane, pagerduty
from bot.domain.pagerduty import PdEvent, renamed_service
from bot.domain.severity import severity
from bot.operations import inbox, incidents, outbox
from bot.operations.inbox import Delivery
from bot.operations.rules import Rules
from bot.store.session import EFFECT_QUEUE, Tx
from bot.store.tables import Inbox, Incident, table

_LOCK: Final = 0x4154_494E  # "ATIN": one worker at a time, so that no two wait for each other's incidents
_KEEP = insert(table(Inbox)).on_conflict_do_nothing().returning(col(Inbox.id))


async def receive(
    tx: Tx,
    rules: Rules,
    delivery: Delivery,
    event: PdEvent | None,
    *,
    oncall: Sequence[Mapping[str, Any]] = (),
) -> str:
    """A PagerDuty webhook: kept, applied, with its timeline entry and its jobs, in this transaction.

    `oncall` is who is on call as last known, for the card of a new incident.

    Returns:
        "duplicate", "recorded" (about no incident), "adopting" (about one that must be fetched first) or
        "applied".
    """
    inbox_id = await inbox.file(tx, delivery)
    if inbox_id is None:
        return "duplicate"
    return await take_in(tx, rules, inbox_id, delivery.body, event, oncall=oncall)


async def take_in(
    tx: Tx,
    rules: Rules,
    inbox_id: int,
    body: Mapping[str, Any],
    event: PdEvent | None,
    *,
    oncall: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Apply what is kept in the inbox; what came of it, as `receive` says."""
    if event is None:
        await _rename_service(tx, rules, body)
        return "recorded"
    fresh = event.type == "incident.triggered" and event.snapshot is not None  # most likely not known yet
    incident = None if fresh else await incidents.by_pd_id(tx, event.incident_id)
    if incident is None and event.snapshot is None:
        await tx.defer("adopt", queue=EFFECT_QUEUE, inbox_id=inbox_id, pd_id=event.incident_id)
        return "adopting"
    await incidents.happened(tx, rules, incident, event, oncall=oncall)
    return "applied"


async def _rename_service(tx: Tx, rules: Rules, body: Mapping[str, Any]) -> None:
    """A service has another name: so its open incidents' cards say it."""
    renamed = renamed_service(body)
    if renamed is None:
        return
    query = select(Incident).where(col(Incident.service_id) == renamed[0], col(Incident.status) != "resolved")
    for incident in (await tx.session.execute(query.order_by(col(Incident.id)).with_for_update())).scalars():
        if incident.service != renamed[1]:
            incident.service = renamed[1]
            await outbox.show_card(tx, incident.id or 0, rules.channel)


# Too many at once


async def keep(tx: Tx, deliveries: Sequence[Delivery]) -> None:
    """Keep many in one statement, for a worker to apply; what was kept before stays as it is."""
    rows = [
        {
            "source": each.source, "delivery_id": each.delivery_id, "event_id": each.event_id, "type": each.type,
            "body": dict(each.body), "received_at": tx.now, "waiting": True, "rank": _rank(each), "trouble": "",
        }
        for each in deliveries
    ]  # fmt: skip
    await tx.session.execute(_KEEP, rows)


def _rank(delivery: Delivery) -> int:
    """By what the payload says alone: an incident of high priority goes before the others."""
    event = delivery.body.get("event")
    data = event.get("data") if isinstance(event, Mapping) else None
    shown = data if isinstance(data, Mapping) else {}
    priority = shown.get("priority")
    named = str(priority.get("summary") or "") if isinstance(priority, Mapping) else ""
    return lane.rank(
        lane.REMINDER, severity(priority=named, entry_severity="", urgency=str(shown.get("urgency") or ""))
    )


async def waiting(tx: Tx, *, limit: int) -> list[int]:
    """Those to be applied next; none while another worker is at it."""
    alone = await tx.session.execute(select(func.pg_try_advisory_xact_lock(_LOCK)))
    if not alone.scalar_one():
        return []
    query = (
        select(col(Inbox.id)).where(col(Inbox.waiting)).order_by(col(Inbox.rank), col(Inbox.id)).limit(limit)
    )
    return [int(row or 0) for row in (await tx.session.execute(query)).scalars()]


async def apply(tx: Tx, rules: Rules, ids: Sequence[int], *, oncall: Sequence[Mapping[str, Any]] = ()) -> None:
    """Apply what was kept, unless it has been meanwhile."""
    done = (
        update(table(Inbox))
        .where(col(Inbox.id).in_(ids), col(Inbox.waiting))
        .values(waiting=False)
        .returning(col(Inbox.id), col(Inbox.body))
    )
    rows = (await tx.session.execute(done)).all()
    for inbox_id, body in sorted(rows, key=lambda row: ids.index(row[0])):
        event = pagerduty.event(body, now=tx.now)
        await take_in(tx, rules, inbox_id, body, event, oncall=oncall)


async def set_aside(tx: Tx, inbox_id: int, why: str) -> None:
    """It cannot be applied: it waits no more, and the comparison with PagerDuty has to make up for it."""
    await tx.session.execute(
        update(table(Inbox)).where(col(Inbox.id) == inbox_id).values(waiting=False, trouble=why[:500])
    )
