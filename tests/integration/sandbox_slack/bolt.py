"""A real Bolt app to talk to, over Socket Mode or HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.slack.server import SlackServer

Json = dict[str, Any]


def bolt_app(slack: SlackServer) -> AsyncApp:
    client = AsyncWebClient(token="xoxb-sandbox", base_url=slack.api_url)
    return AsyncApp(client=client, signing_secret="sandbox-signing-secret")


@asynccontextmanager
async def socket_mode(slack: SlackServer, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    """The app connected, for as long as the block runs."""
    handler = AsyncSocketModeHandler(app, "xapp-sandbox", web_client=app.client)
    before = len(slack.sockets.connections)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await slack.sockets.connected(before + 1)
    try:
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


def http_app(app: AsyncApp) -> Starlette:
    """The app behind `/slack/events`, checking signatures."""
    handler = AsyncSlackRequestHandler(app)

    async def endpoint(request: Request) -> Response:
        answer: Response = await handler.handle(request)
        return answer

    return Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])
