"""Wall time. Application time (which drills and the demo move forward) comes from `bot.store.Tx.now`."""

from collections.abc import Callable
from datetime import UTC, datetime

type_clock = Callable[[], datetime]


def utcnow() -> datetime:
    """The real time, timezone-aware UTC."""
    return datetime.now(UTC)
