"""How far the reading of PagerDuty's log has come, and what is said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot import render
from bot.domain.pagerduty import Snapshot
from bot.domain.pagerduty_log import LogEntry
from bot.operations import inbox, incidents, outbox, timeline
from bot.operations.rules import Rules
from bot.store.session import Tx
from bot.store.tables import Cursor, Incident, table

LOG = "pagerduty.log"
SUBSCRIPTION = "pagerduty.subscription"


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a reader is."""

    at: datetime
    state: Mapping[str, Any]


async def mark(tx: Tx, name: str) -> Mark | None:
    row = await tx.session.get(Cursor, name)
    return Mark(row.at, row.state) if row else None


async def move(tx: Tx, name: str, at: datetime, state: Mapping[str, Any] | None = None) -> None:
    """The reader has come so far."""
    values = {"at": at, "state": dict(state or {})}
    statement = insert(table(Cursor)).values(name=name, **values)
    await tx.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


async def unknown_of(tx: Tx, pd_ids: Sequence[str]) -> list[str]:
    """Those of the incidents that we do not have."""
    query = select(col(Incident.pd_id)).where(col(Incident.pd_id).in_(pd_ids))
    known = set((await tx.session.execute(query)).scalars())
    return [pd_id for pd_id in dict.fromkeys(pd_ids) if pd_id not in known]


async def open_here(tx: Tx) -> list[str]:
    """PagerDuty's ids of the incidents that are open as far as we know."""
    query = select(col(Incident.pd_id)).where(col(Incident.status) != "resolved").order_by(col(Incident.id))
    return list((await tx.session.execute(query)).scalars())


async def differing(tx: Tx, seen: Sequence[Snapshot]) -> set[str]:
    """PagerDuty's ids of those that we do not have, or have otherwise."""
    query = select(
        col(Incident.pd_id), col(Incident.status), col(Incident.title), col(Incident.priority),
        col(Incident.service), col(Incident.assignees),
    ).where(col(Incident.pd_id).in_([each.pd_id for each in seen]))  # fmt: skip
    have = {row[0]: _short(*row[1:]) for row in (await tx.session.execute(query)).all()}
    return {
        each.pd_id
        for each in seen
        if have.get(each.pd_id)
        != _short(
            each.status, each.title, each.priority, each.service, [who.as_json() for who in each.assignees]
        )
    }


def _short(status: str, title: str, priority: str, service: str, assignees: Any) -> tuple[Any, ...]:
    return status, title, priority, service, sorted(str(each.get("pd_id")) for each in assignees)


async def apply(tx: Tx, rules: Rules, entry: LogEntry, raw: Mapping[str, Any], *, quiet: bool = False) -> bool:
    """One log entry, once; True if no webhook had told of it. `quiet`: not said in the thread."""
    delivery = inbox.Delivery("pagerduty.log", entry.id, entry.id, f"log.{entry.type}", dict(raw))
    if entry.happening is None or await inbox.file(tx, delivery) is None:
        return False
    return await incidents.logged(tx, rules, entry.incident_id, entry.happening, entry.move, quiet=quiet)


async def caught_up(tx: Tx, rules: Rules, *, away: timedelta, entries: int, repaired: int) -> None:
    """A gap was filled: said in the channel, so that nobody wonders about late lines."""
    found = (
        f"{entries} entries of its log and {repaired} incidents were new to me" if entries or repaired else ""
    )
    words = f"I had not heard from PagerDuty for {render.duration(away)}. {found or 'Nothing was missed'}."
    await timeline.append(tx, None, "catch_up", words, source="bot")
    if found:
        await _say(tx, rules, f"🔁 {words} What is late says when it happened.")


async def disabled(tx: Tx, rules: Rules, subscription_id: str, *, mended: bool, why: str) -> bool:
    """The webhook subscription was switched off; said once for each time. False if it was said already."""
    known = await mark(tx, SUBSCRIPTION)
    state = "mended" if mended else "off"
    if (
        known is not None
        and known.state.get("id") == subscription_id
        and known.state.get("is") == state
        and not mended
    ):
        return False
    await move(tx, SUBSCRIPTION, tx.now, {"id": subscription_id, "is": state})
    what = (
        "⚠️ PagerDuty had switched its webhooks to me off, for they were refused three times. They are on again, and "
        "what was missed is being read from its log. Look at PAGERDUTY_WEBHOOK_SECRET and at the proxy in between: "
        "`ats-bot doctor`."
        if mended
        else f"⚠️ PagerDuty's webhooks to me are off: {why} Until they are on again I look every few seconds myself. "
        "Switch them on in PagerDuty (Integrations → Generic Webhooks)."
    )
    await timeline.append(tx, None, "webhooks", what, source="bot")
    await _say(tx, rules, what)
    return True


async def _say(tx: Tx, rules: Rules, text: str) -> None:
    await outbox.post(tx, rules.channel, lambda marker: render.plain_message(render.Md(text), marker=marker))
