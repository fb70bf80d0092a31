"""The HTTP side: Slack's events in HTTP mode, PagerDuty's webhooks, health, readiness, figures and pages."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.web import pages
from bot.web.health import parts_of
from bot.web.state import Figures, Source
from handlers import webhooks
from handlers.services import Services

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoints:
    """What the routes work with."""

    services: Services
    bolt: AsyncApp | None  # None: Slack is heard over Socket Mode only
    webhook_secrets: Sequence[str]
    transaction: Callable[[], AbstractAsyncContextManager[Any]]
    loopback: bool
    sockets_open: Callable[[], bool]


def web_app(figures: Figures, ends: Endpoints) -> Starlette:
    """All routes of the bot."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)

    async def readyz(_request: Request) -> Response:
        parts = await parts_of(figures, Source(ends.transaction, ends.sockets_open))
        ok = all(value == "ok" for value in parts.values())
        return JSONResponse({"ready": ok, "parts": parts}, status_code=200 if ok else 503)

    routes = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/slack/events", _slack(ends.bolt), methods=["POST"]),
        Route("/pagerduty/webhooks", _webhooks(figures, ends), methods=["POST"]),
        *pages.routes(ends.services, loopback=ends.loopback),
    ]
    return Starlette(routes=routes)


def _webhooks(figures: Figures, ends: Endpoints) -> Handler:
    if ends.webhook_secrets:
        return webhooks.endpoint(ends.services, ends.webhook_secrets, figures.webhook)

    async def not_configured(_request: Request) -> Response:
        figures.webhook("not_configured")
        # 503, not 4xx: PagerDuty keeps the events and sends them again once the secret is set.
        return JSONResponse({"error": "PAGERDUTY_WEBHOOK_SECRET is not set"}, status_code=503)

    return not_configured


def _slack(bolt: AsyncApp | None) -> Handler:
    if bolt is None:

        async def not_configured(_request: Request) -> Response:
            text = "SLACK_SIGNING_SECRET is not set: this bot hears Slack over Socket Mode only.\n"
            return PlainTextResponse(text, status_code=404)

        return not_configured
    handler = AsyncSlackRequestHandler(bolt)

    async def events(request: Request) -> Response:
        try:
            body = await webhooks.read_body(request)
            if body is None:
                return JSONResponse({"error": "too_large"}, status_code=413, headers={"connection": "close"})
            body.decode("utf-8")
        except ClientDisconnect:
            return Response(status_code=400)
        except UnicodeDecodeError:
            return JSONResponse({"error": "not_utf8"}, status_code=400)
        request._body = body  # noqa: SLF001 - Starlette's own cache of the body, already read here under a limit
        try:
            return await handler.handle(request)
        except ValueError:  # a body that is neither JSON nor a form
            return JSONResponse({"error": "unreadable"}, status_code=400)

    return events
