from datetime import UTC, datetime, timedelta

import pytest

from sandbox.platform.track import Track, constant, counting, growing, ramp, steady

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_value_before_the_beginning_is_the_first_curves() -> None:
    """A range query that reaches further back than the sandbox's start gets values, not an error."""
    assert Track(constant(7), start=START).at(after(-3600)) == 7


def test_each_curve_holds_until_the_next() -> None:
    """History stays as it was when the value changes."""
    track = Track(constant(1), start=START)
    track.set(after(60), constant(2))
    track.set(after(120), constant(3))
    assert [track.at(after(s)) for s in (0, 59, 60, 119, 120, 500)] == [1, 1, 2, 2, 3, 3]


def test_a_backdated_change_replaces_what_came_after_it() -> None:
    """A trouble that began five minutes ago wipes the good minutes since."""
    track = Track(constant(1), start=START)
    track.set(after(100), constant(2))
    track.set(after(50), constant(9))
    assert [track.at(after(s)) for s in (49, 50, 100, 200)] == [1, 9, 9, 9]


def test_a_change_older_than_the_series_keeps_one_past_value() -> None:
    """Backdating before the start does not lose the series."""
    track = Track(constant(1), start=START)
    track.set(after(-10), constant(5))
    assert track.at(after(-11)) == 1
    assert track.at(after(0)) == 5


@pytest.mark.parametrize(
    ("curve", "elapsed", "value"),
    [
        (counting(3, 40), 0, 3),
        (counting(3, 40), 39, 3),
        (counting(3, 40), 80, 5),
        (growing(2, 0.5), 10, 7),
        (growing(2, 0.5, most=6), 10, 6),
        (ramp(0, 10, 100), 50, 5),
        (ramp(0, 10, 100), 300, 10),
    ],
)
def test_curves(curve: object, elapsed: float, value: float) -> None:
    """Counters count whole steps, growth stops at its limit, a ramp ends at its end."""
    assert callable(curve)
    assert curve(START.timestamp() + elapsed, elapsed) == pytest.approx(value)


def test_steady_breathes_within_its_wobble_and_the_same_for_all() -> None:
    """Two people who ask about one moment see one value."""
    curve = steady(100, 5)
    values = [curve(t, 0) for t in range(0, 5000, 7)]
    assert values == [curve(t, 99) for t in range(0, 5000, 7)]
    assert 95 <= min(values) < max(values) <= 105
