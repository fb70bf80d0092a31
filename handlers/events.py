"""Events of Slack's: mentions, and the App Home. Slack sends an event again when in doubt; it counts once."""

import re
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import render
from bot.operations import inbox, outbox, requests
from bot.operations.inbox import Delivery
from handlers.acting import of_thread
from handlers.asking import Asker
from handlers.commands import CHANGES, reply
from handlers.grammar import Command, parse
from handlers.services import Services

log = structlog.get_logger(__name__)
_CHANGES = {"run", "handover", "postmortem", "health", "diag", "link", *CHANGES}


def register(app: AsyncApp, services: Services) -> None:
    """Register `app_mention` and `app_home_opened`."""

    async def on_mention(ack: AsyncAck, body: dict[str, Any], event: dict[str, Any]) -> None:
        await answer_mention(services, body, event)
        await ack()  # only once it is kept: else Slack sends it again

    async def at_once(ack: AsyncAck) -> None:
        await ack()

    async def on_home(event: dict[str, Any], client: AsyncWebClient) -> None:
        user = str(event.get("user", ""))
        if event.get("tab", "home") == "home" and user:
            view = await services.home(user)
            async with services.transaction() as tx:
                now = tx.now
            await client.views_publish(user_id=user, view=render.home_view(view, now=now))

    app.event("app_mention")(on_mention)
    app.event("app_home_opened")(ack=at_once, lazy=[on_home])


async def answer_mention(services: Services, body: dict[str, Any], event: dict[str, Any]) -> None:
    """`@ats-bot incidents` answers in the thread of the mention, once for each event."""
    if event.get("bot_id"):
        return
    event_id = str(body.get("event_id") or event.get("ts") or "")
    text = re.sub(r"^\s*<@[^>]+>\s*", "", str(event.get("text") or ""))
    asker = Asker(str(event.get("user", "")), str(event.get("channel", "")))
    if await _kept_from_thread(services, event_id, event, text):
        return
    command = parse(text)
    if isinstance(command, Command) and command.name in _CHANGES:
        message = render.plain_message(
            f"Please type /ats {text.strip()[:200]}: that way only you can have asked for it."
        )
    else:
        message = await reply(services, asker, text) or render.plain_message("Done.")
    kept = {"type": "app_mention", "user": asker.slack_id, "channel": asker.channel, "ts": event.get("ts")}
    async with services.transaction() as tx:
        filed = await inbox.file(tx, Delivery("slack", event_id, event_id, "app_mention", kept))
        if filed is not None:
            thread = str(event.get("thread_ts") or event.get("ts") or "")
            await outbox.post(tx, asker.channel, outbox.marked(message), thread_ts=thread)


async def _kept_from_thread(services: Services, event_id: str, event: dict[str, Any], text: str) -> bool:
    """A note or status update written in an incident's thread: kept like a command; the thread shows the outcome."""
    who, channel = str(event.get("user", "")), str(event.get("channel", ""))
    async with services.transaction() as tx:
        request = await of_thread(
            tx, text, slack_id=who, channel=channel, thread_ts=str(event.get("thread_ts") or "")
        )
        if request is None:
            return False
        kept = {"type": "app_mention", "user": who, "channel": channel, "ts": event.get("ts")}
        if await inbox.file(tx, Delivery("slack", event_id, event_id, "app_mention", kept)) is not None:
            await requests.submit(tx, request)
    return True
