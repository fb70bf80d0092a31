"""Files: uploaded beside the queue, for that may take a while; then shared in their turn, once."""

from typing import Final

import structlog

from bot.clients import slack_files
from bot.clients.slack_files import Shared
from bot.errors import AtsError, RateLimitedError
from bot.jobs.work import Work
from bot.operations import outbox, sheets
from bot.operations.outbox import Parcel

log = structlog.get_logger(__name__)

TRIES: Final = 6  # the last one about a minute after the first


async def upload(work: Work, message_id: int, attempt: int) -> None:
    """Bring the bytes of a message's files to Slack; what is there already is not sent again."""
    try:
        await _upload(work, message_id)
    except AtsError as error:
        log.warning("file not uploaded", message=message_id, attempt=attempt, error=str(error))
        async with work.store.transaction() as tx:
            if error.retryable and attempt + 1 < TRIES:
                wait = error.retry_after if isinstance(error, RateLimitedError) else 2.0**attempt
                await sheets.upload_later(tx, message_id, attempt=attempt + 1, seconds=wait)
            else:
                await sheets.without_files(tx, message_id, str(error))


async def _upload(work: Work, message_id: int) -> None:
    async with work.store.transaction() as tx:
        waiting = [(a.id or 0, a.name, a.alt, a.content) for a in await sheets.to_upload(tx, message_id)]
    for number, name, alt, content in waiting:
        file_id = await slack_files.upload(work.slack, name, content, alt=alt)
        async with work.store.transaction() as tx:
            await sheets.uploaded(tx, number, file_id)
    async with work.store.transaction() as tx:
        await sheets.release(tx, message_id)


async def share(work: Work, parcel: Parcel, channel_id: str) -> None:
    """Show a message's files; called by whoever holds the channel's lane."""
    done = await slack_files.share(
        work.slack, channel_id, parcel.payload["files"], comment=str(parcel.payload.get("text") or ""),
        thread_ts=parcel.thread_ts or None,
    )  # fmt: skip
    await _shared(work, parcel, channel_id, done)


async def _shared(work: Work, parcel: Parcel, channel_id: str, done: tuple[Shared, ...]) -> None:
    ts = next((one.ts for one in done if one.ts), "")
    async with work.store.transaction() as tx:
        await outbox.sent(tx, parcel, channel_id=channel_id, ts=ts)
        await sheets.shared(tx, parcel.id, {one.file_id: one.permalink for one in done})


async def look_for(work: Work, parcel: Parcel, channel_id: str, *, since: float) -> str | None:
    """The message in which an earlier try has shared the files, if it has."""
    first = str(parcel.payload["files"][0]["id"])
    found = await slack_files.find(
        work.slack, channel_id, first, since=since, thread_ts=parcel.thread_ts or None
    )
    if not found:
        return None
    await _shared(work, parcel, channel_id, found)
    return found[0].ts
