"""How far behind the queue is, and which channel cannot be posted to."""

from typing import Final

from sqlalchemy import or_, select, text
from sqlmodel import col

from bot.store.session import Tx
from bot.store.tables import Lane

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


async def channel_trouble(tx: Tx) -> str:
    """Which channel's messages wait, and why (archived, the bot is not in it, …); "" if none do."""
    query = (
        select(col(Lane.channel), col(Lane.reason))
        .where(col(Lane.failures) > 1, or_(col(Lane.channel).like("#%"), col(Lane.channel).like("C%")))
        .order_by(col(Lane.channel))
        .limit(1)
    )
    found = (await tx.session.execute(query)).one_or_none()
    return f"messages to {found.channel} wait: {found.reason}" if found else ""
