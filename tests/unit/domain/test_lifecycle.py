"""The status of an incident from its events."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.lifecycle import Progress, advance, begin, confirm
from bot.domain.people import NOBODY, Who

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DANA, SAM = Who(pd_id="PDANA", name="Dana"), Who(pd_id="PSAM", name="Sam")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def triggered() -> Progress:
    return begin("triggered", START, created_at=START, by=NOBODY)


def test_the_newest_event_decides() -> None:
    """Acknowledged then resolved is resolved, with both moments and people."""
    done = advance(advance(triggered(), "acknowledged", at(60), by=DANA), "resolved", at(120), by=SAM)
    assert (done.status, done.acked_at, done.acked_by) == ("resolved", at(60), DANA)
    assert (done.resolved_at, done.resolved_by) == (at(120), SAM)


def test_a_late_event_fills_in_what_was_unknown_and_moves_nothing_back() -> None:
    """An acknowledgement that arrives after the resolution keeps its moment; the status stays."""
    done = advance(advance(triggered(), "resolved", at(120), by=SAM), "acknowledged", at(60), by=DANA)
    assert (done.status, done.acked_at, done.acked_by) == ("resolved", at(60), DANA)


def test_taking_back_forgets_the_acknowledgement() -> None:
    """Un-acknowledged means nobody has it."""
    back = advance(advance(triggered(), "acknowledged", at(60), by=DANA), "triggered", at(90))
    assert (back.status, back.acked_at, back.acked_by, back.rearmed_at) == ("triggered", None, NOBODY, at(90))


def test_an_acknowledgement_older_than_its_taking_back_does_not_count() -> None:
    """Order of arrival is not order of time."""
    back = advance(advance(triggered(), "triggered", at(90)), "acknowledged", at(60), by=DANA)
    assert (back.status, back.acked_at) == ("triggered", None)


events = st.lists(
    st.tuples(st.sampled_from(["triggered", "acknowledged", "resolved"]), st.integers(1, 6)),
    min_size=1,
    max_size=6,
)


@given(events, st.randoms(use_true_random=False))
def test_any_order_of_the_same_events_ends_in_the_same_status(
    happened: list[tuple[str, int]], chance: object
) -> None:
    """Shuffled and repeated, the history ends as it does in order."""
    ordered = triggered()
    for status, second in sorted(happened, key=lambda e: e[1]):
        ordered = advance(ordered, status, at(second))
    shuffled = [*happened, *happened]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    mixed = triggered()
    for status, second in shuffled:
        mixed = advance(mixed, status, at(second))
    assert (mixed.status, mixed.status_at) == (ordered.status, ordered.status_at)
    if mixed.status == "acknowledged":
        assert mixed.acked_at is not None
    if mixed.status == "triggered":
        assert mixed.acked_at is None


@given(events)
def test_time_never_runs_backwards(happened: list[tuple[str, int]]) -> None:
    """Whatever arrives, the moment of the status never moves back."""
    progress = triggered()
    for status, second in happened:
        after = advance(progress, status, at(second))
        assert after.status_at >= progress.status_at
        progress = after


@pytest.mark.parametrize(
    ("known", "answer", "expected"),
    [
        ("triggered", "acknowledged", "acknowledged"),
        ("acknowledged", "resolved", "resolved"),
        ("resolved", "acknowledged", "resolved"),
    ],
)
def test_an_answer_cut_to_whole_seconds_moves_forward_only(known: str, answer: str, expected: str) -> None:
    """REST times have no fraction: within the same second the status may go forward, never back."""
    begun = Progress(status=known, status_at=at(5.9), triggered_at=START)
    assert confirm(begun, answer, at(5), by=DANA).status == expected
