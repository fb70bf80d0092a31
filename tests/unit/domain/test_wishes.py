"""What people type after an incident's number."""

from datetime import timedelta

import pytest

from bot.domain import wishes
from bot.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1800),
        ("30", 1800),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("7d", 604_800),
        ("1s", 1),
    ],
)
def test_lengths_of_time(text: str, seconds: int) -> None:
    """As people write them; a bare number is minutes."""
    assert wishes.snooze(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "0m", "8d", "30 parsecs", "-5m", "m"])
def test_what_is_no_length_of_time(text: str) -> None:
    """Said, with an example; PagerDuty's bounds too."""
    with pytest.raises(InputError, match="30m"):
        wishes.snooze(text)


@pytest.mark.parametrize(
    ("text", "who", "words"),
    [
        ("@sam", ("@sam",), ""),
        ("<@U0SRE|sam> please look", ("U0SRE",), "please look"),
        ("sam@x.example, @dana  now", ("sam@x.example", "@dana"), "now"),
        ("secondary the disk is full", ("secondary",), "the disk is full"),
        ("@sam @sam", ("@sam",), ""),
    ],
)
def test_people_and_what_is_said_to_them(text: str, who: tuple[str, ...], words: str) -> None:
    """Each person once; the rest is for them to read."""
    assert wishes.people(text) == (who, words)


def test_nobody_is_an_error() -> None:
    """With how to name somebody."""
    with pytest.raises(InputError, match="Say who"):
        wishes.people("  ")


def test_the_target_of_a_merge() -> None:
    """With or without "into"."""
    assert [wishes.target(t) for t in ("into 42", "42", "into #42", "INTO 42")] == [42] * 4
    with pytest.raises(InputError, match="into which"):
        wishes.target("somewhere")
