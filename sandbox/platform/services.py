"""The smaller HTTP services of the platform: Loki on 3100, Grafana on 3000, MLflow on 5000."""

import base64
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.platform.model import Model
from sandbox.platform.state import PlatformState

GRAFANA_PASSWORD = "sandbox-grafana"
DEFAULT_PASSWORD = "admin"


def loki(state: PlatformState) -> Starlette:
    async def ready(_request: Request) -> Response:
        if state.now < state.loki_ready_at:
            return PlainTextResponse("Ingester not ready: waiting for 15s after being ready\n", status_code=503)
        return PlainTextResponse("ready\n")

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(_loki_metrics(state), media_type="text/plain; version=0.0.4")

    return Starlette(routes=[Route("/ready", ready), Route("/metrics", metrics)])


def _loki_metrics(state: PlatformState) -> str:
    now = state.now
    lag = state.loki_lag.at(now)
    seconds = (now - state.began).total_seconds()
    rows = [
        ("loki_ingester_memory_chunks", "gauge", 1834 + round(lag * 9)),
        ("loki_ingester_memory_streams", "gauge", 61),
        ("loki_ingester_flush_queue_length", "gauge", round(max(lag - 2, 0) * 3)),
        ("loki_ingester_chunks_flushed_total", "counter", round(seconds * 0.7)),
        ("loki_ingester_wal_disk_full_failures_total", "counter", 0),
        ("loki_ingestion_lag", "gauge", f"{lag:.2f}"),
        ("loki_distributor_lines_received_total", "counter", round(seconds * 212)),
    ]
    return "".join(f"# TYPE {name} {kind}\n{name} {value}\n" for name, kind, value in rows)


def grafana(state: PlatformState) -> Starlette:
    async def health(_request: Request) -> Response:
        return JSONResponse({"database": "ok", "version": "11.3.0", "commit": "d9455ff7db"})

    async def user(request: Request) -> Response:
        allowed = _basic(request) in {("admin", GRAFANA_PASSWORD), ("admin", _default(state))}
        state.record("grafana", ("LOGIN", _basic(request)[0]), exit_code=200 if allowed else 401)
        if not allowed:
            return JSONResponse({"message": "Invalid username or password"}, status_code=401)
        return JSONResponse({"id": 1, "login": "admin", "isGrafanaAdmin": True})

    return Starlette(routes=[Route("/api/health", health), Route("/api/user", user)])


def _default(state: PlatformState) -> str:
    """The password of the first login, when nobody has changed it."""
    return DEFAULT_PASSWORD if state.grafana_default_password else GRAFANA_PASSWORD


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


def mlflow(state: PlatformState) -> Starlette:
    async def health(_request: Request) -> Response:
        return PlainTextResponse("OK")

    async def version(_request: Request) -> Response:
        return PlainTextResponse("3.1.0")

    async def models(_request: Request) -> Response:
        return JSONResponse({"registered_models": [_registered(m) for m in state.models]})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/version", version),
            Route("/api/2.0/mlflow/registered-models/search", models),
        ]
    )


def _registered(model: Model) -> dict[str, Any]:
    trained = round(model.trained.timestamp() * 1000)
    latest = {
        "name": model.name,
        "version": str(model.version),
        "current_stage": model.stage,
        "status": "READY",
        "creation_timestamp": trained,
        "last_updated_timestamp": trained,
    }
    return {
        "name": model.name,
        "creation_timestamp": trained,
        "last_updated_timestamp": trained,
        "latest_versions": [latest],
    }
