"""What a probe found: a pure reading of a measured answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """How a system is, worst first in reports."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure that was measured before."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One line of a health report."""

    system: str  # "Disk /var"
    status: Status
    value: str  # what was measured, for a person: "91 % used (4.1 GB free)"
    normal: str  # what is normal: "< 85 %"
    hint: str = ""  # what to do or where to look, when not ok
    took: float = 0.0  # seconds
    number: float | None = None  # the figure of `value`, kept under `system` for trends
    unit: str = ""  # of `number`: "%", "s", "ms", "bytes", "" for a count
    threshold: str = ""  # where it becomes serious: "> 90 %"
    source: str = ""  # where the bounds come from: "runbook baseline", "usual value", "Redis's own word"
    figures: tuple[tuple[str, float], ...] = ()  # further ones to be kept, each with its key
    absent: bool = (
        False  # plainly not there (not installed, not configured): no alarm, and worth no line of its own
    )


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All readings of one `/ats health`, worst first."""

    readings: tuple[Reading, ...]
    took: float  # seconds, the whole

    @property
    def worst(self) -> Status:
        """That of the systems that are there."""
        return min(
            (r.status for r in self.readings if not r.absent), key=list(Status).index, default=Status.UNKNOWN
        )


def figures(readings: Iterable[Reading]) -> dict[str, float]:
    """Everything to be kept of these readings, so that the next look can tell what has changed."""
    kept: dict[str, float] = {}
    for reading in readings:
        if reading.number is not None:
            kept[reading.system] = reading.number
        kept.update(reading.figures)
    return kept
