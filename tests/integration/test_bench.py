"""`python -m bench` runs and prints well-formed lines. How fast anything is, is not a test's business."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.line import Line, percentile, spread

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> list[dict[str, Any]]:
    """The lines of a run in its smallest form."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, "--n", "3"],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_well_formed(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert "missing" not in line, line
        assert line["n"] > 0
        assert line["conditions"]["clock"]
        assert line["conditions"]["loadavg_1m"] >= 0
        for key, bound in line["target"].items():
            assert isinstance(line[key], int | float)
            assert line["met"] is not None
            assert bound > 0
        assert line["met"] == (all(line[k] <= b for k, b in line["target"].items()) if line["target"] else None)


@pytest.mark.slow
def test_slash_webhook_health_and_memory_are_measured() -> None:
    """One bot over Socket Mode gives every figure, baselines first, its memory before and after."""
    lines = run("slash", "webhook", "health", "diag", "memory")
    assert_well_formed(lines)
    assert [line["name"] for line in lines] == [
        "slash.socket.baseline.alone", "slash.socket.baseline.at_once",
        "memory.start",
        "slash.socket.help.alone", "slash.socket.help.at_once",
        "slash.socket.incidents.alone", "slash.socket.incidents.at_once",
        "webhook.answer", "webhook.card",
        "health.all_well", "health.one_slow", "health.script.all_well", "health.script.each_slow",
        "diag.burst", "diag.same",
        "memory.work",
    ]  # fmt: skip
    measured = {line["name"]: line for line in lines}
    assert measured["slash.socket.help.at_once"]["n"] == 3 * 50
    assert measured["health.one_slow"]["slowest_probe_p50_ms"] >= 2000
    assert measured["webhook.card"]["p50_ms"] > 0


@pytest.mark.slow
def test_http_mode_is_measured() -> None:
    """Signed requests over HTTP give the same four figures and their baseline."""
    lines = run("slash-http")
    assert_well_formed(lines)
    assert [line["name"].split(".")[1:] for line in lines] == [
        ["http", text, how] for text in ("baseline", "help", "incidents") for how in ("alone", "at_once")
    ]


@pytest.mark.slow
def test_starts_are_measured() -> None:
    """Both ways of starting are timed to readiness."""
    lines = run("start")
    assert_well_formed(lines)
    assert [line["name"] for line in lines] == ["start.running", "start.stopped"]
    assert all(line["min_ms"] > 0 for line in lines)


def test_a_bench_that_does_not_exist_is_an_error() -> None:
    """A mistyped name is refused with the names that there are."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "slahs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "slash-http" in done.stderr


def test_percentiles_are_by_nearest_rank() -> None:
    """The 99th percentile of a hundred is the second largest; of few, the largest."""
    assert percentile(range(1, 101), 99) == 99
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert spread([0.001, 0.002])["p50_ms"] == 1.0


@pytest.mark.parametrize(
    ("values", "missing", "met"),
    [({"p50_ms": 2.0}, "", True), ({"p50_ms": 2.1}, "", False), ({}, "it broke off", False)],
)
def test_a_target_is_met_only_by_a_figure(values: dict[str, float], missing: str, met: bool) -> None:
    """A bound is kept when the value is not above it; a missing figure never meets one."""
    assert json.loads(str(Line("x", 1, values, {"p50_ms": 2.0}, missing=missing)))["met"] is met


def test_a_baseline_has_no_verdict() -> None:
    """Without a target a line says neither met nor missed."""
    assert json.loads(str(Line("x", 1, {"p50_ms": 9.0})))["met"] is None
