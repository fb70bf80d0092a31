"""The shipped runbook's queries for plots on a real Prometheus, with an hour of figures in it (S38)."""

import json
import struct
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.compile_child import compile_here
from bot.domain import plots as pure
from bot.domain.plots import Plot
from bot.domain.questions import question
from bot.jobs import plots
from bot.jobs.examine import known
from bot.plots.child import Plotter
from runbook import shipped_path
from tests.rig import Rig, eventually
from tests.systems.conftest import TargetOf
from tests.systems.daemon import Place
from tests.systems.servers import monitoring
from tests.systems.servers.monitoring import Server

STEP, MINUTES, TROUBLE = 15, 75, 20  # seconds between figures; minutes of them; of which the last ones are bad

# What each metric of the runbook is when all is well, and in trouble: (labels, well, in trouble).
FIGURES: dict[str, list[tuple[dict[str, str], float, float]]] = {
    "database_connections_active": [({}, 31, 100)],
    "database_connections_max": [({}, 100, 100)],
    "loki_ingestion_lag": [({}, 1.5, 64)],
    "trading_sharpe_ratio": [({}, 1.4, -0.4)],
    "equity_curve_drawdown": [({}, 1.9, 7.2)],
    "http_request_duration_p95": [({}, 0.18, 2.7)],
    "backup_last_exit_code": [({"store": "postgres"}, 0, 1), ({"store": "redis"}, 0, 0)],
    "host_cpu_usage_percent": [({}, 34, 93)],
    "host_memory_usage_percent": [({}, 61, 94)],
    "host_disk_usage_percent": [({"mountpoint": "/"}, 55, 92), ({"mountpoint": "/var"}, 20, 20)],
}
# Counters: how many more each minute.
COUNTERS: dict[str, list[tuple[dict[str, str], float, float]]] = {
    "pm2_process_restarts": [({"app": "signal-worker"}, 0, 2), ({"app": "trading-api"}, 0, 0)],
    "rate_gate_backoff_count": [({"provider": "alphavantage"}, 1, 24), ({"provider": "finnhub"}, 1, 1)],
}
ALERTS = {
    "pm2 high restart rate": "signal-worker",
    "database connection pool exhausted": "",
    "rate gate api exhaustion": "",
    "loki ingestion lag": "",
    "negative sharpe ratio": "",
    "high api latency": "",
    "backup failure": "",
}


def history(now: datetime) -> str:
    """All of it in OpenMetrics' text format, as `promtool` takes it."""
    first = now - timedelta(minutes=MINUTES)
    rows: list[str] = []
    for name, series in {**FIGURES, **COUNTERS}.items():
        rows.append(f"# TYPE {name} gauge")
        for labels, well, ill in series:
            shown = ",".join(f'{k}="{v}"' for k, v in labels.items())
            total = 0.0
            for n in range(MINUTES * 60 // STEP):
                bad = n * STEP >= (MINUTES - TROUBLE) * 60
                total += (ill if bad else well) * STEP / 60
                value = total if name in COUNTERS else ill if bad else well
                rows.append(f"{name}{{{shown}}} {value:g} {first.timestamp() + n * STEP:.3f}")
    return "\n".join([*rows, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(place: Place) -> Iterator[Server]:
    """Nothing is scraped: what it knows was there before it started."""
    server = monitoring.prometheus(place, {}, history=history(datetime.now(UTC)))
    yield server
    server.daemon.kill()


@pytest.fixture(scope="module")
def plan() -> Any:
    return compile_here(shipped_path())


async def fetched(target: TargetOf, server: Server, plan: Any, words: str) -> list[Plot]:
    """The plots of a diagnosis, as the bot fetches them."""
    reached = target(rewrites={"http://localhost:9090": server.url})
    work: Any = SimpleNamespace(target=reached, rules=SimpleNamespace(plan=plan))
    now = datetime.now(UTC)
    made = []
    for one in plots.wanted(plan, question(plan, known(), words)):
        plot = await plots._fetch(work, one, now, now - timedelta(minutes=TROUBLE - 2))
        assert isinstance(plot, Plot), (one.query, plot)
        made.append(plot)
    return made


@pytest.mark.parametrize(("words", "culprit"), ALERTS.items())
async def test_each_trigger_is_drawn_across_its_threshold(
    prometheus: Server, target: TargetOf, plan: Any, words: str, culprit: str
) -> None:
    """Every query of an alert's entry runs on a real Prometheus, and its line is calm first and then in alarm."""
    entry = plan.entry(question(plan, known(), words).entry_id)
    own = (await fetched(target, prometheus, plan, words))[: len(entry.queries)]
    assert len(own) == len(entry.queries)
    for plot in own:
        assert plot.threshold is not None
        worst = max(plot.lines, key=lambda line: sum(plot.threshold.holds(v) for _, v in line.points))  # type: ignore[union-attr]
        assert culprit in worst.name
        assert not plot.threshold.holds(worst.points[len(worst.points) // 4][1]), "calm at first"
        assert plot.threshold.holds(worst.points[-2][1]), "in alarm at the end"
        assert "The incident began at" in pure.alt_text(plot)


@pytest.mark.parametrize("words", ["host", "api", "database"])
async def test_the_baseline_is_drawn_with_its_own_alert_threshold(
    prometheus: Server, target: TargetOf, plan: Any, words: str
) -> None:
    """The rows of the runbook's table that belong to what is looked at."""
    drawn = {plot.title: plot for plot in await fetched(target, prometheus, plan, words)}
    expected = {
        "host": {"CPU Usage": 85, "Memory Usage": 90, "Disk Usage": 90},
        "api": {"API Response Time (p95)": 2},
        "database": {"Database Connections": 90},
    }[words]
    assert {title: plot.threshold.value for title, plot in drawn.items() if plot.threshold} == expected


async def test_the_picture_is_drawn(prometheus: Server, target: TargetOf, plan: Any, tmp_path: Path) -> None:
    """A PNG of a phone's size from real answers."""
    plot = (await fetched(target, prometheus, plan, "pm2 high restart rate"))[0]
    picture = await Plotter(tmp_path / "fonts").draw(plot)
    assert struct.unpack(">II", picture[16:24]) == (1000, 560)


@pytest.fixture
async def rig(database_url: str, tmp_path: Path, prometheus: Server) -> AsyncIterator[Rig]:
    """The whole bot, diagnosing by itself, with the real Prometheus."""
    rewrites = json.dumps({"http://localhost:9090": prometheus.url})
    more: dict[str, Any] = {"ATS_LOOKS__AUTOMATIC": "true", "ATS_TARGET__REWRITES": rewrites}
    async with Rig.running(database_url, tmp_path, **more) as rig:
        yield rig


async def test_a_new_incident_gets_the_picture_of_a_real_prometheus(rig: Rig) -> None:
    """In the thread of the card, with words: the highest figure, the threshold, the beginning."""
    await rig.sandbox.control.raise_alert("api-latency")
    card = await rig.card("High API Latency")

    def pictures() -> list[dict[str, Any]]:
        files = [f for m in rig.messages(thread_ts=card["ts"]) for f in m.get("files") or []]
        return [f for f in files if f["mimetype"] == "image/png"]

    shown = (await eventually(pictures, within=90))[0]
    for part in ("highest 2.7", "alert above 2", "The incident began at"):
        assert part in shown["alt_txt"], shown["alt_txt"]
