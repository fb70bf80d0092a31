"""Move application time forward: the clock and every pending job together, in one transaction."""

from datetime import timedelta

from sqlalchemy import text

from bot.store.session import Tx


async def advance(tx: Tx, by: timedelta) -> None:
    """Nothing sleeps: what becomes due runs at once. Raises ValueError for a negative duration."""
    seconds = by.total_seconds()
    if seconds < 0:
        raise ValueError("The clock only moves forward.")
    await tx.session.execute(
        text("update clock set offset_seconds = offset_seconds + :s where id = 1"), {"s": seconds}
    )
    await tx.session.execute(
        text(
            "update procrastinate_jobs set scheduled_at = scheduled_at - make_interval(secs => :s)"
            " where status = 'todo' and scheduled_at is not null"
        ),
        {"s": seconds},
    )
    # Wake the workers as an inserted job would; they look for themselves what is due.
    wake = '{"type": "job_inserted", "job_id": 0}'
    for queue in ("delivery", "effects", "runs"):
        await tx.session.execute(
            text("select pg_notify(:c, :p)"), {"c": f"procrastinate_queue_v1#{queue}", "p": wake}
        )
