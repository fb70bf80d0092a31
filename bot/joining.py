"""The operations channel: joined at the start, and known again by its id when somebody has renamed it since."""

import contextlib

import structlog

from bot.clients.slack import Slack
from bot.errors import AtsError, UnreachableError
from bot.operations import sync
from bot.store.session import Store
from bot.web.state import Figures

log = structlog.get_logger(__name__)

CHANNELS = "slack.channels"  # the mark under which names and ids are kept


async def join(slack: Slack, store: Store, channel: str, figures: Figures) -> None:
    """Join it; a bot that may not goes on without, and says so."""
    slack.former = await _former(store)
    try:
        found = await slack.join(channel)
    except AtsError as error:
        figures.channel_problem = str(error)
        log.error(
            "the bot may not join its channel; it goes on without, and posts what has gathered once it is in",
            channel=channel,
            why=str(error),
            mend=f"type /invite @ats-bot in {channel}",
        )
    else:
        figures.channel_problem = ""
        log.info("joined", channel=channel)
        with contextlib.suppress(UnreachableError):  # the next start will keep it
            await _keep(store, channel, found)


async def _former(store: Store) -> dict[str, str]:
    try:
        async with store.transaction() as tx:
            known = await sync.mark(tx, CHANNELS)
    except UnreachableError:
        return {}
    return {str(name): str(found) for name, found in known.state.items()} if known else {}


async def _keep(store: Store, channel: str, channel_id: str) -> None:
    async with store.transaction() as tx:
        known = await sync.mark(tx, CHANNELS)
        kept = dict(known.state) if known else {}
        if channel.startswith("#") and kept.get(channel) != channel_id:
            await sync.move(tx, CHANNELS, tx.now, {**kept, channel: channel_id})
