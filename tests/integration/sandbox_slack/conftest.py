"""The local Slack on a port of its own, and the real slack_sdk client to call it."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.clock import SandboxClock
from sandbox.serving import serve
from sandbox.slack.scopes import ALL_SCOPES, EVENT_SCOPES
from sandbox.slack.seed import OPS_CHANNEL
from sandbox.slack.server import SlackServer


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    """Every scope granted, every event subscribed to, nothing repeated after a minute."""
    server = SlackServer(clock=SandboxClock(), scopes=ALL_SCOPES, events=EVENT_SCOPES)
    async with serve(Starlette(routes=[Mount("/slack", server.app)])) as url:
        server.public_url = f"{url}/slack"
        yield server
        await server.close()


@pytest.fixture
def web(slack: SlackServer) -> AsyncWebClient:
    """slack_sdk's client with the bot's token, without its own retries."""
    return AsyncWebClient(token="xoxb-sandbox", base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
async def member(slack: SlackServer, web: AsyncWebClient) -> AsyncWebClient:
    """The same, once the bot has joined the ops channel."""
    await web.conversations_join(channel=OPS_CHANNEL)
    return web
