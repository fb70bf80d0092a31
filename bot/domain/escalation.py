"""The ladder: who is asked when nobody has acknowledged, and when. Read from the runbook's contact table.

Pure: where a ladder stands is a value (`Standing`), the time is an argument, and what is due is an answer.
Rungs are told apart by their schedule, not by their place, so that a runbook which is edited meanwhile neither
asks anybody twice nor leaves anybody out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.people import Who
from bot.domain.storms import MOST
from runbook.model import Contact, Entry

PAGING = ("P0", "P1")  # runbook: "PagerDuty Integration: Enabled for P0/P1 alerts"; the rest only posts
LATE = timedelta(seconds=60)  # a reminder that is later than this says so, and is alarmed
_SECURITY = re.compile(r"\bsecurity\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Timing:
    """What can be set about reminders."""

    again: timedelta = timedelta(minutes=15)  # after the last rung, for as long as nobody answers
    updates: Mapping[str, timedelta] = field(
        default_factory=lambda: {"P0": timedelta(minutes=30), "P1": timedelta(minutes=60)}
    )
    postmortem: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=3))  # after the resolution
    responders: bool = True  # ask PagerDuty for a responder at each rung
    cards_of_a_kind: int = MOST  # incidents of one kind at once that have a card each; more are a storm


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder."""

    role: str
    handle: str
    schedule: str
    wait: timedelta

    @property
    def key(self) -> str:
        """By what a rung is known again, wherever it stands."""
        return self.schedule or self.role


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a ladder has been climbed since it was armed."""

    anchor: datetime  # the moment it became unacknowledged
    fired: tuple[str, ...] = ()  # keys of the rungs that were asked
    last: datetime | None = None  # when somebody was asked last


@dataclass(frozen=True, slots=True)
class Ask:
    """A rung that is to be asked now."""

    rung: Rung
    due: datetime  # by the table; later than now if the rung before it has nobody


@dataclass(frozen=True, slots=True)
class Batch:
    """What is due now: rungs in their order, or everybody again."""

    asks: tuple[Ask, ...] = ()
    again: bool = False

    def __bool__(self) -> bool:
        return bool(self.asks) or self.again


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is asked for a rung; `note` says what is wrong; `empty`: nobody is on call, at most a group is named."""

    people: tuple[Who, ...] = ()
    note: str = ""
    empty: bool = False


def is_security(contact: Contact) -> bool:
    return contact.kind == "security" or "security" in contact.role.lower()


def concerns_security(service: str, entry: Entry | None, details: Mapping[str, object] | None = None) -> bool:
    """Whether an incident is the security team's too: by its service, its runbook section, or as it was declared."""
    if str((details or {}).get("kind") or "").casefold() == "security":
        return True
    sections = (*entry.path, entry.title) if entry else ()
    return any(_SECURITY.search(text) for text in (service, *sections))


def ladder(contacts: Sequence[Contact], *, security: bool = False) -> tuple[Rung, ...]:
    """The rows that have a waiting time, soonest first; the security row is asked in security incidents only."""
    rungs = [
        Rung(c.role, c.handle, c.schedule, c.wait)
        for c in contacts
        if c.wait is not None and not is_security(c)
    ]
    if security:  # at once unless the table says otherwise
        rungs += [
            Rung(c.role, c.handle, c.schedule, c.wait or c.stated_wait or timedelta())
            for c in contacts
            if is_security(c)
        ]
    return tuple(sorted(rungs, key=lambda rung: rung.wait))


def pages(severity: str) -> bool:
    """Whether an incident of this severity wakes people. Unknown does: when unsure, wake somebody."""
    return severity in PAGING or severity == ""


def next_due(rungs: Sequence[Rung], standing: Standing, again: timedelta) -> tuple[datetime, Rung | None]:
    """When somebody is asked next: the first rung that was not, or (None) everybody once more."""
    for rung in rungs:
        if rung.key not in standing.fired:
            return standing.anchor + rung.wait, rung
    return (standing.last or standing.anchor) + again, None


def due(
    rungs: Sequence[Rung],
    standing: Standing,
    now: datetime,
    *,
    again: timedelta,
    nobody: Callable[[Rung], bool] = lambda _: False,
) -> Batch:
    """What is due at `now`: each overdue rung once, in order; after one that has nobody, the next at once."""
    asks: list[Ask] = []
    for rung in (r for r in rungs if r.key not in standing.fired):
        at = standing.anchor + rung.wait
        if at > now and not (asks and nobody(asks[-1].rung)):
            break
        asks.append(Ask(rung, at))
    if asks:
        return Batch(tuple(asks))
    at, rung_left = next_due(rungs, standing, again)
    return Batch(again=rung_left is None and at <= now)


def after(standing: Standing, batch: Batch, now: datetime) -> Standing:
    """Where the ladder stands once a batch was asked."""
    return Standing(standing.anchor, (*standing.fired, *(a.rung.key for a in batch.asks)), now)


def lateness(due: datetime, now: datetime, excused: tuple[datetime, datetime] | None) -> timedelta:
    """How late something is that was due; what the clock was moved over while we were at work is no lateness of ours.

    `excused` is that stretch of application time, if a drill or the demo moved the clock since the last look.
    """
    if excused is not None and excused[0] < due <= excused[1]:
        due = excused[1]
    return max(now - due, timedelta())
