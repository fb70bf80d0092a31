import pytest

from bot.domain.health import Status
from bot.probes import baseline
from runbook.model import BaselineRow, Bound

TABLE = (
    BaselineRow("CPU Usage", Bound("<", 70, "%"), Bound(">", 85, "%"), 355),
    BaselineRow("API Response  Time (p95)", Bound("<", 500, "ms"), Bound(">", 2, "s"), 358),
    BaselineRow("Database Connections", Bound("<", 80, "%", "max"), Bound(">", 90, "%", "max"), 359),
    BaselineRow("Queue", Bound("<=", 10, ""), Bound(">=", 20, ""), 360),
)


@pytest.mark.parametrize(
    ("measured", "status"),
    [(0, "ok"), (69.9, "ok"), (70, "warning"), (85, "warning"), (85.1, "critical"), (100, "critical")],
)
def test_percentages(measured: float, status: str) -> None:
    """Within normal is ok, beyond alert critical, between them a warning; the bounds are as the table writes them."""
    verdict = baseline.percent("cpu usage", measured, TABLE, (1, 2))
    assert verdict == baseline.Verdict(Status(status), "< 70 %", "> 85 %", "the runbook's baseline")


@pytest.mark.parametrize(
    ("seconds", "status"), [(0.4, "ok"), (0.5, "warning"), (2.0, "warning"), (2.5, "critical")]
)
def test_durations_in_mixed_units(seconds: float, status: str) -> None:
    """Each bound is compared in its own unit: 500ms and 2s in one row."""
    verdict = baseline.duration("API Response Time (p95)", seconds, TABLE, (1, 2))
    assert verdict == baseline.Verdict(Status(status), "< 500 ms", "> 2 s", "the runbook's baseline")


def test_a_share_of_something_is_said() -> None:
    """ "80% of max" is shown as that."""
    assert baseline.percent("Database Connections", 1, TABLE, (1, 2)).normal == "< 80 % of max"


def test_inclusive_bounds() -> None:
    """<= and >= are taken at their word."""
    states = [baseline.percent("Queue", n, TABLE, (1, 2)).status for n in (10, 11, 20)]
    assert states == [Status.OK, Status.WARNING, Status.CRITICAL]


def test_without_a_row_usual_values_serve_and_it_is_said() -> None:
    """A metric that the table lacks is still judged, and the report says that the table lacks it."""
    verdict = baseline.percent("Disk Usage", 86, TABLE, (85, 90))
    assert verdict == baseline.Verdict(Status.WARNING, "< 85 %", "> 90 %", baseline.DEFAULT)
    assert "the runbook's baseline has no such row" in baseline.DEFAULT
    assert baseline.duration("Other", 3, (), (0.5, 2.0)).status is Status.CRITICAL
