"""Health reports that are kept current for a while: at most one in a channel, and so many in all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update
from sqlmodel import col

from bot.domain.people import Who
from bot.operations import sheets
from bot.operations.sheets import Place
from bot.render import Message
from bot.store.session import LOOK_QUEUE, Tx
from bot.store.tables import Watch

_LOCK = 0x5741  # one at a time begins a watch, or the limit would not hold


@dataclass(frozen=True, slots=True)
class Begun:
    """What came of asking for a watch; `others` when there are as many as there may be."""

    watch_id: int = 0
    others: tuple[Watch, ...] = ()


async def begin(tx: Tx, channel: str, system: str, *, by: Who, lasting: timedelta, most: int) -> Begun:
    """Watch in a channel; the one that was going on there ends."""
    await tx.session.execute(select(func.pg_advisory_xact_lock(_LOCK, 0)))
    going = await open_ones(tx)
    here = [w for w in going if w.channel == channel]
    others = tuple(w for w in going if w.channel != channel)
    if len(others) >= most:
        return Begun(others=others)
    for watch in here:
        await end(tx, watch, "replaced by another one")
    watch = Watch(
        channel=channel, system=system, asked_by=by.as_json(), started_at=tx.now, until=tx.now + lasting
    )
    tx.session.add(watch)
    await tx.session.flush()
    await tx.defer("watch", queue=LOOK_QUEUE, watch_id=watch.id, turn=0)
    return Begun(watch.id or 0)


async def open_ones(tx: Tx) -> Sequence[Watch]:
    query = select(Watch).where(col(Watch.ended) == "").order_by(col(Watch.id)).with_for_update()
    return (await tx.session.execute(query)).scalars().all()


async def get(tx: Tx, watch_id: int) -> Watch | None:
    return await tx.session.get(Watch, watch_id, with_for_update=True, populate_existing=True)


def ref(watch_id: int) -> str:
    """The name of its message."""
    return f"watch-{watch_id}"


async def looked(tx: Tx, watch_id: int, turn: int, message: Message, *, every: float) -> None:
    """A look has ended: the message shows it, and the next look is due, unless the watch has ended meanwhile."""
    statement = (
        update(Watch)
        .where(col(Watch.id) == watch_id, col(Watch.turn) == turn, col(Watch.ended) == "")
        .values(turn=turn + 1)
        .returning(col(Watch.until), col(Watch.channel))
    )
    row = (await tx.session.execute(statement)).one_or_none()
    if row is None:
        return
    await sheets.write(tx, ref(watch_id), Place(row.channel), message)
    if tx.now >= row.until:
        watch = await get(tx, watch_id)
        if watch is not None:
            await end(tx, watch, "the time is up")
        return
    due = min(tx.now + timedelta(seconds=every), row.until)
    await tx.defer("watch", at=due, queue=LOOK_QUEUE, watch_id=watch_id, turn=turn + 1)


async def show(tx: Tx, watch_id: int, channel: str, message: Message) -> None:
    """A first look that is not complete yet."""
    watch = await get(tx, watch_id)
    if watch is not None and not watch.ended:
        await sheets.write(tx, ref(watch_id), Place(channel), message)


async def end(tx: Tx, watch: Watch, why: str) -> None:
    """It is not kept current any longer, and says so."""
    watch.ended = why
    await tx.session.flush()
    await sheets.close(tx, ref(watch.id or 0), why)


async def stop(tx: Tx, watch_id: int, *, by: Who) -> bool:
    """Somebody pressed Stop; False if it had ended."""
    watch = await get(tx, watch_id)
    if watch is None or watch.ended:
        return False
    await end(tx, watch, f"stopped by {by.name or 'somebody'}")
    return True
