"""A small Bolt app that stands in for the bot: it posts every kind of block and answers every kind of act."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.unit.sandbox.page import samples

Json = dict[str, Any]


class StandIn:
    """Registers the listeners; `seen` holds the payload of each action and submission, oldest first."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client
        self.app = AsyncApp(client=client)
        self.seen: list[Json] = []
        self.closed: list[Json] = []
        self.app.command("/ats")(self._command)
        self.app.action("ack")(self._acknowledge)
        self.app.action("broken")(self._broken)
        self.app.view("declare")(self._declare)
        self.app.view_closed("declare")(self._view_closed)
        self.app.options("who")(self._options)
        self.app.event("app_home_opened")(self._home)
        self.app.event("message")(self._message)
        self.app.event("member_joined_channel")(self._joined)
        self.app.action(re.compile(".*"))(self._other)

    async def _command(self, ack: Any, body: Json) -> None:
        word, channel, user = body["text"], body["channel_id"], body["user_id"]
        if word == "silent":
            return
        await ack()
        if word == "health":
            await self.client.chat_postEphemeral(
                channel=channel, user=user, text="Health", blocks=samples.health()
            )
        elif word == "declare":
            await self.client.views_open(trigger_id=body["trigger_id"], view=samples.declare())
        elif word in samples.MESSAGES:
            await self.client.chat_postMessage(channel=channel, text=word, blocks=samples.MESSAGES[word]())
        else:
            await self.client.chat_postMessage(channel=channel, text=word)

    async def _acknowledge(self, ack: Any, body: Json) -> None:
        await ack()
        self.seen.append(body)
        blocks = samples.card(status=f":large_green_circle: acknowledged by <@{body['user']['id']}>")
        await self.client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text="card", blocks=blocks
        )

    async def _broken(self, body: Json) -> None:
        self.seen.append(body)  # and never acknowledged

    async def _other(self, ack: Any, body: Json) -> None:
        await ack()
        self.seen.append(body)

    async def _declare(self, ack: Any, body: Json) -> None:
        self.seen.append(body)
        values = body["view"]["state"]["values"]
        title = values["title"]["text"]["value"]
        if title == "taken":
            await ack(response_action="errors", errors={"title": "There is already an incident of that name."})
            return
        await ack()
        kind = values["kind"]["choice"]["selected_option"]["value"]
        await self.client.chat_postMessage(channel="C0OPS", text=f"Declared *{title}* as {kind}")

    async def _view_closed(self, ack: Any, body: Json) -> None:
        await ack()
        self.closed.append(body)

    async def _options(self, ack: Any, body: Json) -> None:
        names = [name for name in ("Ada", "Alan", "Grace") if name.lower().startswith(body["value"].lower())]
        await ack(options=[samples.option(name) for name in names])

    async def _home(self, event: Json) -> None:
        await self.client.views_publish(user_id=event["user"], view={"type": "home", "blocks": samples.home()})

    async def _joined(self) -> None:
        """Nothing to do; without a listener Bolt would warn."""

    async def _message(self, event: Json) -> None:
        if event.get("bot_id") or event.get("subtype"):
            return
        await self.client.chat_postMessage(
            channel=event["channel"], thread_ts=event.get("thread_ts"), text=f"You said: {event['text']}"
        )


@asynccontextmanager
async def stand_in(*, api_url: str, bot_token: str, app_token: str) -> AsyncIterator[StandIn]:
    """The app, connected by Socket Mode and a member of #trading-ops-alerts, while the block runs."""
    client = AsyncWebClient(token=bot_token, base_url=api_url)
    bot = StandIn(client)
    handler = AsyncSocketModeHandler(bot.app, app_token)
    try:
        await client.conversations_join(channel="C0OPS")
        await handler.connect_async()  # type: ignore[no-untyped-call]
        assert await handler.client.is_connected()
        yield bot
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
