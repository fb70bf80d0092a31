"""The clock: steady whatever the machine's does."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import STEP, Steady, utcnow

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


class Machine:
    """A machine whose clock can be set."""

    def __init__(self) -> None:
        self.passed, self.set_by = 100.0, timedelta()
        self.clock = Steady(self.wall, lambda: self.passed)

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.passed - 100) + self.set_by


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_moves_nothing(hours: int) -> None:
    """An hour back or forth: time goes on as it went, and the step is known."""
    machine = Machine()
    machine.passed += 60
    machine.set_by = timedelta(hours=hours)
    assert machine.clock.now() == START + timedelta(seconds=60)
    assert machine.clock.step == timedelta(hours=hours)
    machine.passed += 900
    assert machine.clock.now() == START + timedelta(seconds=960)


def test_small_steps_are_followed() -> None:
    """What NTP does is no step: the wall clock is right."""
    machine = Machine()
    machine.set_by = STEP - timedelta(seconds=1)
    assert machine.clock.now() == machine.wall()
    machine.set_by += STEP - timedelta(seconds=1)
    assert machine.clock.now() == machine.wall()


def test_a_clock_that_is_set_back_again_is_followed_again() -> None:
    """The step was a mistake: afterwards both agree."""
    machine = Machine()
    machine.set_by = timedelta(hours=1)
    machine.clock.now()
    machine.set_by = timedelta()
    machine.passed += 5
    assert machine.clock.now() == machine.wall()
    assert not machine.clock.step


def test_the_time_is_aware_of_its_zone() -> None:
    """UTC, whatever the machine's time zone."""
    assert utcnow().utcoffset() == timedelta()
