"""Messages that are written again as more is known, and files that are shown beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col

from bot.operations import outbox
from bot.render import Message as Rendered
from bot.render import closing
from bot.store.session import CARD_QUEUE, EFFECT_QUEUE, Tx
from bot.store.tables import Attachment, Message

SHEET, FILE = outbox.LATER


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands: a channel, and perhaps a thread there."""

    channel: str
    incident_id: int | None = None
    parent_id: int | None = None
    thread_ts: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be shown."""

    name: str
    title: str
    content: bytes
    alt: str = ""  # for a picture: what it shows, in words


async def write(tx: Tx, ref: str, place: Place, message: Rendered) -> int:
    """The message `ref` should read so: posted the first time, changed in place after; its id.

    What has not changed is not sent again.
    """
    row = await outbox.shown(tx, SHEET, ref)
    if row is not None and not row.failed and row.payload == _marked(message, row.marker):
        return row.id or 0
    where = {"incident_id": place.incident_id, "parent_id": place.parent_id, "thread_ts": place.thread_ts}
    number = await outbox.show(tx, SHEET, ref, place.channel, **where)  # type: ignore[arg-type]
    row = await tx.session.get(Message, number, populate_existing=True)
    assert row is not None  # noqa: S101 - it was written a line above
    row.payload = _marked(message, row.marker)
    await tx.session.flush()
    return number


def _marked(message: Rendered, marker: str) -> dict[str, Any]:
    return outbox.marked(message)(marker).payload()


async def attach(tx: Tx, ref: str, place: Place, files: Sequence[Upload], *, comment: str) -> None:
    """One message with files; asked for again, nothing more happens. It is sent once the bytes are uploaded."""
    if not files or await outbox.shown(tx, FILE, ref) is not None:
        return
    row = Message(
        marker=f"m-{ref}", channel=place.channel, kind=FILE, ref=ref, incident_id=place.incident_id,
        parent_id=place.parent_id, thread_ts=place.thread_ts, payload={"text": comment}, wanted=0,
        created_at=tx.now,
    )  # fmt: skip
    tx.session.add(row)
    await tx.session.flush()
    for file in files:
        tx.session.add(
            Attachment(
                message_id=row.id or 0, name=file.name, title=file.title, alt=file.alt, content=file.content
            )
        )
    await tx.defer("upload", queue=EFFECT_QUEUE, message_id=row.id, attempt=0)


async def to_upload(tx: Tx, message_id: int) -> Sequence[Attachment]:
    """The files of a message whose bytes are not at Slack yet."""
    query = (
        select(Attachment)
        .where(col(Attachment.message_id) == message_id, col(Attachment.file_id) == "")
        .order_by(col(Attachment.id))
    )
    return (await tx.session.execute(query)).scalars().all()


async def uploaded(tx: Tx, attachment_id: int, file_id: str) -> None:
    await tx.session.execute(
        update(Attachment).where(col(Attachment.id) == attachment_id).values(file_id=file_id)
    )


async def release(tx: Tx, message_id: int) -> None:
    """All bytes are at Slack: the message may be sent."""
    row = await tx.session.get(Message, message_id, with_for_update=True)
    if row is None or row.sent >= 1:
        return
    query = select(Attachment).where(col(Attachment.message_id) == message_id).order_by(col(Attachment.id))
    files = (await tx.session.execute(query)).scalars().all()
    row.payload = {**row.payload, "files": [{"id": f.file_id, "title": f.title} for f in files]}
    row.wanted = 1
    await tx.defer("deliver", queue=CARD_QUEUE, channel=row.channel)


async def upload_later(tx: Tx, message_id: int, *, attempt: int, seconds: float) -> None:
    at = tx.now + timedelta(seconds=seconds)
    await tx.defer("upload", queue=EFFECT_QUEUE, at=at, message_id=message_id, attempt=attempt)


async def without_files(tx: Tx, message_id: int, reason: str) -> None:
    """The files cannot be had: the words that came with them are sent all the same, and why."""
    row = await tx.session.get(Message, message_id, with_for_update=True)
    if row is None or row.sent >= 1:
        return
    alts = [a.alt for a in await to_upload(tx, message_id) if a.alt]
    words = "\n".join(
        [str(row.payload.get("text") or ""), *alts, f"(The files could not be uploaded: {reason})"]
    )
    block = {"type": "section", "block_id": row.marker, "text": {"type": "plain_text", "text": words[:2900]}}
    row.payload = {"text": words[:2900], "blocks": [block]}
    await tx.session.execute(
        update(Attachment).where(col(Attachment.message_id) == message_id).values(content=b"")
    )
    row.wanted = 1
    await tx.defer("deliver", queue=CARD_QUEUE, channel=row.channel)


async def shared(tx: Tx, message_id: int, permalinks: Mapping[str, str]) -> None:
    """The files are seen: where, and their bytes need not be kept any longer."""
    query = select(Attachment).where(col(Attachment.message_id) == message_id)
    for attachment in (await tx.session.execute(query)).scalars():
        attachment.permalink = permalinks.get(attachment.file_id, "")
        attachment.content = b""


async def files_of(tx: Tx, ref: str) -> Sequence[Attachment]:
    """The files of the message `ref`, in order."""
    query = (
        select(Attachment)
        .join(Message, col(Message.id) == col(Attachment.message_id))
        .where(col(Message.kind) == FILE, col(Message.ref) == ref)
        .order_by(col(Attachment.id))
    )
    return (await tx.session.execute(query)).scalars().all()


async def close(tx: Tx, ref: str, why: str) -> None:
    """The message `ref` is not written again: nothing is left to press, and its last line says why."""
    row = await outbox.shown(tx, SHEET, ref)
    if row is None:
        return
    closed = closing(Rendered(str(row.payload["text"]), list(row.payload["blocks"])), why, now=tx.now)
    await write(tx, ref, Place(row.channel), closed)
