"""The ladder: who is asked when nobody has acknowledged. Read from the runbook's contact table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook.model import Contact

PAGING = ("P0", "P1")  # runbook: "PagerDuty Integration: Enabled for P0/P1 alerts"; the rest only posts


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder."""

    role: str
    handle: str
    schedule: str
    wait: timedelta


def is_security(contact: Contact) -> bool:
    return "security" in contact.role.lower()


def ladder(contacts: Sequence[Contact]) -> tuple[Rung, ...]:
    """The rows that have a waiting time, soonest first; the security row answers to its own incidents."""
    rungs = (
        Rung(c.role, c.handle, c.schedule, c.wait)
        for c in contacts
        if c.wait is not None and not is_security(c)
    )
    return tuple(sorted(rungs, key=lambda rung: rung.wait))


def pages(severity: str) -> bool:
    """Whether an incident of this severity wakes people. Unknown does: when unsure, wake somebody."""
    return severity in PAGING or severity == ""


def due(rungs: Sequence[Rung], level: int, anchor: datetime) -> datetime | None:
    """When rung `level` is due, counted from `anchor` (the moment it became unacknowledged)."""
    return anchor + rungs[level].wait if 0 <= level < len(rungs) else None
