"""What is read of the systems that speak HTTP."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.health import Status
from bot.errors import AtsError, ServerError, UnauthorizedError
from bot.probes import certificates, clocks, grafana, loki, mlflow, prometheus, rate_gate, sockets
from bot.targets import HttpAnswer
from tests.unit.probes.reading import NOW, read, told

MS = round(NOW.timestamp() * 1000)
LOSING = {"http_request_duration_p95_seconds": 2.6, "sharpe_ratio": -0.4, "equity_curve_drawdown_percent": 7}
WELL = {"http_request_duration_p95_seconds": 0.18, "sharpe_ratio": 1.4, "equity_curve_drawdown_percent": 1.9}


def answer(body: object) -> HttpAnswer:
    return HttpAnswer(200, json.dumps(body), 0.01)


@pytest.mark.parametrize(
    ("body", "latency", "strategy"),
    [
        (WELL, ("ok", "180 ms"), ("ok", "Sharpe ratio 1.40, drawdown 1.9 %")),
        (LOSING, ("critical", "2600 ms"), ("critical", "Sharpe ratio -0.40, drawdown 7.0 %")),
        ({**WELL, "sharpe_ratio": "-0.1"}, ("ok", "180 ms"), ("warning", "Sharpe ratio -0.10, drawdown 1.9 %")),
        ({**WELL, "equity_curve_drawdown_percent": 5.1}, ("ok", "180 ms"),
         ("warning", "Sharpe ratio 1.40, drawdown 5.1 %")),
        ({**WELL, "equity_curve_drawdown_percent": 5}, ("ok", "180 ms"), ("ok", "Sharpe ratio 1.40, drawdown 5.0 %")),
        ({**WELL, "http_request_duration_p95_seconds": 0.5}, ("warning", "500 ms"),
         ("ok", "Sharpe ratio 1.40, drawdown 1.9 %")),
        ({"sharpe_ratio": True, "http_request_duration_p95": "fast"}, ("unknown", "the API gives no 95th percentile"),
         ("unknown", "the API gives no Sharpe ratio or no drawdown")),
    ],
)  # fmt: skip
def test_trading_performance(body: Any, latency: tuple[str, str], strategy: tuple[str, str]) -> None:
    """p95 by the baseline; Sharpe and drawdown by the runbook's trigger, one of the two alone being a warning."""
    assert told(read("performance", answer(body))) == [
        ("API response time (p95)", *latency),
        ("Trading performance", *strategy),
    ]


def test_performance_that_is_no_object() -> None:
    """A list, or a page of HTML, is said to be that."""
    with pytest.raises(ServerError, match="not with a JSON object"):
        read("performance", answer([1]))
    with pytest.raises(ServerError, match="not JSON: “<html>"):
        read("performance", HttpAnswer(200, "<html>", 0.1))


@pytest.mark.parametrize(
    ("body", "status", "value"),
    [
        ({"rss": 2**27, "heapUsed": 40 * 2**20, "heapLimit": 100 * 2**20}, "ok",
         "heap 40 % of its limit (40.0 MB of 100.0 MB), process 128.0 MB"),
        ({"rss": 2**27, "heapUsed": 81 * 2**20, "heapLimit": 100 * 2**20}, "warning",
         "heap 81 % of its limit (81.0 MB of 100.0 MB), process 128.0 MB"),
        ({"rss": 2**27, "heapUsed": 96 * 2**20, "heapLimit": 100 * 2**20}, "critical",
         "heap 96 % of its limit (96.0 MB of 100.0 MB), process 128.0 MB"),
        ({"heapUsed": 2**20}, "ok", "heap 1.0 MB, process 0 bytes; it names no limit"),
        ({}, "unknown", "the API does not say how much heap it uses"),
    ],
)  # fmt: skip
def test_the_heap(body: Any, status: str, value: str) -> None:
    """Node's heap against its own limit."""
    assert told(read("heap", answer(body))) == [("API memory", status, value)]


def model(name: str, status: str = "ok", **more: Any) -> dict[str, Any]:
    return {"name": name, "status": status, "drift": 0.04, "accuracy": 0.6, **more}


@pytest.mark.parametrize(
    ("models", "status", "value"),
    [
        ([model("a"), model("b")], "ok", "2 of 2 models well"),
        ([model("a", "drifting", drift=0.31, accuracy=0.438), model("b")], "warning",
         "a: drifting, drift 0.31, accuracy 0.438; 1 of 2 models well"),
        ([model("a", drift=0.21)], "warning", "a: drift 0.21, accuracy 0.600; 0 of 1 model well"),
        ([model("a", "failed"), model("b", drift=0.3)], "critical",
         "a: failed, accuracy 0.600; b: drift 0.30, accuracy 0.600; 0 of 2 models well"),
        ([model("a", last_prediction_seconds_ago=600)], "warning", "a: no prediction for 10 min; 0 of 1 model well"),
        ([model(f"m{n}", "stale") for n in range(7)], "warning",
         "; ".join([*(f"m{n}: stale, accuracy 0.600" for n in range(5)), "2 more", "0 of 7 models well"])),
        ([], "warning", "the API names no models"),
    ],
)  # fmt: skip
def test_models(models: list[dict[str, Any]], status: str, value: str) -> None:
    """What a model says of itself, its drift, and its silence; the worst first."""
    assert told(read("models", answer({"models": models}))) == [("Models", status, value)]


@pytest.mark.parametrize(
    ("stream", "status", "value"),
    [
        (sockets.Stream(0.02, 0.03, answer({"connections": 42, "dropped": 0})), "ok",
         "first message after 50 ms; 42 connections"),
        (sockets.Stream(0.02, 0.03, answer({"connections": 1, "dropped": 3})), "warning",
         "1 connection, 3 messages dropped; first message after 50 ms"),
        (sockets.Stream(0.02, 1.2, answer({})), "warning", "first message after 1220 ms"),
        (sockets.Stream(0.02, 6, answer({})), "critical", "first message after 6020 ms"),
        (sockets.Stream(0.02, None, answer({})), "warning", "connected in 20 ms, and then no message came"),
        (sockets.Stream(0.02, 0.03, UnauthorizedError("401: no")), "ok",
         "first message after 50 ms; the API's count of connections: 401: no"),
    ],
)  # fmt: skip
def test_the_market_stream(stream: sockets.Stream, status: str, value: str) -> None:
    """Time until the first message; silence after connecting is a warning of its own."""
    assert told(read("websocket", stream)) == [("WebSocket", status, value)]


def gate(backoffs: float | None = 400.0, unheard: str = "", **status: Any) -> rate_gate.Gate:
    providers = {"alpha": {"used": 38, "limit_per_minute": 75}}
    return rate_gate.Gate({"blocked": False, "backoff": 0, "providers": providers, **status}, backoffs, unheard)


BLOCKED = {"alpha": {"blocked": True, "used": 75, "limit_per_minute": 75}, "beta": {"quota_leak": True}}


@pytest.mark.parametrize(
    ("found", "status", "value", "quotas"),
    [
        (gate(backoff_per_minute=0), "ok", "0 back-offs per minute", ("ok", "alpha 51 % used")),
        (gate(backoff_per_minute=6), "warning", "6 back-offs per minute", ("ok", "alpha 51 % used")),
        (gate(backoff_per_minute=11), "critical", "11 back-offs per minute", ("ok", "alpha 51 % used")),
        (gate(), "ok", "3 back-offs per minute over 4 min", ("ok", "alpha 51 % used")),
        (gate(backoffs=None), "unknown", "how often it backs off is not told", ("ok", "alpha 51 % used")),
        (gate(blocked=True, backoff=23, backoff_per_minute=18, providers=BLOCKED), "critical",
         "blocked: alpha; 18 back-offs per minute; 23 calls wait; quota leak: beta", ("critical", "alpha 100 % used")),
        (gate(None, "timed out", backoff_per_minute=0, providers=[]), "unknown",
         "/metrics: timed out; 0 back-offs per minute", ("unknown", "the gate names no quotas")),
    ],
)  # fmt: skip
def test_rate_gate(found: rate_gate.Gate, status: str, value: str, quotas: tuple[str, str]) -> None:
    """Blocked is critical, back-offs count by the trigger (from the counter when they are not told), then quotas."""
    readings = read("rate-gate", found, history={"Rate gate backoffs": [(4, 388)]})
    assert told(readings) == [("Rate gate", status, value), ("Rate gate quotas", *quotas)]


@pytest.mark.parametrize(
    ("look", "status", "value"),
    [
        (loki.Look("", 1.2), "ok", "ready; ingestion is 1 s behind"),
        (loki.Look("", 10.5), "warning", "ingestion is 10 s behind; ready"),
        (loki.Look("", 31), "critical", "ingestion is 31 s behind; ready"),
        (loki.Look("503: the far side failed: “Ingester not ready”", 2), "critical",
         "not ready: 503: the far side failed: “Ingester not ready”; ingestion is 2 s behind"),
        (loki.Look("", None), "unknown", "the lag is not known: its metrics have no loki_ingestion_lag; ready"),
        (loki.Look("", None, "404: no"), "unknown", "the lag is not known: 404: no; ready"),
    ],
)  # fmt: skip
def test_loki(look: loki.Look, status: str, value: str) -> None:
    """Not ready is critical in Loki's own words; the lag counts by the trigger."""
    assert told(read("loki", look)) == [("Loki", status, value)]


@pytest.mark.parametrize(
    ("look", "status", "value"),
    [
        (prometheus.Look(up=5), "ok", "ready, 5 of 5 targets up"),
        (prometheus.Look(not_ready="503: starting"), "critical", "not ready: 503: starting"),
        (prometheus.Look(up=4, down=("loki (connection refused)",)), "warning",
         "down: loki (connection refused); ready, 4 of 5 targets up"),
        (prometheus.Look(up=5, firing=(("Pool", "critical"), ("Lag", "warning"))), "critical",
         "alert: Pool; alert: Lag; ready, 5 of 5 targets up"),
        (prometheus.Look(up=5, firing=tuple((f"A{n}", "info") for n in range(6))), "warning",
         "alert: A0; alert: A1; alert: A2; alert: A3; 2 more alerts; ready, 5 of 5 targets up"),
        (prometheus.Look(up=5, silenced=("Lag",)), "warning", "fires and is silenced: Lag; ready, 5 of 5 targets up"),
        (prometheus.Look(up=5, untold="Alertmanager's silences: DNS: the name am is not known"), "ok",
         "not told: Alertmanager's silences: DNS: the name am is not known; ready, 5 of 5 targets up"),
        (prometheus.Look(up=5, missing=("loki_ingestion_lag",)), "warning",
         "no figures: loki_ingestion_lag; ready, 5 of 5 targets up"),
        (prometheus.Look(unheard=("timed out after 5 s",)), "unknown",
         "not told: timed out after 5 s; ready, 0 of 0 targets up"),
    ],
)  # fmt: skip
def test_prometheus(look: prometheus.Look, status: str, value: str) -> None:
    """Readiness, firing alerts, targets with their last error, and metrics of the alerts that it does not have."""
    assert told(read("prometheus", look)) == [("Prometheus", status, value)]


@pytest.mark.parametrize(
    ("body", "open_", "status", "value"),
    [
        ({"database": "ok", "version": "11.3.0"}, False, "ok", "version 11.3.0, database ok"),
        ({"database": "ok", "version": "11.3.0"}, None, "ok", "version 11.3.0, database ok"),
        ({"database": "failing"}, False, "warning", "version ?, database failing"),
        ({"database": "ok", "version": "11.3.0"}, True, "critical",
         "accepts the default password admin/admin; version 11.3.0, database ok"),
    ],
)  # fmt: skip
def test_grafana(body: Any, open_: bool | None, status: str, value: str) -> None:
    """The default password being accepted is a security finding, whatever else is well."""
    (reading,) = read("grafana", grafana.Look(answer(body), open_))
    assert told([reading]) == [("Grafana", status, value)]
    assert ("Security finding" in reading.hint) == (open_ is True)


@pytest.mark.parametrize(
    ("health", "version", "models", "status", "value"),
    [
        ("OK", HttpAnswer(200, "3.1.0", 0.1), answer({"registered_models": [{}, {}]}), "ok",
         "version 3.1.0; 2 registered models; no runs"),
        ("OK", ServerError("500: x"), ServerError("500: x"), "ok", "models not told; no runs"),
        ("OK", HttpAnswer(200, "3.1.0", 0.1), HttpAnswer(200, "<html>", 0.1), "ok",
         "version 3.1.0; models not told; no runs"),
        ("starting", HttpAnswer(200, "3.1.0", 0.1), answer({}), "warning",
         "answers “starting” to /health; version 3.1.0; 0 registered models; no runs"),
    ],
)  # fmt: skip
def test_mlflow(
    health: str, version: HttpAnswer | AtsError, models: HttpAnswer | AtsError, status: str, value: str
) -> None:
    """Health decides; version and models are told as far as they are known."""
    look = mlflow.Look(HttpAnswer(200, health, 0.1), version, models)
    assert told(read("mlflow", look)) == [("MLflow", status, value)]


@pytest.mark.parametrize(
    ("days", "status", "value"),
    [
        (60, "ok", "1 of 1 certificate well, the next expires in 60 days"),
        (21, "ok", "1 of 1 certificate well, the next expires in 21 days"),
        (20, "warning", "a:443 expires in 20 days (2026-12-17); 0 of 1 certificate well"),
        (6, "critical", "a:443 expires in 6 days (2026-12-03); 0 of 1 certificate well"),
        (-1, "critical", "a:443 expired 1 day ago; 0 of 1 certificate well"),
    ],
)
def test_certificates(days: float, status: str, value: str) -> None:
    """Days left until it expires, and the date; one that has expired is said to have."""
    expiry = certificates.Expiry("a:443", NOW + timedelta(days=days))
    assert told(read("certificates", [expiry])) == [("Certificates", status, value)]


def test_a_certificate_that_cannot_be_read() -> None:
    """An endpoint that does not answer leaves the others' certificates readable."""
    expiries = (
        certificates.Expiry("a:443", None, "refused: x"),
        certificates.Expiry("b:443", NOW + timedelta(days=30)),
    )
    assert told(read("certificates", expiries)) == [
        (
            "Certificates",
            "unknown",
            "a:443: refused: x; 1 of 2 certificates well, the next expires in 30 days",
        )
    ]


def test_clocks() -> None:
    """Who is off, by how much and which way, the worst first; the others are counted."""
    skews = (clocks.Skew("b", -4.0), clocks.Skew("a", 40.0), clocks.Skew("c", 0.2))
    assert told(read("clocks", skews)) == [
        ("Clocks", "critical", "a is 40 s ahead; b is 4 s behind; 1 of 3 clocks within 3 s of ours")
    ]
    assert read("clocks", skews[2:])[0].status is Status.OK


@pytest.mark.parametrize(
    ("date", "took", "received", "ahead"),
    [
        ("Fri, 27 Nov 2026 03:20:00 GMT", 0.1, 0.0, 0.0),
        ("Fri, 27 Nov 2026 03:20:00 GMT", 0.1, 0.9, 0.0),
        ("Fri, 27 Nov 2026 03:20:40 GMT", 0.1, 0.0, 40.55),
        ("Fri, 27 Nov 2026 03:19:00 GMT", 0.0, 0.0, -59.5),
        ("Fri, 27 Nov 2026 03:20:00 GMT", 9.0, 9.0, 0.0),
    ],
)
def test_skew_of_a_date_header(date: str, took: float, received: float, ahead: float) -> None:
    """The header's lost fraction, and the time under way, are no skew."""
    found = clocks.skew("a", HttpAnswer(200, "", took, headers={"date": date}), NOW.timestamp() + received)
    assert found is not None
    assert found.seconds == pytest.approx(ahead)


@pytest.mark.parametrize("headers", [{}, {"date": "now"}])
def test_no_readable_date_is_no_clock(headers: dict[str, str]) -> None:
    """An endpoint without a Date header is left out, not guessed at."""
    assert clocks.skew("a", HttpAnswer(200, "", 0.1, headers=headers), 0.0) is None


@pytest.mark.parametrize(
    ("run", "status", "begins"),
    [
        (answer({"runs": [{"info": {"status": "FINISHED", "run_name": "train-a", "start_time": MS - 3_600_000}}]}),
         "ok",
         "version 3.1.0; 0 registered models; the last run (train-a, began 60 min ago) is FINISHED"),
        (answer({"runs": [{"info": {"status": "FAILED", "run_name": "train-a", "start_time": MS - 60_000}}]}),
         "warning",
         "the last run (train-a, began 60 s ago) is FAILED; version 3.1.0"),
        (answer({"runs": [{"info": {"status": "RUNNING"}}]}), "ok",
         "version 3.1.0; 0 registered models; the last run (without a name) is RUNNING"),
        (answer({}), "ok", "version 3.1.0; 0 registered models; no runs"),
        (answer({"runs": [7]}), "ok", "version 3.1.0; 0 registered models; no runs"),
        (HttpAnswer(200, "<html>", 0.1), "ok", "version 3.1.0; 0 registered models; the last run is not told: "),
        (ServerError("500: x"), "ok", "version 3.1.0; 0 registered models; the last run is not told: 500: x"),
    ],
)  # fmt: skip
def test_the_last_run(run: HttpAnswer | AtsError, status: str, begins: str) -> None:
    """A failed run is a warning; what MLflow does not tell of it spoils nothing."""
    look = mlflow.Look(HttpAnswer(200, "OK", 0.1), HttpAnswer(200, "3.1.0", 0.1), answer({}), run)
    ((_, word, value),) = told(read("mlflow", look))
    assert word == status
    assert value.startswith(begins)


def counted(**apps: int) -> list[dict[str, Any]]:
    return [{"metric": {"app": app}, "value": [1, str(n)]} for app, n in apps.items()]


def stream(seconds_ago: float, text: str = "all well") -> list[dict[str, Any]]:
    return [{"stream": {"app": "a"}, "values": [[f"{int((NOW.timestamp() - seconds_ago) * 1e9)}", text]]}]


@pytest.mark.parametrize(
    ("found", "status", "value"),
    [
        (loki.lines([], [], stream(3), "app"), "ok",
         "ready; ingestion is 1 s behind; 0 lines with errors in 5 min; newest entry 3 s old"),
        (loki.lines(counted(api=3, worker=40), stream(9, "[ERROR]  order   lost"), stream(3), "app"), "warning",
         ("43 lines with errors in 5 min (worker 40, api 3); ready; ingestion is 1 s behind; the newest: [ERROR] order "
         "lost; newest entry 3 s old")),
        (loki.lines([], [], stream(720), "app"), "warning",
         "newest entry 12 min old; ready; ingestion is 1 s behind; 0 lines with errors in 5 min"),
        (loki.lines([], [], [], "app"), "warning",
         "no entry within the hour; ready; ingestion is 1 s behind; 0 lines with errors in 5 min"),
        (loki.lines([{"metric": {}}, {"value": "x"}], [{"values": ["odd", ["x", "y"]]}], stream(1), "app"), "ok",
         "ready; ingestion is 1 s behind; 0 lines with errors in 5 min; newest entry 1 s old"),
        (loki.Lines(untold="404: not found"), "ok",
         "ready; ingestion is 1 s behind; its log lines are not told: 404: not found"),
    ],
)  # fmt: skip
def test_what_loki_s_lines_say(found: loki.Lines, status: str, value: str) -> None:
    """Many errors, and nobody who logs, are warnings; the application and the newest error are named."""
    assert told(read("loki", loki.Look("", 1.2, lines=found))) == [("Loki", status, value)]
