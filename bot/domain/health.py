"""What a probe found: a pure reading of a measured answer."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a system is, worst first in reports."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Reading:
    """One line of a health report."""

    system: str  # "Disk /var"
    status: Status
    value: str  # what was measured, for a person: "91 % used (4.1 GB free)"
    normal: str  # what is normal: "< 85 %"
    hint: str = ""  # what to do or where to look, when not ok
    took: float = 0.0  # seconds


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All readings of one `/ats health`, worst first."""

    readings: tuple[Reading, ...]
    took: float  # seconds, the whole

    @property
    def worst(self) -> Status:
        order = list(Status)
        return min((r.status for r in self.readings), key=order.index, default=Status.UNKNOWN)
