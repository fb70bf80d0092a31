"""The rate gate on port 3001: quotas of the exchanges and data providers."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.platform import troubles
from sandbox.platform.model import Provider
from sandbox.platform.state import PlatformState


def app(state: PlatformState) -> Starlette:
    async def status(_request: Request) -> Response:
        return JSONResponse(_status(state))

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(_metrics(state), media_type="text/plain; version=0.0.4")

    async def reset(request: Request) -> Response:
        return _reset(state, request.path_params.get("provider"))

    return Starlette(
        routes=[
            Route("/status", status),
            Route("/metrics", metrics),
            Route("/reset", reset, methods=["POST"]),
            Route("/reset/{provider}", reset, methods=["POST"]),
        ]
    )


def _status(state: PlatformState) -> dict[str, Any]:
    blocked = any(p.blocked for p in state.providers)
    return {
        "status": "blocked" if blocked else "ok",
        "blocked": blocked,
        "backoff": sum(p.waiting for p in state.providers),
        "backoff_per_minute": state.backoff_per_minute(),
        "providers": {p.name: _provider(state, p) for p in state.providers},
    }


def _provider(state: PlatformState, provider: Provider) -> dict[str, Any]:
    return {
        "blocked": provider.blocked,
        "backoff": provider.waiting,
        "backoff_per_minute": state.backoff_per_minute([provider]),
        "limit_per_minute": provider.limit,
        "used": provider.used,
        "remaining": max(provider.limit - provider.used, 0),
        "quota_leak": provider.leaked,
    }


def _metrics(state: PlatformState) -> str:
    lines = ["# TYPE rate_gate_backoff_count counter"]
    now = state.now
    lines += [
        f'rate_gate_backoff_count{{provider="{p.name}"}} {p.backoff.at(now):.0f}' for p in state.providers
    ]
    lines.append("# TYPE rate_gate_quota_used gauge")
    lines += [f'rate_gate_quota_used{{provider="{p.name}"}} {p.used}' for p in state.providers]
    lines.append("# TYPE rate_gate_quota_limit gauge")
    lines += [f'rate_gate_quota_limit{{provider="{p.name}"}} {p.limit}' for p in state.providers]
    lines.append("# TYPE rate_gate_blocked gauge")
    lines += [f'rate_gate_blocked{{provider="{p.name}"}} {int(p.blocked)}' for p in state.providers]
    return "\n".join(lines) + "\n"


def _reset(state: PlatformState, name: str | None) -> Response:
    path = "/reset" if name is None else f"/reset/{name}"
    if name is not None and state.provider(name) is None:
        state.record("rate-gate", ("POST", path), exit_code=404)
        return JSONResponse({"error": "unknown_provider", "provider": name}, status_code=404)
    names = [p.name for p in state.providers] if name is None else [name]
    deaf = state.faults.of("rate-gate").deaf
    helped = [n for n in names if not deaf and troubles.reset_provider(state, n)]
    state.record("rate-gate", ("POST", path), exit_code=200)
    return JSONResponse({"reset": names, "unblocked": helped, **_status(state)})
