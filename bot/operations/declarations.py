"""Incidents that people declare: kept first, created in PagerDuty by their key, recognised when they come back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot import render
from bot.domain.people import Who
from bot.operations import checklists, incidents, journal, ladder, timeline
from bot.operations.checklists import Press
from bot.operations.rules import Rules
from bot.render import DeclaredView
from bot.store.session import Tx
from bot.store.tables import Declaration, table

# The entries of the runbook that its emergency rules name for these kinds.
GUIDES: Mapping[str, tuple[str, ...]] = {
    "security": ("suspected-breach",),
    "corruption": ("data-corruption",),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody declares."""

    kind: str  # "incident", "corruption", "security", "page"
    asked: Mapping[str, Any]  # title, text, severity, entry_id; for a page: role
    slack_id: str
    channel: str = ""
    response_url: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A declaration as it is kept."""

    key: str
    wish: Wish
    pd_id: str
    failed: str
    asked_at: Any


async def declare(tx: Tx, wish: Wish, *, press: str) -> None:
    """Keep it and have it created; the same press delivered twice is one declaration."""
    key = f"ats-{uuid5(NAMESPACE_OID, press).hex}"
    values = {
        "key": key, "kind": wish.kind, "asked": dict(wish.asked), "slack_id": wish.slack_id,
        "channel": wish.channel, "response_url": wish.response_url, "pd_id": "", "failed": "",
        "asked_at": tx.now,
    }  # fmt: skip
    statement = insert(table(Declaration)).values(values).on_conflict_do_nothing()
    if (await tx.session.execute(statement.returning(col(Declaration.key)))).first() is not None:
        await tx.defer("declare", key=key)


async def get(tx: Tx, key: str) -> Kept | None:
    row = await tx.session.get(Declaration, key)
    if row is None:
        return None
    wish = Wish(row.kind, row.asked, row.slack_id, row.channel, row.response_url)
    return Kept(row.key, wish, row.pd_id, row.failed, row.asked_at)


async def failed(tx: Tx, kept: Kept, why: str, *, by: Who) -> None:
    """It was not created: written down, and not tried again."""
    await tx.session.execute(update(Declaration).where(col(Declaration.key) == kept.key).values(failed=why))
    words = f"Declared “{kept.wish.asked.get('title')}” ({kept.wish.kind}); it failed: {why}"
    await timeline.append(tx, None, "declare_failed", words, actor=by, source="slack")


async def created(tx: Tx, rules: Rules, kept: Kept, pd_id: str, *, paged: str, by: Who) -> int:
    """It is there: said in its thread once, with what the emergency rules demand. Its number."""
    incident = await incidents.by_pd_id(tx, pd_id)
    if incident is None:
        return 0
    done = update(Declaration).where(col(Declaration.key) == kept.key, col(Declaration.pd_id) == "")
    fresh = await tx.session.execute(done.values(pd_id=pd_id).returning(col(Declaration.key)))
    if fresh.first() is None:
        return incident.number
    words = f"Declared by {by.name or by.slack_id}: {kept.wish.asked.get('title')}"
    await timeline.append(tx, incident.id, "declared", words, actor=by, source="slack", data={"key": kept.key})
    incident.extra = {**incident.extra, "declared": kept.wish.kind}
    ladder.schedule(rules, incident)  # the security team's rung, if it is theirs
    guide = guide_of(rules, kept.wish.kind)
    view = DeclaredView(
        kind=kept.wish.kind, number=incident.number, who=by, paged=paged,
        text=str(kept.wish.asked.get("text") or ""), stop=stop_of(rules, kept.wish.kind),
        guide=guide.title if guide else "",
    )  # fmt: skip
    await journal.say(tx, rules, incident, lambda marker: render.declared_note(view, marker=marker))
    if guide is not None:
        press = Press("start", kept.wish.slack_id, entry=guide.id, number=incident.number, key=kept.key)
        await checklists.start(tx, rules, guide, press, by=by)
    return incident.number


def guide_of(rules: Rules, kind: str) -> Any:
    """The runbook's entry for that kind of emergency, if it has one."""
    return next((entry for name in GUIDES.get(kind, ()) if (entry := rules.plan.entry(name))), None)


def stop_of(rules: Rules, kind: str) -> str:
    """The id of the step that stops trading, as the guide for that kind has it."""
    guide = guide_of(rules, kind)
    steps = guide.steps if guide else ()
    return next((step.id for step in steps if step.unlocked and step.risk == "protective"), "")
