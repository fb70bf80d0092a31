"""A moment as people type it."""

from datetime import UTC, datetime

import pytest

from bot.domain import moments
from bot.errors import InputError

NOW = datetime(2026, 11, 27, 13, 30, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("text", "day", "hour", "minute"),
    [
        ("18:00", 27, 18, 0), ("at 9:15", 28, 9, 15), ("tomorrow 9", 28, 9, 0), ("today 9:00", 27, 9, 0),
        ("monday 09:00", 30, 9, 0), ("fri 9:00", 4, 9, 0), ("2026-12-24 18:30", 24, 18, 30), ("in 3h", 27, 16, 30),
        ("18:00 UTC", 27, 18, 0),
    ],
)  # fmt: skip
def test_moments(text: str, day: int, hour: int, minute: int) -> None:
    """The next such moment, in UTC."""
    at = moments.read(text, NOW)
    assert (at.day, at.hour, at.minute, at.tzinfo) == (day, hour, minute, UTC)


@pytest.mark.parametrize("text", ["soon", "25:00", "9:75", "2026-13-01 9:00", "tuesdays 9:00", "in a while"])
def test_what_is_no_moment(text: str) -> None:
    """Said, with examples."""
    with pytest.raises(InputError, match="Type it as"):
        moments.read(text, NOW)
