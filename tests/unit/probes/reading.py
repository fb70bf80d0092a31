"""Reading a measured answer as the probes' runner does: with the probe's options, those of the test before them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.health import Reading, Sample, Status
from bot.probes import PROBES, Context
from runbook.model import BaselineRow, Bound

NOW = datetime(2026, 11, 27, 3, 20, tzinfo=UTC)
TABLE = (
    BaselineRow("CPU Usage", Bound("<", 70, "%"), Bound(">", 85, "%"), 1),
    BaselineRow("Memory Usage", Bound("<", 85, "%"), Bound(">", 90, "%"), 1),
    BaselineRow("Disk Usage", Bound("<", 85, "%"), Bound(">", 90, "%"), 1),
    BaselineRow("API Response Time (p95)", Bound("<", 500, "ms"), Bound(">", 2, "s"), 1),
    BaselineRow("Database Connections", Bound("<", 80, "%", "max"), Bound(">", 90, "%", "max"), 1),
)


def read(
    name: str,
    measured: object,
    *,
    history: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    **options: Any,
) -> tuple[Reading, ...]:
    """The readings of a measured answer; history as (minutes ago, value)."""
    probe = PROBES[name]
    kept = {
        key: [Sample(NOW - timedelta(minutes=ago), value) for ago, value in looks]
        for key, looks in (history or {}).items()
    }
    readings = probe.read(measured, Context(TABLE, NOW, kept, options={**probe.options, **options}))
    for reading in readings:
        assert reading.normal
        assert reading.source
        assert reading.status is Status.OK or reading.hint or reading.absent or reading.status is Status.UNKNOWN
    return readings


def told(readings: Sequence[Reading]) -> list[tuple[str, str, str]]:
    """System, status, value."""
    return [(r.system, str(r.status), r.value) for r in readings]
