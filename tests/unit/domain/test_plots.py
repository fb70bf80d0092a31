"""What a plot shows, and its words."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.plots import (
    Line,
    Plot,
    Threshold,
    alt_text,
    in_short,
    lines_of,
    measured,
    of_baseline,
    quiet,
    split,
    window,
)
from runbook.model import BaselineRow, Bound

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "expr", "threshold"),
    [
        ("loki_ingestion_lag > 30", "loki_ingestion_lag", Threshold(">", 30)),
        ("a / b >= 1", "a / b", Threshold(">=", 1)),
        (
            "max_over_time(trading_sharpe_ratio[15m]) < 0",
            "max_over_time(trading_sharpe_ratio[15m])",
            Threshold("<", 0),
        ),
        ("max(backup_last_exit_code) != 0", "max(backup_last_exit_code)", Threshold("!=", 0)),
        ('up{job!="x"} == bool 1.5e1', 'up{job!="x"}', Threshold("==", 15)),
        ("max by (app) (increase(r[5m])) > 3", "max by (app) (increase(r[5m]))", Threshold(">", 3)),
        ("a / b * 100", "a / b * 100", None),
        ("a > 1 and b < 2", "a > 1 and b < 2", None),
        ("sum(a > 1)", "sum(a > 1)", None),
        ("a > b", "a > b", None),
    ],
)
def test_a_comparison_is_taken_off_a_query(query: str, expr: str, threshold: Threshold | None) -> None:
    """The alert's bound becomes a line; what is no single comparison with a number is drawn as it is."""
    assert split(query) == (expr, threshold)


def test_a_query_in_plain_words() -> None:
    """Functions and names as a person says them."""
    said = measured("max by (app) (increase(pm2_process_restarts[5m]))")
    assert said == "pm2 process restarts, added within 5 minutes"
    assert measured("database_connections_active / database_connections_max * 100").endswith("in per cent")


def test_a_bound_of_the_baseline_in_the_unit_of_its_query() -> None:
    """Prometheus counts in seconds, the table in milliseconds or per cent."""
    row = BaselineRow("p95", Bound("<", 500, "ms"), Bound(">", 1500, "ms"))
    assert of_baseline(row) == Threshold(">", 1.5)
    assert of_baseline(BaselineRow("CPU", Bound("<", 70, "%"), Bound(">", 85, "%"))) == Threshold(">", 85)


def test_the_window_shows_what_was_before() -> None:
    """At least an hour, the incident's beginning with three quarters of one before it, six hours at most."""
    begin, end, step = window(NOW, None)
    assert (end - begin, step) == (timedelta(hours=1), 15.0)
    assert window(NOW, NOW - timedelta(hours=2))[0] == NOW - timedelta(hours=2, minutes=45)
    assert window(NOW, NOW - timedelta(days=3))[0] == NOW - timedelta(hours=6)


def series(*values: float, **labels: str) -> dict[str, object]:
    return {"metric": labels, "values": [[NOW.timestamp() + 60 * i, str(v)] for i, v in enumerate(values)]}


def test_lines_are_named_by_what_differs_and_the_worst_come_first() -> None:
    """Common labels say nothing; of many series the ones nearest the alert are drawn, the rest counted."""
    result = [series(i, app=f"app-{i}", job="pm2") for i in range(9)]
    lines, left_out = lines_of(result, Threshold(">", 3))
    assert [line.name for line in lines] == [f"app-{i}" for i in (8, 7, 6, 5, 4, 3)]
    assert left_out == 3
    lowest, _ = lines_of(result, Threshold("<", 3))
    assert lowest[0].name == "app-0"


def test_what_is_no_number_is_left_out() -> None:
    """NaN and infinity of a division by zero are gaps, and a series of nothing else is none."""
    lines, _ = lines_of([series(float("nan"), 2.0, float("inf"))], None)
    assert [v for _, v in lines[0].points] == [2.0]
    assert lines_of([series(float("nan"))], None) == ((), 0)


def test_a_plot_in_words() -> None:
    """Lowest, highest and when, now, the alert's bound, since when it is in alarm, and the incident's beginning."""
    at = NOW.timestamp()
    line = Line("signal-worker", tuple((at + 60 * i, float(v)) for i, v in enumerate((0, 1, 2, 5, 8, 7))))
    plot = Plot("PM2", "restarts", (line,), at, at + 300, Threshold(">", 3), at + 240, 2)
    assert alt_text(plot) == (
        "Line chart of restarts, 12:00 to 12:05 UTC. signal-worker: lowest 0, highest 8 at 12:04, now 7, in alarm "
        "since 12:03. The line marks the alert above 3. The incident began at 12:04 UTC. 2 more series are not drawn."
    )
    assert Plot.from_json(plot.as_json()) == plot


def test_of_many_lines_the_calm_ones_need_no_names() -> None:
    """One app restarts, four do not: the four are one group, on the picture and in its words."""
    result = [series(0, 8, app="worker"), *(series(0, 0, app=f"app-{i}") for i in range(4))]
    lines, _ = lines_of(result, Threshold(">", 3))
    plot = Plot("PM2", "restarts", lines, NOW.timestamp(), NOW.timestamp() + 60, Threshold(">", 3))
    assert quiet(plot) == {f"app-{i}" for i in range(4)}
    assert "4 others stay at 0." in alt_text(plot)
    assert "app-1" not in alt_text(plot)
    assert in_short(plot) == "worker is at 8, in alarm since 12:01 (alert above 3). Times in UTC."
