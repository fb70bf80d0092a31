"""The outbox: which Slack messages should exist. A drainer for each channel makes it so (bot.jobs.deliver)."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, String, and_, case, cast, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot.domain import lane
from bot.operations import cards, views
from bot.operations.rules import Rules
from bot.render import Message as Rendered
from bot.store.session import CARD_QUEUE, Tx
from bot.store.tables import Incident, Lane, Message, table


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is written once; `render` gets the marker by which it is found again after a crash."""

    channel: str
    render: Callable[[str], Rendered]
    incident_id: int | None = None
    parent_id: int | None = None
    thread_ts: str = ""
    marker: str = ""
    rank: int = lane.rank(lane.WORD, "")

    def row(self, now: datetime) -> Message:
        marker = self.marker or f"m-{uuid.uuid4().hex}"
        return Message(
            marker=marker, channel=self.channel, kind="text", incident_id=self.incident_id, parent_id=self.parent_id,
            thread_ts=self.thread_ts, rank=self.rank, payload=self.render(marker).payload(), created_at=now,
        )  # fmt: skip


async def post(
    tx: Tx,
    channel: str,
    render: Callable[[str], Rendered],
    *,
    incident_id: int | None = None,
    parent_id: int | None = None,
    thread_ts: str = "",
    marker: str = "",
    rank: int = lane.rank(lane.WORD, ""),
) -> Message:
    """Have a message sent.

    A caller that may be run twice for the same message gives a `marker` of its own, and asks `known` first.
    """
    row = Draft(channel, render, incident_id, parent_id, thread_ts, marker, rank).row(tx.now)
    tx.session.add(row)
    await tx.session.flush()
    await tx.defer("deliver", queue=CARD_QUEUE, channel=channel)
    return row


_POST = insert(table(Message)).returning(col(Message.id), sort_by_parameter_order=True)  # the older goes first


async def post_all(tx: Tx, drafts: Sequence[Draft]) -> None:
    """Have many messages sent: one statement."""
    if drafts:
        rows = [draft.row(tx.now).model_dump(exclude={"id"}) for draft in drafts]
        await tx.session.execute(_POST, rows)
    for channel in dict.fromkeys(draft.channel for draft in drafts):
        await tx.defer("deliver", queue=CARD_QUEUE, channel=channel)


async def known(tx: Tx, marker: str) -> bool:
    """Whether a message with that marker was posted, or waits to be."""
    query = select(col(Message.id)).where(col(Message.marker) == marker)
    return (await tx.session.execute(query)).scalar_one_or_none() is not None


def marked(message: Rendered) -> Callable[[str], Rendered]:
    """A message that was rendered without its marker."""

    def with_marker(marker: str) -> Rendered:
        first, *rest = message.blocks
        return Rendered(message.text, [{**first, "block_id": marker}, *rest])

    return with_marker


_CARD = (
    insert(table(Message))
    .on_conflict_do_update(
        index_elements=["incident_id"],
        index_where=col(Message.kind) == literal_column("'card'"),
        set_={"wanted": col(Message.wanted) + 1, "failed": ""},
    )
    .returning(col(Message.channel))
)


async def show_card(tx: Tx, incident_id: int, channel: str) -> None:
    """The incident's card should be shown as it is now; several calls before it is sent become one update."""
    await show_cards(tx, [incident_id], channel)


async def show_cards(tx: Tx, incident_ids: Sequence[int], channel: str) -> None:
    """The same for many, in one statement."""
    values = [
        {
            "marker": f"c-{uuid.uuid4().hex}", "channel": channel, "kind": "card", "incident_id": incident_id,
            "payload": {}, "wanted": 1, "sent": 0, "channel_id": "", "ts": "", "thread_ts": "", "attempts": 0,
            "failed": "", "created_at": tx.now, "rank": 0,
        }
        for incident_id in incident_ids
    ]  # fmt: skip
    where = (await tx.session.execute(_CARD, values)).scalars().all() if values else []
    for each in dict.fromkeys(where):
        await tx.defer("deliver", queue=CARD_QUEUE, channel=each)


LATER = ("sheet", "file")  # reports and their files, however many, keep no card and no reminder waiting
LiveRender = Callable[[Tx, Rules, str, str], Awaitable[Rendered | None]]
_live: dict[str, LiveRender] = {}


def live(kind: str) -> Callable[[LiveRender], LiveRender]:
    """Register how messages of a kind are rendered: from the state that `ref` names, each time one is sent.

    The function gets (tx, rules, ref, marker); None leaves the message as it was rendered last.
    """

    def register(render: LiveRender) -> LiveRender:
        _live[kind] = render
        return render

    return register


_LIVE = (
    insert(table(Message))
    .on_conflict_do_update(
        index_elements=["kind", "ref"],
        index_where=col(Message.ref) != "",
        set_={"wanted": col(Message.wanted) + 1, "failed": ""},
    )
    .returning(col(Message.id), col(Message.channel))
)


async def show(
    tx: Tx,
    kind: str,
    ref: str,
    channel: str,
    *,
    incident_id: int | None = None,
    parent_id: int | None = None,
    thread_ts: str = "",
) -> int:
    """The one message about `ref` should be shown as its state is now; its id.

    Where it stands is decided by the first call; several calls before it is sent become one update.
    """
    values: dict[str, Any] = {
        "marker": f"m-{uuid.uuid4().hex}", "channel": channel, "kind": kind, "ref": ref, "incident_id": incident_id,
        "parent_id": parent_id, "thread_ts": thread_ts, "payload": {}, "wanted": 1, "sent": 0, "channel_id": "",
        "ts": "", "attempts": 0, "failed": "", "created_at": tx.now,
    }  # fmt: skip
    row = (await tx.session.execute(_LIVE, values)).one()
    await tx.defer("deliver", queue=CARD_QUEUE, channel=row.channel)
    return int(row.id)


async def refresh(tx: Tx, kind: str, ref: str, *, moments: bool = False) -> None:
    """The message about `ref`, if there is one, is brought up to date; `moments`: those about `ref@…` instead."""
    about = col(Message.ref).startswith(f"{ref}@", autoescape=True) if moments else col(Message.ref) == ref
    statement = (
        update(Message)
        .where(col(Message.kind) == kind, col(Message.ref) != "", about)
        .values(wanted=col(Message.wanted) + 1, failed="")
        .returning(col(Message.channel))
    )
    for channel in dict.fromkeys((await tx.session.execute(statement)).scalars()):
        await tx.defer("deliver", queue=CARD_QUEUE, channel=channel)


async def shown(tx: Tx, kind: str, ref: str) -> Message | None:
    """The message about `ref`, if there is one."""
    query = select(Message).where(col(Message.kind) == kind, col(Message.ref) == ref)
    return (await tx.session.execute(query)).scalar_one_or_none()


async def card(tx: Tx, incident_id: int) -> Message | None:
    """The message that is the incident's card: its storm's, if it is part of one."""
    return (await cards_of(tx, [incident_id])).get(incident_id)


async def cards_of(tx: Tx, incident_ids: Collection[int]) -> dict[int, Message]:
    """The same for many, by incident."""
    own = and_(col(Message.kind) == "card", col(Message.incident_id) == col(Incident.id))
    ref = cast(col(Incident.storm_id), String)
    storm = and_(col(Message.kind) == "storm", col(Message.ref) == ref, col(Message.ref) != "")
    query = (
        select(col(Incident.id), Message)
        .join(Message, or_(own, storm))
        .where(col(Incident.id).in_(incident_ids))
        .order_by(col(Message.kind))  # "card" before "storm", which so counts
    )
    return {int(row[0] or 0): row[1] for row in (await tx.session.execute(query)).all()}


async def incident_of_thread(tx: Tx, channel_id: str, ts: str) -> int:
    """The number of the incident whose card that message is, 0 if it is none."""
    query = (
        select(col(Incident.number))
        .join(Message, col(Message.incident_id) == col(Incident.id))
        .where(col(Message.kind) == "card", col(Message.channel_id) == channel_id, col(Message.ts) == ts)
    )
    return (await tx.session.execute(query)).scalar_one_or_none() or 0


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way: what to send, where, and whether an earlier try may have got through."""

    id: int
    marker: str
    channel: str
    revision: int
    payload: Mapping[str, Any]
    channel_id: str
    ts: str
    thread_ts: str
    tried_at: datetime | None


def _by_severity(kind: str, severity: Any) -> Any:
    """Looked up for each message that waits, which are few: joined, all incidents that ever were would be read."""
    ranks = {each: lane.rank(kind, each) for each in lane.SEVERITIES}
    return case(ranks, value=severity.scalar_subquery(), else_=lane.rank(kind, ""))


_OWN = select(col(Incident.severity)).where(col(Incident.id) == col(Message.incident_id))
_WORST = select(func.min(col(Incident.severity))).where(
    col(Incident.storm_id) == cast(col(Message.ref), Integer)  # of a storm's card alone
)
_RANK = case(
    (col(Message.kind) == "card", _by_severity(lane.CARD, _OWN)),
    (col(Message.kind) == "storm", _by_severity(lane.GROUP, _WORST)),
    (col(Message.kind) == "storm_list", lane.LIST),
    else_=col(Message.rank),
)


async def take(tx: Tx, rules: Rules, channel: str, *, now: datetime) -> Parcel | None:
    """The channel's next message, noted as tried: from here on it may be in Slack unknown to us.

    What wakes people first, then by severity (bot.domain.lane), of equals the oldest; a reply after what it replies to.
    """
    while (row := await _next(tx, channel)) is not None:
        if row.kind != "card" or not await cards.needless(tx, row):
            return await _parcel(tx, rules, row, now=now)
        row.sent = row.wanted
        await tx.session.flush()
    return None


async def _next(tx: Tx, channel: str) -> Message | None:
    query = (
        select(Message)
        .where(col(Message.channel) == channel, col(Message.wanted) > col(Message.sent))
        .where(col(Message.failed) == "")
        .order_by(col(Message.kind).in_(LATER), _RANK, col(Message.id))
        .limit(1)
    )
    row = (await tx.session.execute(query)).scalar_one_or_none()
    parent = await tx.session.get(Message, row.parent_id) if row is not None and row.parent_id else None
    waiting = parent is not None and not parent.ts and parent.wanted > parent.sent and not parent.failed
    return parent if waiting else row


async def _parcel(tx: Tx, rules: Rules, row: Message, *, now: datetime) -> Parcel:
    tried_at, row.attempts = row.attempted_at, row.attempts + 1
    row.attempted_at = tried_at or now
    parent = await tx.session.get(Message, row.parent_id) if row.parent_id else None
    return Parcel(
        id=row.id or 0,
        marker=row.marker,
        channel=row.channel,
        revision=row.wanted,
        payload=await _payload(tx, rules, row),
        channel_id=row.channel_id,
        ts=row.ts,
        thread_ts=parent.ts if parent else row.thread_ts,
        tried_at=tried_at,
    )


async def _payload(tx: Tx, rules: Rules, row: Message) -> Mapping[str, Any]:
    if row.kind in _live:
        rendered = await _live[row.kind](tx, rules, row.ref, row.marker)
        if rendered is not None:
            row.payload = rendered.payload()
        return row.payload
    incident = await tx.session.get(Incident, row.incident_id) if row.kind == "card" else None
    if incident is None:
        return row.payload
    if incident.storm_id is not None:  # it was shown before the storm was known
        storm = await shown(tx, "storm", str(incident.storm_id))
        return views.render_pointer(incident, storm, row.marker).payload()
    return views.render_card(rules, incident, row.marker, now=tx.now).payload()


async def sent(tx: Tx, parcel: Parcel, *, channel_id: str, ts: str, revision: int | None = None) -> None:
    """It is in Slack as of `revision` (that of the parcel unless said otherwise); the channel may go on."""
    await tx.session.execute(
        update(Message)
        .where(col(Message.id) == parcel.id)
        .values(
            sent=func.greatest(col(Message.sent), parcel.revision if revision is None else revision),
            channel_id=channel_id,
            ts=ts,
            sent_at=tx.now,
        )
    )
    await tx.session.execute(
        update(Lane)
        .where(col(Lane.channel) == parcel.channel, col(Lane.failures) > 0)
        .values(failures=0, paused_until=None, reason="")
    )


async def unsent(tx: Tx, message_id: int) -> None:
    """It is certain that it is not in Slack: refused, or deleted there since."""
    await tx.session.execute(
        update(Message).where(col(Message.id) == message_id).values(attempted_at=None, ts="", channel_id="")
    )


async def unthread(tx: Tx, message_id: int) -> None:
    """The thread it belongs to is gone: it goes to the channel, and is certain not to be in Slack yet."""
    gone = {"parent_id": None, "thread_ts": "", "attempted_at": None}
    await tx.session.execute(update(Message).where(col(Message.id) == message_id).values(**gone))


async def give_up(tx: Tx, message_id: int, reason: str) -> None:
    """It can never be sent as it is; the queue goes on without it."""
    await tx.session.execute(update(Message).where(col(Message.id) == message_id).values(failed=reason))


async def pause(tx: Tx, channel: str, *, seconds: float | None, reason: str, now: datetime) -> float:
    """Keep a channel silent; without `seconds`, twice as long as last time, up to 30 s. Returns the seconds."""
    lane = await tx.session.get(Lane, channel, with_for_update=True)
    if lane is None:
        lane = Lane(channel=channel)
        tx.session.add(lane)
    wait = seconds if seconds is not None else min(30.0, 0.5 * 2**lane.failures)
    lane.failures = min(lane.failures + 1, 10)
    lane.paused_until, lane.reason = now + timedelta(seconds=wait), reason
    await tx.defer("deliver", queue=CARD_QUEUE, at=lane.paused_until + tx.offset, channel=channel)
    return wait


async def paused_until(tx: Tx, channel: str) -> datetime | None:
    lane = await tx.session.get(Lane, channel)
    return lane.paused_until if lane else None


async def waiting_channels(tx: Tx, *, now: datetime) -> list[str]:
    """Channels that have something to send and need not be silent now."""
    query = (
        select(col(Message.channel))
        .outerjoin(Lane, col(Lane.channel) == col(Message.channel))
        .where(col(Message.wanted) > col(Message.sent), col(Message.failed) == "")
        .where(or_(col(Lane.paused_until).is_(None), col(Lane.paused_until) <= now))
        .distinct()
    )
    return list((await tx.session.execute(query)).scalars())
