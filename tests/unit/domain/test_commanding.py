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
