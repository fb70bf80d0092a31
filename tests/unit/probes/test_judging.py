from datetime import timedelta

import pytest

from bot.domain.health import HealthReport, Reading, Sample, Status, figures
from bot.probes import Context
from bot.probes.history import Change, since
from bot.probes.judging import Bounds, Finding, above, below, line, named, plural, size, span
from tests.unit.probes.reading import NOW


def test_the_worst_finding_leads() -> None:
    """A line has the worst status, the worst words first, and the hint of the worst that has one."""
    findings = [
        Finding(Status.OK, "fine", "never shown"),
        Finding(Status.WARNING, "odd", "look"),
        Finding(Status.CRITICAL, "dead"),
        Finding(Status.UNKNOWN, "who knows", "ask"),
    ]
    reading = line("X", findings, Bounds("n", "t", "s"), number=1.0, unit="%")
    assert (reading.status, reading.value, reading.hint) == (
        Status.CRITICAL,
        "dead; odd; who knows; fine",
        "look",
    )
    assert (reading.normal, reading.threshold, reading.source) == ("n", "t", "s")
    assert line("X", findings[:1], Bounds("n", "t")).hint == ""


@pytest.mark.parametrize(
    ("value", "high", "low"),
    [(0, "ok", "critical"), (9, "ok", "critical"), (10, "ok", "warning"), (11, "warning", "warning"),
     (20, "warning", "ok"), (21, "critical", "ok")],
)  # fmt: skip
def test_bounds_are_the_last_values_allowed(value: float, high: str, low: str) -> None:
    """Exactly at a bound is still on the better side of it, for what is bad when high and for what is bad when low."""
    assert (above(value, 10, 20), below(value, 20, 10)) == (Status(high), Status(low))


def test_words_for_amounts() -> None:
    """Times, sizes and counts read as a person would say them."""
    assert [span(s) for s in (0.02, 1, 119, 120, 7199, 7200, 172_800)] == [
        "20 ms", "1 s", "119 s", "2 min", "120 min", "2.0 h", "2 days",
    ]  # fmt: skip
    assert [size(n) for n in (0, 1023, 2048, 5 * 1024**2, 1.5 * 1024**3, 1024**4)] == [
        "0 bytes", "1023 bytes", "2 KB", "5.0 MB", "1.5 GB", "1.0 TB",
    ]  # fmt: skip
    assert (plural(1, "entry", "entries"), plural(1200, "restart")) == ("1 entry", "1,200 restarts")
    assert named([str(n) for n in range(8)]) == ["0", "1", "2", "3", "4", "3 more"]


@pytest.mark.parametrize(
    ("looks", "value", "expected"),
    [
        ([], 7, None),
        ([(2, 4)], 7, Change(3, 120)),
        ([(4, 4), (2, 6)], 7, Change(3, 240)),
        ([(9, 1), (6, 3), (2, 6)], 7, Change(4, 360)),
        ([(16, 1)], 7, None),
        ([(4, 16), (2, 0)], 2, Change(2, 240, fell=True)),
        ([(2, 7)], 7, Change(0, 120)),
        ([(2, 7)], 3, Change(3, 120, fell=True)),
        ([(-1, 7)], 7, None),
    ],
    ids=[
        "never",
        "once",
        "in the window",
        "the look before it",
        "stale",
        "fell",
        "still",
        "fell now",
        "future",
    ],
)
def test_counters_in_a_window(looks: list[tuple[float, float]], value: float, expected: Change | None) -> None:
    """A rise is counted from the last look before the window; a counter that falls was started anew, at zero."""
    kept = {"k": [Sample(NOW - timedelta(minutes=ago), v) for ago, v in looks]}
    assert since(Context(now=NOW, history=kept), "k", value, timedelta(minutes=5)) == expected


def test_figures_are_kept_by_their_keys() -> None:
    """What is measured is handed on for trends: each line's own number, and the further ones that it names."""
    readings = [
        Reading("A", Status.OK, "", "", number=1.5),
        Reading("B", Status.OK, "", "", figures=(("B x", 2.0), ("B y", 3.0))),
    ]
    assert figures(readings) == {"A": 1.5, "B x": 2.0, "B y": 3.0}


def test_what_is_absent_is_no_alarm() -> None:
    """The worst of a report is that of the systems that are there."""
    gone, well = Reading("A", Status.UNKNOWN, "", "", absent=True), Reading("B", Status.OK, "", "")
    assert HealthReport((gone, well), 1.0).worst is Status.OK
    assert HealthReport((gone,), 1.0).worst is Status.UNKNOWN
