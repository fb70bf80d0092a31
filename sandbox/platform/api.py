"""The trading API on port 8000."""

import asyncio
import json
import random
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.platform import figures, troubles
from sandbox.platform.state import PlatformState

API_TOKEN = "sandbox-trading-api-token"
_OPEN = frozenset({"/api/health"})  # works without a token
_TICK_SECONDS = 1.0
_MOST_TRADES = 500
_SLOW_SECONDS = 2.0  # the runbook's trigger for "High API Latency"
_DRIFTING = 0.2
_SYMBOLS = (("BTC-USD", 94210.5), ("ETH-USD", 3318.2), ("SOL-USD", 241.9))


class _Bearer:
    """Refuses every request without the right bearer token, as the real API does."""

    def __init__(self, app: ASGIApp, state: PlatformState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._allowed(Request(scope)):
            body = {"error": "unauthorized", "message": "A valid bearer token is required."}
            refusal = JSONResponse(body, status_code=401, headers={"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _allowed(self, request: Request) -> bool:
        if request.scope["path"].removeprefix(request.scope.get("root_path", "")) in _OPEN:
            return True
        given = request.headers.get("authorization", "")
        return given == f"Bearer {API_TOKEN}" and not self._state.faults.of("api").unauthorized


def app(state: PlatformState) -> Starlette:
    return Starlette(routes=_routes(state), middleware=[Middleware(_Bearer, state=state)])


def _routes(state: PlatformState) -> list[Route | WebSocketRoute]:
    async def health(_request: Request) -> Response:
        body = _health(state)
        return JSONResponse(body, status_code=503 if body["status"] == "unhealthy" else 200)

    async def performance(_request: Request) -> Response:
        return _unless_exhausted(state, _performance(state))

    async def memory(_request: Request) -> Response:
        return JSONResponse(_memory(state))

    async def websockets(_request: Request) -> Response:
        return JSONResponse(_websockets(state))

    async def trades(request: Request) -> Response:
        given = request.query_params.get("limit", "50")
        if not given.isdigit() or not 1 <= int(given) <= _MOST_TRADES:
            return JSONResponse({"error": "bad_request", "message": "limit must be 1 to 500."}, status_code=400)
        return _unless_exhausted(state, {"trades": _trades(state, int(given))})

    async def models(_request: Request) -> Response:
        return JSONResponse(_models(state))

    async def trading(_request: Request) -> Response:
        return JSONResponse(_trading(state))

    async def change(request: Request) -> Response:
        return _change(state, request.path_params["action"])

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(figures.exposition(state), media_type="text/plain; version=0.0.4")

    async def market(socket: WebSocket) -> None:
        await _stream(state, socket)

    return [
        Route("/api/health", health),
        Route("/api/metrics/performance", performance),
        Route("/api/metrics/memory", memory),
        Route("/api/metrics/websockets", websockets),
        Route("/api/trades", trades),
        Route("/api/models/status", models),
        Route("/api/trading/state", trading),
        Route("/api/trading/{action:str}", change, methods=["POST"]),
        Route("/metrics", metrics),
        WebSocketRoute("/ws/market", market),
    ]


def _unless_exhausted(state: PlatformState, body: dict[str, Any]) -> Response:
    """What needs the database fails while the application's pool is used up."""
    if state.pool_exhausted:
        return JSONResponse({"error": "database_unavailable", "message": troubles.POOL_ERROR}, status_code=503)
    return JSONResponse(body)


def _health(state: PlatformState) -> dict[str, Any]:
    exhausted = state.pool_exhausted
    blocked = any(p.blocked for p in state.providers)
    away = state.faults.of("redis").down or state.faults.of("rate-gate").down
    degraded = blocked or away or state.latency_p95.at(state.now) > _SLOW_SECONDS
    api = state.app("trading-api")
    started = api.started if api else state.began
    return {
        "status": "unhealthy" if exhausted else "degraded" if degraded else "healthy",
        "version": "1.5.1",
        "timestamp": state.now.isoformat(timespec="seconds"),
        "uptime_seconds": round((state.now - started).total_seconds()),
        "services": {
            "database": "unavailable" if exhausted else "connected",
            "redis": "unavailable" if state.faults.of("redis").down else "connected",
            "rate_gate": "unavailable" if state.faults.of("rate-gate").down else "blocked" if blocked else "ok",
        },
        "trading": "enabled" if state.trading.enabled else "disabled",
        **({"error": troubles.POOL_ERROR} if exhausted else {}),
    }


def _performance(state: PlatformState) -> dict[str, Any]:
    now = state.now
    equity = 1_000_000 * (1 - state.drawdown.at(now) / 100)
    return {
        "sharpe_ratio": round(state.sharpe.at(now), 3),
        "equity_curve_drawdown_percent": round(state.drawdown.at(now), 2),
        "equity": round(equity, 2),
        "win_rate": round(0.5 + state.sharpe.at(now) / 20, 3),
        "http_request_duration_p95_seconds": round(state.latency_p95.at(now), 3),
        "database_connections": {"active": round(state.pool_active.at(now)), "max": state.pool_max},
        "since": (now - timedelta(hours=24)).isoformat(timespec="seconds"),
    }


def _memory(state: PlatformState) -> dict[str, Any]:
    api = state.app("trading-api")
    used = round(api.memory.at(state.now)) if api else 0
    return {
        "rss": used,
        "heapTotal": round(used * 0.72),
        "heapUsed": round(used * 0.61),
        "external": 7_340_032,
        "heapLimit": 536_870_912,
    }


def _websockets(state: PlatformState) -> dict[str, Any]:
    count = round(state.sockets.at(state.now))
    return {"connections": count, "subscriptions": count * 3, "messages_per_second": count * 2, "dropped": 0}


def _trades(state: PlatformState, limit: int) -> list[dict[str, Any]]:
    """One trade each 45 s; none after trading was stopped."""
    last = state.now
    if not state.trading.enabled and state.trading.changed_at is not None:
        last = state.trading.changed_at
    newest = int(last.timestamp()) // 45
    return [_trade(state, number) for number in range(newest, newest - limit, -1)]


def _trade(state: PlatformState, number: int) -> dict[str, Any]:
    dice = random.Random(number)
    symbol, price = dice.choice(_SYMBOLS)
    sharpe = state.sharpe.at(number * 45.0)
    return {
        "id": f"T{number}",
        "symbol": symbol,
        "side": dice.choice(("buy", "sell")),
        "quantity": round(dice.uniform(0.01, 2.0), 4),
        "price": round(price * dice.uniform(0.99, 1.01), 2),
        "pnl": round(dice.gauss(sharpe * 40, 60), 2),
        "executed_at": number * 45,
    }


def _models(state: PlatformState) -> dict[str, Any]:
    models = [
        {
            "name": m.name,
            "version": m.version,
            "stage": m.stage,
            "accuracy": m.accuracy,
            "drift": m.drift,
            "status": "drifting" if m.drift > _DRIFTING else "ok",
            "trained_at": m.trained.isoformat(timespec="seconds"),
            "last_prediction_seconds_ago": m.last_prediction_seconds,
        }
        for m in state.models
    ]
    worst = "drifting" if any(m["status"] == "drifting" for m in models) else "ok"
    return {"status": worst, "models": models}


def _trading(state: PlatformState) -> dict[str, Any]:
    trading = state.trading
    return {
        "enabled": trading.enabled,
        "emergency_stop": trading.emergency_stop,
        "open_orders": trading.open_orders,
        "open_positions": trading.open_positions,
        "changed_at": trading.changed_at.isoformat(timespec="seconds") if trading.changed_at else None,
        "changed_by": trading.changed_by,
    }


def _change(state: PlatformState, action: str) -> Response:
    trading = state.trading
    known = {"disable", "enable", "emergency-stop"}
    path = f"/api/trading/{action}"
    if action not in known:
        return JSONResponse({"error": "not_found"}, status_code=404)
    if action == "enable" and trading.emergency_stop:
        body = {
            "error": "conflict",
            "message": "The emergency stop is lifted by operations, not through the API.",
        }
        state.record("api", ("POST", path), exit_code=409)
        return JSONResponse(body, status_code=409)
    if state.faults.of("api").deaf:
        state.record("api", ("POST", path), exit_code=200)
        return JSONResponse({"status": "accepted", "action": action})
    if action == "emergency-stop":
        trading.emergency_stop, trading.open_orders = True, 0
    trading.enabled = action == "enable"
    trading.changed_at, trading.changed_by = state.now, "api"
    state.record("api", ("POST", path), exit_code=200)
    state.write_log("warn", "trading-api", f"trading: {action}")
    return JSONResponse(_trading(state))


async def _stream(state: PlatformState, socket: WebSocket) -> None:
    """A tick at once, then one each second, until the client goes."""
    await socket.accept()
    if state.market_silent:
        await _silence(socket)
        return
    dice = random.Random(1)
    try:
        while True:
            symbol, price = dice.choice(_SYMBOLS)
            tick = {"type": "tick", "symbol": symbol, "price": round(price * dice.uniform(0.999, 1.001), 2)}
            await socket.send_text(json.dumps(tick))
            await asyncio.sleep(_TICK_SECONDS)
    except (WebSocketDisconnect, asyncio.CancelledError):
        return  # cancelled: the server stops, and would log it as an error of ours


async def _silence(socket: WebSocket) -> None:
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        return
