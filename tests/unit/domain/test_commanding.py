"""After somebody has it: when they are asked how it stands, and whose shift it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain import commanding
from bot.domain.people import Who

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
EVERY = {"P0": timedelta(minutes=30), "P1": timedelta(minutes=60)}


@pytest.mark.parametrize(
    ("severity", "last", "due"),
    [("P0", None, 30), ("P1", None, 60), ("P2", None, None), ("", None, None), ("P0", 10, 40), ("P0", -99, 30)],
)
def test_the_next_question_counts_from_the_last_word(severity: str, last: int | None, due: int | None) -> None:
    """Half an hour for a P0, an hour for a P1, never for the rest; counted from when it was taken at the earliest."""
    said = None if last is None else NOW + timedelta(minutes=last)
    expected = None if due is None else NOW + timedelta(minutes=due)
    assert commanding.next_update(severity, NOW, said, EVERY) == expected


@pytest.mark.parametrize(("stage", "days"), [(0, 1), (1, 3), (2, None), (-1, None)])
def test_the_postmortem_is_asked_for_after_a_day_and_after_three(stage: int, days: int | None) -> None:
    """Then no more."""
    expected = None if days is None else NOW + timedelta(days=days)
    assert commanding.next_review(stage, NOW, (timedelta(days=1), timedelta(days=3))) == expected


def row(role: str, pd_id: str = "", name: str = "") -> dict[str, Any]:
    return {"role": role, "pd_id": pd_id, "name": name} if pd_id else {"role": role}


def _at(minutes: int) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


@pytest.mark.parametrize(
    ("taken", "handed", "who"),
    [
        (0, [], "Dana"),
        (0, [("Sam", 5)], "Sam"),
        (0, [("Chris", 9), ("Sam", 5)], "Chris"),  # the last by time, in whatever order they are kept
        (7, [("Sam", 5)], "Dana"),  # taken back and given again since
        (7, [("Sam", 5), ("Chris", 7)], "Chris"),
        (None, [("Sam", 5)], "Dana"),  # resolved without having been taken
    ],
)
def test_command_is_with_whom_it_was_handed_to_since_it_was_taken(
    taken: int | None, handed: list[tuple[str, int]], who: str
) -> None:
    """By time: a hand-over counts for the acknowledgement that it followed."""
    kept = [{"at": _at(minutes), "to": {"name": name}} for name, minutes in handed]
    taken_at = None if taken is None else NOW + timedelta(minutes=taken)
    assert commanding.in_command(taken_at, Who(name="Dana"), kept).name == who


@pytest.mark.parametrize(("taken", "asked", "due"), [(0, None, 30), (0, (30, 60), 60), (40, (30, 60), 30)])
def test_who_was_asked_is_not_asked_again_by_late_news(
    taken: int, asked: tuple[int, int] | None, due: int
) -> None:
    """What was asked or put off since it was taken holds; what came before belongs to somebody else's turn."""
    kept = {} if asked is None else {"at": _at(asked[0]), "until": _at(asked[1])}
    found = commanding.not_before(NOW + timedelta(minutes=30), NOW + timedelta(minutes=taken), kept)
    assert found == NOW + timedelta(minutes=due)


DANA, SAM = row("Primary", "PD", "Dana"), row("Primary", "PS", "Sam")


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        ([DANA], [DANA], []),
        ([DANA], [SAM], [("Primary", ["Dana"], ["Sam"])]),
        ([DANA], [row("Primary")], [("Primary", ["Dana"], [])]),
        ([row("Primary")], [SAM], [("Primary", [], ["Sam"])]),
        ([], [SAM], []),
        ([DANA, SAM], [SAM, DANA], []),
        ([DANA], [DANA, SAM], [("Primary", ["Dana"], ["Dana", "Sam"])]),
        ([DANA], [DANA, row("New role", "PX", "Xu")], []),
    ],
)
def test_whose_shift_it_is(
    before: list[dict[str, Any]], now: list[dict[str, Any]], changes: list[tuple[str, list[str], list[str]]]
) -> None:
    """Who went and who came, for each role that was known before; order and new rows are no change."""

    def names(people: tuple[Who, ...]) -> list[str]:
        return [who.name for who in people]

    found = [(s.role, names(s.before), names(s.now)) for s in commanding.shifts(before, now)]
    assert found == changes
