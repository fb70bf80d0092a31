"""An incident's status from its events, whatever order they arrive in.

The status is that of the event with the latest time; of two at the same instant the further one
(triggered < acknowledged < resolved) counts. So any order of the same events ends in the same status.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.people import NOBODY, Who

_RANK = {"triggered": 0, "acknowledged": 1, "resolved": 2}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an incident stands, and since when."""

    status: str
    status_at: datetime
    triggered_at: datetime
    rearmed_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: Who = NOBODY
    resolved_at: datetime | None = None
    resolved_by: Who = NOBODY


def begin(status: str, at: datetime, *, created_at: datetime | None, by: Who) -> Progress:
    """The first that is heard of an incident, which need not be its beginning."""
    progress = Progress(status="triggered", status_at=created_at or at, triggered_at=created_at or at)
    return advance(progress, status, at, by=by)


def advance(progress: Progress, status: str, at: datetime, *, by: Who = NOBODY) -> Progress:
    """Apply one status event; an old one changes nothing but what was unknown."""
    newer = (at, _RANK[status]) > (progress.status_at, _RANK[progress.status])
    if status == "triggered":
        return _rearm(progress, at, newer=newer)
    if status == "acknowledged":
        progress = _acknowledge(progress, at, by)
    elif newer or progress.resolved_at is None:
        progress = replace(progress, resolved_at=at, resolved_by=by or progress.resolved_by)
    if not newer:
        return progress
    return replace(progress, status=status, status_at=at)


def _rearm(progress: Progress, at: datetime, *, newer: bool) -> Progress:
    if progress.rearmed_at is None or at > progress.rearmed_at:
        progress = replace(progress, rearmed_at=at)
    if newer:
        return replace(
            progress, status="triggered", status_at=at, acked_at=None, acked_by=NOBODY, resolved_at=None,
            resolved_by=NOBODY,
        )  # fmt: skip
    if progress.acked_at and progress.acked_at < at and progress.status == "acknowledged":
        return replace(progress, acked_at=progress.status_at)
    return progress


def _acknowledge(progress: Progress, at: datetime, by: Who) -> Progress:
    if progress.rearmed_at and at < progress.rearmed_at:
        return progress  # an acknowledgement that was taken back since
    if progress.acked_at is None or at < progress.acked_at:
        return replace(progress, acked_at=at, acked_by=by or progress.acked_by)
    return progress if progress.acked_by else replace(progress, acked_by=by)


def confirm(progress: Progress, status: str, at: datetime, *, by: Who) -> Progress:
    """Apply the answer to a REST call of ours, whose times are cut to whole seconds.

    An event in the same second may be later than the cut time says; so within that second the status may
    move forward but never back.
    """
    same_second = progress.status_at.replace(microsecond=0) == at.replace(microsecond=0)
    if same_second and _RANK[status] > _RANK[progress.status]:
        at = max(at, progress.status_at + timedelta(microseconds=1))
    return advance(progress, status, at, by=by)
