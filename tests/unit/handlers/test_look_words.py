"""What can be typed after `/ats health`."""

from datetime import timedelta

import pytest

from handlers.look_words import HealthWords, health_words

TEN = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", HealthWords()),
        ("redis", HealthWords("redis")),
        ("--watch 10m", HealthWords("", TEN)),
        ("—watch 10m", HealthWords("", TEN)),
        ("disk --watch", HealthWords("disk", TEN)),
        ("--watch 90s disk", HealthWords("disk", timedelta(seconds=90))),
        ("trading api --watch=1h", HealthWords("trading api", timedelta(hours=1))),
    ],
)
def test_a_system_and_a_time(typed: str, meant: HealthWords) -> None:
    """In either order, also with the dash that a phone makes of two hyphens."""
    assert health_words(typed) == meant


@pytest.mark.parametrize("typed", ["--watch 9h", "--watch 0m", "--wtach 10m"])
def test_what_cannot_be_is_told(typed: str) -> None:
    """A time that is too long, none, or an option that there is not."""
    assert health_words(typed).problem
