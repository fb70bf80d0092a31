"""Send what the outbox holds: one drainer for each channel, in order, each message once.

A post whose answer was lost (crash, time-out, 5xx) is looked for in the channel by its marker before it is
posted again. Slack has no idempotency key; this is the next best thing.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from zlib import crc32

import structlog
from sqlalchemy import text

from bot.clock import utcnow
from bot.errors import AtsError, RateLimitedError, RejectedError, TemporaryError
from bot.jobs import files
from bot.jobs.work import Work
from bot.operations import outbox
from bot.operations.outbox import Parcel

log = structlog.get_logger(__name__)

_LOCK: Final = 0x4C41  # first key of the advisory locks of lanes
_SETTLE: Final = 4.0  # seconds that a post may still be under way after its sender died
_SKEW: Final = 120.0  # seconds that Slack's clock and ours may differ
_CLOSED: Final = 30.0  # seconds between tries to a channel that cannot be posted to

_NO_CHANNEL = {"not_in_channel", "channel_not_found", "is_archived", "restricted_action", "expired_url"}
_GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
_NO_THREAD = {"thread_not_found", "invalid_thread_ts", "cannot_reply_to_message"}
_NOBODY = {"user_not_found", "user_disabled", "cannot_dm_bot", "users_not_found", "invalid_users"}


@asynccontextmanager
async def _lane(work: Work, channel: str) -> AsyncIterator[bool]:
    """Hold the channel's lane; False if another drainer has it. It falls free with the connection."""
    keys = {"a": _LOCK, "b": crc32(channel.encode()) - 2**31}
    async with work.store.engine.connect() as opened:
        connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
        got = (await connection.execute(text("select pg_try_advisory_lock(:a, :b)"), keys)).scalar_one()
        try:
            yield bool(got)
        finally:
            if got:
                await connection.execute(text("select pg_advisory_unlock(:a, :b)"), keys)


async def deliver(work: Work, channel: str) -> None:
    """Drain a channel. Whoever finds the lane taken may go: its holder looks again after letting go."""
    while True:
        async with _lane(work, channel) as mine:
            if not mine:
                return
            paused = not await _drain(work, channel)
        if paused or not await _more(work, channel):
            return


async def _more(work: Work, channel: str) -> bool:
    async with work.store.transaction() as tx:
        return channel in await outbox.waiting_channels(tx, now=utcnow())


async def _drain(work: Work, channel: str) -> bool:
    """Send until nothing is left (True) or the channel must be silent for a while (False)."""
    while True:
        async with work.store.transaction() as tx:
            until = await outbox.paused_until(tx, channel)
            if until is not None and until > utcnow():
                return False
            parcel = await outbox.take(tx, work.rules, channel, now=utcnow())
        if parcel is None:
            return True
        try:
            await _send(work, parcel)
        except AtsError as error:
            if not await _failed(work, parcel, error):
                return False


async def _send(work: Work, parcel: Parcel) -> None:
    channel_id = parcel.channel_id or await _destination(work, parcel.channel)
    if parcel.ts:
        await work.slack.update(channel_id, parcel.ts, parcel.payload)
        return await _sent(work, parcel, channel_id, parcel.ts)
    found = await _look_for(work, parcel, channel_id)
    if found:  # which revision it shows is not known: a card is brought up to date next
        async with work.store.transaction() as tx:
            await outbox.sent(tx, parcel, channel_id=channel_id, ts=found, revision=min(parcel.revision, 1))
        return None
    if parcel.payload.get("files"):
        return await files.share(work, parcel, channel_id)
    channel_id, ts = await work.slack.post(channel_id, parcel.payload, thread_ts=parcel.thread_ts or None)
    await _sent(work, parcel, channel_id, ts)
    return None


async def _sent(work: Work, parcel: Parcel, channel_id: str, ts: str) -> None:
    async with work.store.transaction() as tx:
        await outbox.sent(tx, parcel, channel_id=channel_id, ts=ts)


async def _look_for(work: Work, parcel: Parcel, channel_id: str) -> str | None:
    if parcel.tried_at is None:
        return None
    age = (utcnow() - parcel.tried_at).total_seconds()
    if age < _SETTLE:
        await asyncio.sleep(_SETTLE - age)
    since = parcel.tried_at.timestamp() - _SKEW
    if parcel.payload.get("files"):
        return await files.look_for(work, parcel, channel_id, since=since)
    return await work.slack.find(channel_id, parcel.marker, since=since, thread_ts=parcel.thread_ts or None)


async def _destination(work: Work, channel: str) -> str:
    if channel[:1] in {"U", "W"}:
        return await work.slack.direct(channel)
    return await work.slack.channel_id(channel)


async def _failed(work: Work, parcel: Parcel, error: AtsError) -> bool:
    """Decide what a failure means; True: go on with the queue, False: the channel rests."""
    log.warning("slack message not sent", channel=parcel.channel, message=parcel.id, error=str(error))
    if isinstance(error, RateLimitedError):
        await _unsent(work, parcel, only_if_untried=True)
        return await _rest(work, parcel, error.retry_after, str(error))
    if isinstance(error, TemporaryError):
        return await _rest(work, parcel, None, str(error))
    if isinstance(error, RejectedError):
        return await _rejected(work, parcel, error)
    await _unsent(work, parcel, only_if_untried=True)
    return await _rest(work, parcel, _CLOSED, str(error))  # a token: nothing is lost while it is mended


async def _rejected(work: Work, parcel: Parcel, error: RejectedError) -> bool:
    if error.code in _GONE:
        await _unsent(work, parcel)
        return True
    if error.code in _NOBODY:
        return await _give_up(work, parcel, error)
    if error.code in _NO_CHANNEL:
        await _unsent(work, parcel, only_if_untried=True)
        return await _invite_oneself(work, parcel, error)
    if error.code in _NO_THREAD and parcel.thread_ts:
        async with work.store.transaction() as tx:
            await outbox.unthread(tx, parcel.id)
        return True
    return await _send_plain(work, parcel, error)


async def _invite_oneself(work: Work, parcel: Parcel, error: RejectedError) -> bool:
    if error.code == "not_in_channel":
        try:
            await work.slack.join(parcel.channel)
        except AtsError as refused:
            log.error("cannot join", channel=parcel.channel, error=str(refused))
        else:
            return True
    return await _rest(work, parcel, _CLOSED, str(error))


async def _send_plain(work: Work, parcel: Parcel, error: RejectedError) -> bool:
    """Slack refuses the layout: the words must get through all the same."""
    words = str(parcel.payload.get("text") or "")[:2900] or "(a message that Slack refused)"
    section = {"type": "section", "block_id": parcel.marker, "text": {"type": "plain_text", "text": words}}
    plain: Mapping[str, Any] = {"text": words, "blocks": [section]}
    if plain["blocks"] == parcel.payload.get("blocks"):
        return await _give_up(work, parcel, error)
    try:
        await _send(work, _replaced(parcel, plain))
    except RejectedError as again:
        return await _give_up(work, parcel, again)
    return True


def _replaced(parcel: Parcel, payload: Mapping[str, Any]) -> Parcel:
    from dataclasses import replace

    return replace(parcel, payload=payload, thread_ts=parcel.thread_ts)


async def _give_up(work: Work, parcel: Parcel, error: AtsError) -> bool:
    log.error("slack message given up", channel=parcel.channel, message=parcel.id, error=str(error))
    async with work.store.transaction() as tx:
        await outbox.give_up(tx, parcel.id, str(error))
    return True


async def _unsent(work: Work, parcel: Parcel, *, only_if_untried: bool = False) -> None:
    if only_if_untried and (parcel.tried_at is not None or parcel.ts):
        return
    async with work.store.transaction() as tx:
        await outbox.unsent(tx, parcel.id)


async def _rest(work: Work, parcel: Parcel, seconds: float | None, reason: str) -> bool:
    async with work.store.transaction() as tx:
        wait = await outbox.pause(tx, parcel.channel, seconds=seconds, reason=reason, now=utcnow())
    log.info("channel rests", channel=parcel.channel, seconds=round(wait, 1))
    return False
