"""A moment as people type it: "18:00", "tomorrow 9:00", "monday 09:00", "2026-12-01 18:30", "in 3h". UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain import wishes
from bot.errors import InputError

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHAPE: Final = re.compile(r"(?:(\d{4}-\d{2}-\d{2}|[a-z]+)[ t]+)?(\d{1,2})(?::(\d{2}))?\s*(?:utc|z)?")


def read(text: str, now: datetime) -> datetime:
    """The next such moment; raises InputError with examples."""
    words = text.strip().lower().removeprefix("at ").strip()
    if words.startswith("in "):
        return now + wishes.snooze(words.removeprefix("in "))
    found = _SHAPE.fullmatch(words)
    at = _at(found, now) if found else None
    if at is None:
        raise InputError(
            f"“{text[:40]}” is no moment. Type it as 18:00, tomorrow 9:00, monday 9:00, 2026-12-01 18:30 or in 3h."
        )
    return at


def _at(found: re.Match[str], now: datetime) -> datetime | None:
    try:
        day, hour, minute = _day(found[1] or "", now), int(found[2]), int(found[3] or 0)
        at = day.replace(hour=hour, minute=minute, second=0, microsecond=0)
    except ValueError:
        return None
    return at + timedelta(days=1) if not found[1] and at < now else at


def _day(word: str, now: datetime) -> datetime:
    today = now.astimezone(UTC)
    if word in {"", "today"}:
        return today
    if word == "tomorrow":
        return today + timedelta(days=1)
    names = [name for name in _DAYS if len(word) > 2 and name.startswith(word)]  # noqa: PLR2004 - "mon" at least
    if names:
        ahead = (_DAYS.index(names[0]) - today.weekday()) % 7 or 7
        return today + timedelta(days=ahead)
    return datetime.fromisoformat(word).replace(tzinfo=UTC)
