"""Wall time. Application time (which drills and the demo move forward) comes from `bot.store.Tx.now`."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """The real time, timezone-aware UTC."""
    return datetime.now(UTC)
