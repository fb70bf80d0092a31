"""Judging a measured value by the runbook's baseline table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.health import Status
from bot.probes.judging import Bounds
from runbook.model import BaselineRow, Bound

SOURCE = "the runbook's baseline"
DEFAULT = "usual value (the runbook's baseline has no such row)"
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a value stands, what would be normal and what is critical as the table says it, and whose word that is."""

    status: Status
    normal: str
    threshold: str
    source: str

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.normal, self.threshold, self.source)


def percent(
    metric: str, measured: float, baseline: Sequence[BaselineRow], default: tuple[float, float]
) -> Verdict:
    """Judge a percentage; `default` (normal below, alert above) serves when the table has no such row."""
    normal, alert = default
    row = _row(metric, baseline) or _default(metric, Bound("<", normal, "%"), Bound(">", alert, "%"))
    return _judge(row, measured, measured)


def duration(
    metric: str, seconds: float, baseline: Sequence[BaselineRow], default: tuple[float, float]
) -> Verdict:
    """Judge a time in seconds, in whatever unit each bound is written."""
    normal, alert = default
    row = _row(metric, baseline) or _default(metric, Bound("<", normal, "s"), Bound(">", alert, "s"))
    return _judge(row, _in_unit(seconds, row.normal.unit), _in_unit(seconds, row.alert.unit))


def _judge(row: BaselineRow, for_normal: float, for_alert: float) -> Verdict:
    if row.alert.holds(for_alert):
        status = Status.CRITICAL
    elif not row.normal.holds(for_normal):
        status = Status.WARNING
    else:
        status = Status.OK
    return Verdict(status, wording(row.normal), wording(row.alert), SOURCE if row.line >= 0 else DEFAULT)


def wording(bound: Bound) -> str:
    """A bound for people: "< 85 %", "< 500 ms", "< 80 % of max"."""
    of = f" of {bound.of}" if bound.of else ""
    return f"{bound.op} {bound.value:g} {bound.unit}".rstrip() + of


def _row(metric: str, baseline: Sequence[BaselineRow]) -> BaselineRow | None:
    wanted = _name(metric)
    return next((row for row in baseline if _name(row.metric) == wanted), None)


def _default(metric: str, normal: Bound, alert: Bound) -> BaselineRow:
    return BaselineRow(metric, normal, alert, line=-1)


def _name(metric: str) -> str:
    return " ".join(metric.split()).casefold()


def _in_unit(seconds: float, unit: str) -> float:
    return seconds / _SECONDS.get(unit.strip().casefold(), 1.0)
