"""How far behind the queue is."""

from typing import Final

from sqlalchemy import text

from bot.store.session import Tx

LATE: Final = 30.0  # seconds that a due job may wait before the process no longer calls itself ready


async def oldest_overdue(tx: Tx) -> float:
    """Seconds since the oldest waiting job was due, 0 if none is."""
    row = await tx.session.execute(
        text(
            "select coalesce(extract(epoch from now() - min(coalesce(j.scheduled_at, e.at))), 0) "
            "from procrastinate_jobs j join procrastinate_events e on e.job_id = j.id and e.type = 'deferred' "
            "where j.status = 'todo' and coalesce(j.scheduled_at, e.at) < now()"
        )
    )
    return float(row.scalar_one())


async def latest_reminder(tx: Tx) -> float:
    """Seconds since the reminder that waits longest was due, 0 if none is."""
    row = await tx.session.execute(
        text(
            "select min(least(due_at, update_due_at)) from incident where (due_at <= :now and status = 'triggered')"
            " or (update_due_at <= :now and status = 'acknowledged')"
        ),
        {"now": tx.now},
    )
    due = row.scalar_one()
    return 0.0 if due is None else float((tx.now - due).total_seconds())
