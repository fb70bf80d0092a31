"""Socket Mode: two connections at once, so that Slack's refreshes of one never leave us deaf."""

import asyncio
import logging
from typing import Final

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

CONNECTIONS: Final = 2
PING: Final = 4  # seconds; the SDK notices a connection that died without a word after one to two of these


class Sockets:
    """The connections of one process."""

    def __init__(self, app: AsyncApp, token: str) -> None:
        self._app, self._token = app, token
        self._handlers: list[AsyncSocketModeHandler] = []

    @property
    def connected(self) -> bool:
        """Whether at least one connection stands."""
        return any(
            h.client.current_session is not None and not h.client.current_session.closed for h in self._handlers
        )

    async def open(self) -> None:
        """Connect; the SDK reconnects by itself from then on."""
        while len(self._handlers) < CONNECTIONS:
            handler = AsyncSocketModeHandler(
                self._app, self._token, logger=logging.getLogger("slack_sdk.socket_mode"), ping_interval=PING
            )
            await handler.connect_async()  # type: ignore[no-untyped-call]
            self._handlers.append(handler)

    async def close(self) -> None:
        await asyncio.gather(
            *(h.close_async() for h in self._handlers),  # type: ignore[no-untyped-call]
            return_exceptions=True,
        )
        self._handlers = []
