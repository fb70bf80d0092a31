"""Wall time that nobody sets. Application time (which drills and the demo move forward) comes from `bot.store.Tx.now`.

A machine's clock may be set while the bot runs: an hour back, and every reminder would come an hour late; an hour
forth, and everybody would be woken at once. So the time goes on by the clock that counts since the machine was
started, and follows the wall clock only in small steps (NTP). A larger step is alarmed in the channel, and taken
over by a restart.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

STEP: Final = timedelta(seconds=30)  # by which the wall clock may differ before it counts as set
# It counts while the machine sleeps, too, where there is such a clock.
_SINCE_BOOT: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Steady:
    """The wall clock without its steps."""

    def __init__(self, wall: Callable[[], datetime], passed: Callable[[], float]) -> None:
        self._wall, self._passed = wall, passed
        self._at, self._mark = wall(), passed()
        self.step = timedelta()  # by how much the wall clock differs, if it was set

    def now(self) -> datetime:
        """Never jumps: the wall clock while it is near, else what has passed since it was."""
        wall, passed = self._wall(), self._passed()
        steady = self._at + timedelta(seconds=passed - self._mark)
        if abs(wall - steady) < STEP:
            self._at, self._mark, self.step = wall, passed, timedelta()
            return wall
        self.step = wall - steady
        return steady


_steady = Steady(lambda: datetime.now(UTC), lambda: time.clock_gettime(_SINCE_BOOT))


def utcnow() -> datetime:
    """The real time, timezone-aware UTC."""
    return _steady.now()


def step() -> timedelta:
    """By how much the machine's clock was set since the start; zero if it was not."""
    return _steady.step
