"""Which stretch of PagerDuty's log is read next. Pure: times in, times out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

OVERLAP: Final = timedelta(
    minutes=2
)  # read again each time: entries may be listed a little after they happened
FIRST: Final = timedelta(minutes=15)  # how far back a bot looks that has never looked before
WIDEST: Final = timedelta(hours=6)  # of one stretch
NARROWEST: Final = timedelta(seconds=1)
GAP: Final = timedelta(minutes=5)  # without a look; longer, and it is said that something may have been missed


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when."""

    since: datetime
    until: datetime

    def halved(self) -> "Stretch":
        """The first half: what has too many entries is read in parts. Never less than a second."""
        return Stretch(self.since, self.since + max((self.until - self.since) / 2, NARROWEST))

    @property
    def narrow(self) -> bool:
        return self.until - self.since <= NARROWEST


def next_stretch(cursor: datetime | None, now: datetime) -> Stretch:
    """From a little before where the last look ended."""
    since = (cursor or now - FIRST) - OVERLAP
    return Stretch(since, min(since + WIDEST, now))


def is_gap(cursor: datetime | None, now: datetime) -> bool:
    """Whether nobody has looked for so long that webhooks may have been given up."""
    return cursor is not None and now - cursor > GAP
