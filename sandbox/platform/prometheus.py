"""Prometheus on port 9090, answering from the platform's own history."""

import re
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.platform import figures, promql
from sandbox.platform.state import PlatformState

_MOST_POINTS = 11_000  # Prometheus's own limit per series
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def app(state: PlatformState) -> Starlette:
    async def query(request: Request) -> Response:
        return _answer(_instant, state, await _parameters(request))

    async def query_range(request: Request) -> Response:
        return _answer(_range, state, await _parameters(request))

    async def ready(_request: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Ready.\n")

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Healthy.\n")

    async def alertmanagers(_request: Request) -> Response:
        none: list[str] = []  # the sandbox's alerts go to PagerDuty by another way
        return JSONResponse(
            {"status": "success", "data": {"activeAlertmanagers": none, "droppedAlertmanagers": none}}
        )

    async def alerts(_request: Request) -> Response:
        return JSONResponse({"status": "success", "data": {"alerts": _alerts(state)}})

    async def names(request: Request) -> Response:
        return _answer(_names, state, request.query_params)

    async def targets(_request: Request) -> Response:
        return JSONResponse(
            {"status": "success", "data": {"activeTargets": _targets(state), "droppedTargets": []}}
        )

    return Starlette(
        routes=[
            Route("/-/ready", ready),
            Route("/-/healthy", healthy),
            Route("/api/v1/query", query, methods=["GET", "POST"]),
            Route("/api/v1/query_range", query_range, methods=["GET", "POST"]),
            Route("/api/v1/alerts", alerts),
            Route("/api/v1/targets", targets),
            Route("/api/v1/alertmanagers", alertmanagers),
            Route("/api/v1/label/__name__/values", names),
        ]
    )


async def _parameters(request: Request) -> QueryParams:
    form = await request.form()
    return QueryParams([*request.query_params.multi_items(), *((k, str(v)) for k, v in form.multi_items())])


def _answer(evaluate: Any, state: PlatformState, given: QueryParams) -> Response:
    try:
        data = evaluate(state, given)
    except ValueError as error:
        body = {"status": "error", "errorType": "bad_data", "error": str(error)}
        return JSONResponse(body, status_code=400)
    return JSONResponse({"status": "success", "data": data})


def _instant(state: PlatformState, given: QueryParams) -> dict[str, Any]:
    parsed = promql.parse(given.get("query", ""))
    unix = _time(given.get("time") or str(state.now.timestamp()), "time")
    samples = parsed.at(unix, figures.series(state))
    result = [{"metric": labels, "value": [unix, _text(value)]} for labels, value in samples]
    return {"resultType": "vector", "result": result}


def _range(state: PlatformState, given: QueryParams) -> dict[str, Any]:
    parsed = promql.parse(given.get("query", ""))
    start, end = _time(given.get("start", ""), "start"), _time(given.get("end", ""), "end")
    step = _duration(given.get("step", ""))
    if end < start:
        raise ValueError('invalid parameter "end": end timestamp must not be before start time')
    if (end - start) / step > _MOST_POINTS:
        raise ValueError(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution"
        )
    every = list(figures.series(state))
    rows: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}
    # Prometheus counts in milliseconds: without that, a whole number of steps could lose its last one.
    for number in range(round((end - start) * 1000) // round(step * 1000) + 1):
        unix = start + number * step
        for labels, value in parsed.at(unix, every):
            rows.setdefault(tuple(labels.items()), []).append([unix, _text(value)])
    return {"resultType": "matrix", "result": [{"metric": dict(k), "values": v} for k, v in rows.items()]}


def _time(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise ValueError(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)", text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if round(seconds * 1000) == 0:
        raise ValueError(f'invalid parameter "step": cannot parse "{text}" to a valid duration')
    return seconds


def _text(value: float) -> str:
    return f"{value:.10g}"


_RULES = (  # name, severity, the queries that all must have a value: the runbook's seven alerts
    ("PM2HighRestartRate", "critical", ("max by (app) (increase(pm2_process_restarts[5m])) > 3",)),
    ("DatabasePoolExhausted", "critical", ("database_connections_active / database_connections_max >= 1",)),
    ("RateGateExhaustion", "critical", ("sum(increase(rate_gate_backoff_count[1m])) > 10",)),
    ("LokiIngestionLag", "critical", ("loki_ingestion_lag > 30",)),
    (
        "NegativeSharpe",
        "error",
        ("max_over_time(trading_sharpe_ratio[15m]) < 0", "equity_curve_drawdown > 5"),
    ),
    ("HighApiLatency", "error", ("http_request_duration_p95 > 2",)),
    ("BackupFailure", "warning", ("max(backup_last_exit_code) != 0",)),
)


def _alerts(state: PlatformState) -> list[dict[str, Any]]:
    """Those whose queries have values right now."""
    unix, every = state.now.timestamp(), list(figures.series(state))
    firing = []
    for name, severity, queries in _RULES:
        values = [promql.parse(query).at(unix, every) for query in queries]
        if all(values):
            labels = {"alertname": name, "severity": severity, **_plain(values[0][0][0])}
            firing.append({"labels": labels, "state": "firing", "value": _text(values[0][0][1])})
    return firing


def _plain(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "__name__"}


def _names(state: PlatformState, given: QueryParams) -> list[str]:
    every = list(figures.series(state))
    selector = given.get("match[]")
    return promql.names(selector, every) if selector else sorted({s.name for s in every})


def _targets(state: PlatformState) -> list[dict[str, Any]]:
    targets = []
    for name, track in state.up.items():
        up = track.at(state.now) > 0
        error = "" if up else "connect: connection refused"
        targets.append({"labels": {"job": name}, "health": "up" if up else "down", "lastError": error})
    return targets
