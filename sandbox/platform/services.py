"""The smaller HTTP services of the platform: Loki on 3100, Grafana on 3000, MLflow on 5000."""

import base64
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.platform import loki_lines
from sandbox.platform.model import Model
from sandbox.platform.state import PlatformState

GRAFANA_PASSWORD = "sandbox-grafana"
DEFAULT_PASSWORD = "admin"
_EXPERIMENT = "1"


def loki(state: PlatformState) -> Starlette:
    async def ready(_request: Request) -> Response:
        if state.now < state.loki_ready_at:
            return PlainTextResponse("Ingester not ready: waiting for 15s after being ready\n", status_code=503)
        return PlainTextResponse("ready\n")

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(_loki_metrics(state), media_type="text/plain; version=0.0.4")

    async def instant(request: Request) -> Response:
        return _matched(request, lambda: loki_lines.counted(state, request.query_params["query"]), "vector")

    async def streams(request: Request) -> Response:
        wanted = request.query_params
        return _matched(
            request,
            lambda: loki_lines.streams(
                state, wanted["query"], wanted.get("since", "1h"), wanted.get("limit", "100")
            ),
            "streams",
        )

    return Starlette(
        routes=[
            Route("/ready", ready),
            Route("/metrics", metrics),
            Route("/loki/api/v1/query", instant),
            Route("/loki/api/v1/query_range", streams),
        ]
    )


def _matched(request: Request, look: Callable[[], list[dict[str, Any]]], kind: str) -> Response:
    """Loki's envelope; 400 with its words for a query that the sandbox does not know."""
    try:
        result = look()
    except (KeyError, ValueError) as error:
        return PlainTextResponse(
            f"parse error : {error} in {request.query_params.get('query', '')!r}\n", status_code=400
        )
    return JSONResponse({"status": "success", "data": {"resultType": kind, "result": result, "stats": {}}})


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

    async def experiments(_request: Request) -> Response:
        known = {"experiment_id": _EXPERIMENT, "name": "nightly-training", "lifecycle_stage": "active"}
        return JSONResponse({"experiments": [known]})

    async def runs(request: Request) -> Response:
        if _EXPERIMENT not in (await request.json()).get("experiment_ids", []):
            return JSONResponse({})
        return JSONResponse({"runs": [{"info": _run(state), "data": {}}]})

    async def models(_request: Request) -> Response:
        return JSONResponse({"registered_models": [_registered(m) for m in state.models]})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/version", version),
            Route("/api/2.0/mlflow/registered-models/search", models),
            Route("/api/2.0/mlflow/experiments/search", experiments),
            Route("/api/2.0/mlflow/runs/search", runs, methods=["POST"]),
        ]
    )


def _run(state: PlatformState) -> dict[str, Any]:
    """The training that made the newest model, or a later one that failed."""
    newest = max(state.models, key=lambda m: m.trained)
    ended = round(newest.trained.timestamp() * 1000)
    return {
        "run_id": "5f2c1e0d9b7a4c38",
        "run_name": f"train-{newest.name}",
        "experiment_id": _EXPERIMENT,
        "status": "FAILED" if state.training_failed else "FINISHED",
        "start_time": ended - 1_140_000,
        "end_time": ended,
        "lifecycle_stage": "active",
    }


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
