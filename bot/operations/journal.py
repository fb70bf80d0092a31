"""What PagerDuty tells, in the timeline and in the thread."""

from datetime import datetime, timedelta
from typing import Final

from bot import render
from bot.domain.happenings import IN_THREAD, OWN_CALL, Happening
from bot.operations import echoes, outbox, timeline
from bot.operations.rules import Rules
from bot.operations.views import Render, shown
from bot.store.session import Tx
from bot.store.tables import Incident

LATE: Final = timedelta(minutes=2)  # older news says when it happened


async def write_down(tx: Tx, incident: Incident, told: Happening, *, first: bool = False) -> None:
    """Into the timeline; `first` for an incident that was stored in this transaction."""
    entry = await timeline.append(
        tx, incident.id, told.kind, told.line, actor=told.by,
        source="slack" if told.by.slack_id else "pagerduty", at=told.at,
        data={"via": told.via, "id": told.source_id}, first=first,
    )  # fmt: skip
    echoes.note(incident, told.via, entry.id or 0)


async def say(tx: Tx, rules: Rules, incident: Incident, made: Render, *, marker: str = "") -> None:
    """A line in the incident's thread."""
    card = await outbox.card(tx, incident.id or 0)
    await outbox.post(
        tx, rules.channel, made, incident_id=incident.id, parent_id=card.id if card else None, marker=marker
    )


async def tell(tx: Tx, rules: Rules, incident: Incident, told: Happening) -> None:
    """Say it in the thread, if it is of a kind that is said there."""
    if told.kind in IN_THREAD and not told.quote.startswith(OWN_CALL):
        await say(tx, rules, incident, in_thread(told, now=tx.now))


def in_thread(told: Happening, *, now: datetime) -> Render:
    """How the thread says it."""
    person, source = shown(told.by), "slack" if told.by.slack_id else "pagerduty"
    late = told.at if told.at and now - told.at > LATE else None
    return lambda marker: render.happening_note(
        told.kind, told.head, person, source, told.quote, at=late, now=now, marker=marker
    )


def within_second(seen: datetime, now: datetime) -> datetime:
    """REST cuts times to whole seconds: the later in that second, so that the timeline keeps its order."""
    return min(max(seen, now), seen + timedelta(milliseconds=999))
