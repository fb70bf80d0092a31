"""Storms: more incidents of one kind within minutes than anybody can read have one card, one list and one ladder.

Decided from the incidents' rows by the ticker, under one lock for all workers; webhooks know nothing of it.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select, text, update
from sqlmodel import col

from bot.domain import escalation, storms
from bot.domain.people import Who
from bot.domain.storms import Fresh, Member
from bot.operations import ladder, outbox, timeline
from bot.operations.rules import Rules
from bot.operations.views import next_reminder, on_call_views
from bot.render import Message as Rendered
from bot.render import storms as words
from bot.render.storms import MemberRow, StormView
from bot.store.session import EFFECT_QUEUE, Tx
from bot.store.tables import Incident, Message, Storm, table

_LOCK: Final = 0x4154_534D  # "ATSM": one worker at a time
LIST: Final = "storm_list"
CARD: Final = "storm"
_TABLE = table(Incident)


async def gather(tx: Tx, rules: Rules) -> bool:
    """Found and feed storms, say who is asked about, and keep their cards true; False: another worker is at it."""
    if not await _something(tx, rules.timing.cards_of_a_kind):
        return True
    query = text("select pg_try_advisory_xact_lock(:k)")
    if not (await tx.session.execute(query, {"k": _LOCK})).scalar_one():
        return False
    await _join(tx, rules.timing.cards_of_a_kind)
    for storm in await _open(tx):
        await _settle(tx, rules, storm)
    return True


async def _something(tx: Tx, most: int) -> bool:
    """Whether there is anything to do at all: cheap, for it is asked twice a second."""
    query = text(
        "select exists (select 1 from storm where closed_at is null) or (select count(*) > :most from (select 1 "
        "from incident where created_at > :since and storm_id is null limit :limit) as fresh)"
    )
    limits = {"most": most, "limit": most + 1, "since": tx.now - storms.WINDOW}
    return bool((await tx.session.execute(query, limits)).scalar_one())


async def _open(tx: Tx) -> Sequence[Storm]:
    return (
        (await tx.session.execute(select(Storm).where(col(Storm.closed_at).is_(None)).order_by(col(Storm.id))))
        .scalars()
        .all()
    )


async def _join(tx: Tx, most: int) -> None:
    columns = (col(Incident.id), col(Incident.entry_id), col(Incident.service_id), col(Incident.service))
    query = (
        select(*columns)
        .where(col(Incident.created_at) > tx.now - storms.WINDOW, col(Incident.storm_id).is_(None))
        .order_by(col(Incident.id))
    )
    rows = (await tx.session.execute(query)).all()
    fresh = [Fresh(int(row[0] or 0), storms.key_of(row[1], row[2], row[3])) for row in rows]
    going_on = {s.key: s for s in await _open(tx) if s.joined_at > tx.now - storms.WINDOW}
    for key, ids in storms.gather(fresh, {k: s.id or 0 for k, s in going_on.items()}, most=most).items():
        storm = going_on.get(key) or await _found(tx, key)
        await _add(tx, storm, ids)


async def _found(tx: Tx, key: str) -> Storm:
    storm = Storm(key=key, opened_at=tx.now, joined_at=tx.now)
    tx.session.add(storm)
    await tx.session.flush()
    await timeline.append(tx, None, "storm", f"Storm of {key}: its incidents have one card now", source="bot")
    return storm


async def _add(tx: Tx, storm: Storm, ids: Sequence[int]) -> None:
    """Rows that somebody holds right now join at the next look. Cards not yet on their way are not needed."""
    free = select(_TABLE.c.id).where(_TABLE.c.id.in_(ids)).with_for_update(skip_locked=True)
    joined = list((await tx.session.execute(free)).scalars())
    if not joined:
        return
    await tx.session.execute(update(_TABLE).where(_TABLE.c.id.in_(joined)).values(storm_id=storm.id))
    storm.joined_at = tx.now
    cards = table(Message)
    mine = (cards.c.incident_id.in_(joined)) & (cards.c.kind == "card")
    waiting = mine & (cards.c.ts == "") & cards.c.attempted_at.is_(None)
    await tx.session.execute(update(cards).where(waiting).values(sent=cards.c.wanted))
    shown = mine & ~((cards.c.ts == "") & cards.c.attempted_at.is_(None))
    await tx.session.execute(
        update(cards).where(shown).values(wanted=cards.c.wanted + 1)
    )  # they point to it now


async def _settle(tx: Tx, rules: Rules, storm: Storm) -> None:
    """One ladder for all; the card as it is; over once all is resolved and nothing more comes."""
    counts = await _counts(tx, storm)
    if counts.get("triggered"):
        await _elect(tx, rules, storm)
    over = not counts.get("triggered") and not counts.get("acknowledged")
    quiet = storm.joined_at <= tx.now - storms.WINDOW
    if over and quiet:
        storm.closed_at = tx.now
    changed = counts != storm.shown
    if changed and (storm.shown_at is None or storm.shown_at <= tx.now - storms.REFRESH or over):
        storm.shown, storm.shown_at = counts, tx.now
        await _show(tx, rules, storm, sum(counts.values()))


async def _counts(tx: Tx, storm: Storm) -> dict[str, int]:
    query = (
        select(col(Incident.status), func.count())
        .where(col(Incident.storm_id) == storm.id)
        .group_by(col(Incident.status))
    )
    return {str(status): int(count) for status, count in (await tx.session.execute(query)).all()}


async def _show(tx: Tx, rules: Rules, storm: Storm, members: int) -> None:
    parent = await outbox.show(tx, CARD, str(storm.id), rules.channel)
    for page in range((members + storms.PAGE - 1) // storms.PAGE):
        await outbox.show(tx, LIST, f"{storm.id}:{page}", rules.channel, parent_id=parent)


async def _elect(tx: Tx, rules: Rules, storm: Storm) -> None:
    """One unacknowledged incident's ladder speaks for all of them; it goes on where that of another one ended."""
    paging = col(Incident.severity).in_([*escalation.PAGING, ""])
    columns = (_TABLE.c.id, _TABLE.c.due_at, _TABLE.c.level, _TABLE.c.anchor_at, _TABLE.c.created_at)
    query = select(*columns).where(
        col(Incident.storm_id) == storm.id, col(Incident.status) == "triggered", paging
    )
    rows = (await tx.session.execute(query)).all()
    members = [Member(r.id, r.due_at is not None, r.level, r.anchor_at or r.created_at) for r in rows]
    chosen = storms.speaker(members)
    if chosen is None:
        return
    silent = [m.id for m in members if m.due and m.id != chosen]
    if silent:
        free = select(_TABLE.c.id).where(_TABLE.c.id.in_(silent)).with_for_update(skip_locked=True)
        quiet = list((await tx.session.execute(free)).scalars())
        await tx.session.execute(update(_TABLE).where(_TABLE.c.id.in_(quiet)).values(due_at=None))
    if not next(m.due for m in members if m.id == chosen):
        await _succeed(tx, rules, storm, chosen)


async def _succeed(tx: Tx, rules: Rules, storm: Storm, chosen: int) -> None:
    """Whoever was asked about the storm was asked about this one too."""
    query = select(Incident).where(col(Incident.id) == chosen).with_for_update(skip_locked=True)
    incident = (await tx.session.execute(query)).scalar_one_or_none()
    if incident is None or incident.status != "triggered":
        return
    last = (
        await tx.session.execute(
            select(Incident)
            .where(col(Incident.storm_id) == storm.id, col(Incident.asked_at).is_not(None))
            .order_by(col(Incident.asked_at).desc())
            .limit(1)
        )
    ).scalar_one_or_none()
    if last is not None and last.id != incident.id and (last.asked_at or tx.now) >= incident.created_at:
        incident.fired, incident.level, incident.asked_at = list(last.fired), last.level, last.asked_at
    ladder.schedule(rules, incident)


# What is shown


@outbox.live(CARD)
async def _card(tx: Tx, rules: Rules, ref: str, marker: str) -> Rendered | None:
    storm = await tx.session.get(Storm, int(ref))
    return words.storm_card(await view_of(tx, rules, storm), now=tx.now, marker=marker) if storm else None


@outbox.live(LIST)
async def _list(tx: Tx, rules: Rules, ref: str, marker: str) -> Rendered | None:
    del rules
    storm_id, _, page = ref.partition(":")
    query = (
        select(Incident)
        .where(col(Incident.storm_id) == int(storm_id))
        .order_by(col(Incident.severity), col(Incident.triggered_at), col(Incident.id))
        .offset(int(page) * storms.PAGE)
        .limit(storms.PAGE)
    )
    rows = [_row(i) for i in (await tx.session.execute(query)).scalars().all()]
    return words.storm_list(rows, first=int(page) * storms.PAGE + 1, now=tx.now, marker=marker)


def _row(incident: Incident) -> MemberRow:
    by = incident.acked_by if incident.status == "acknowledged" else incident.resolved_by
    return MemberRow(
        incident.number, incident.title, incident.status, incident.triggered_at, Who.from_json(by), incident.url
    )


async def view_of(tx: Tx, rules: Rules, storm: Storm) -> StormView:
    """All that a storm's card shows."""
    counts = await _counts(tx, storm)
    query = (
        select(Incident)
        .where(col(Incident.storm_id) == storm.id)
        .order_by(col(Incident.severity), col(Incident.due_at).is_(None), col(Incident.triggered_at))
        .limit(1)
    )
    speaker = (await tx.session.execute(query)).scalar_one()
    spoken = (
        select(Incident).where(col(Incident.storm_id) == storm.id, col(Incident.due_at).is_not(None)).limit(1)
    )
    due = (await tx.session.execute(spoken)).scalar_one_or_none()
    first = select(func.min(col(Incident.triggered_at))).where(col(Incident.storm_id) == storm.id)
    return StormView(
        id=storm.id or 0,
        number=(due or speaker).number,
        title=speaker.title,
        severity=speaker.severity,
        service=speaker.service,
        since=(await tx.session.execute(first)).scalar_one(),
        counts=counts,
        entry=rules.plan.entry(speaker.entry_id),
        entry_link=rules.link(speaker.entry_id),
        oncall=on_call_views(speaker.oncall),
        next_reminder=next_reminder(rules, due) if due else None,
        reminders=tuple(f"{r['role']} asked ({r['names']})" for r in (due or speaker).reminders[-3:]),
        pages=escalation.pages(speaker.severity),
    )


# Acknowledging


async def ask_acknowledge(tx: Tx, storm_id: int, *, slack_id: str, channel: str, response_url: str) -> bool:
    """Kept before it is acknowledged to Slack; False if there is no such storm."""
    if await tx.session.get(Storm, storm_id) is None:
        return False
    await tx.defer(
        "storm_ack", queue=EFFECT_QUEUE, storm_id=storm_id, slack_id=slack_id, channel=channel,
        response_url=response_url,
    )  # fmt: skip
    return True


async def unacknowledged(tx: Tx, storm_id: int, *, limit: int) -> list[str]:
    """PagerDuty's ids of those that nobody has, the worst first."""
    query = (
        select(col(Incident.pd_id))
        .where(col(Incident.storm_id) == storm_id, col(Incident.status) == "triggered")
        .order_by(col(Incident.severity), col(Incident.id))
        .limit(limit)
    )
    return list((await tx.session.execute(query)).scalars())


async def acknowledged(tx: Tx, rules: Rules, storm_id: int, *, by: Who, count: int) -> None:
    """Said once for all of them."""
    parent = await outbox.shown(tx, CARD, str(storm_id))
    await outbox.post(
        tx, rules.channel, lambda marker: words.all_acknowledged(by, count, marker=marker),
        parent_id=parent.id if parent else None,
    )  # fmt: skip
