"""What a reminder says: from rows to what is rendered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot import render
from bot.domain.escalation import LATE, Duty, Rung
from bot.operations.rules import Rules
from bot.operations.views import EVERYBODY, Render, link_to, shown
from bot.render import AskedView, ReminderView
from bot.render.words import entry_cautions
from bot.store.tables import Incident, Message

AGAIN: Final = "Everybody"  # the role that `incident.reminders` keeps for a repetition


def asked_view(rung: Rung, duty: Duty, late: timedelta) -> AskedView:
    """One rung as it is shown."""
    people = tuple(who for each in duty.people if (who := shown(each)))
    said = late if late >= LATE else None
    return AskedView(rung.role, rung.schedule, people, empty=duty.empty, note=duty.note, late=said)


def reminder_view(
    rules: Rules,
    incident: Incident,
    asked: Sequence[AskedView],
    *,
    again: bool,
    then: tuple[datetime, Rung | None],
    card: Message | None,
    others: int = 0,
) -> ReminderView:
    """All that a reminder says."""
    entry = rules.plan.entry(incident.entry_id)
    step = entry.steps[0] if entry and entry.steps else None
    return ReminderView(
        number=incident.number,
        title=incident.title,
        triggered_at=incident.triggered_at,
        rearmed_at=incident.rearmed_at,
        severity=incident.severity,
        service=incident.service,
        asked=tuple(asked),
        again=again,
        asked_before=_before(incident),
        others=others,
        storm=incident.storm_id or 0,
        first_step=step.title if step else "",
        first_command=step.source if step else "",
        cautions=entry_cautions(entry) if entry else (),
        link=link_to(card),
        url=incident.url,
        next_reminder=(then[0], then[1].role if then[1] else EVERYBODY),
    )


def _before(incident: Incident) -> tuple[str, ...]:
    """Who was asked since nobody has it, each rung once."""
    since = [r for r in incident.reminders if r.get("key") in incident.fired and r["role"] != AGAIN]
    return tuple(dict.fromkeys(f"{r['role']}: {r['names']}" for r in since))


def in_thread(view: ReminderView, now: datetime) -> Render:
    return lambda marker: render.reminder_message(view, now=now, marker=marker)


def directs(view: ReminderView, now: datetime) -> dict[str, Render]:
    """The message to each person, by Slack id: one for all the rungs that a person stands on."""
    everybody = dict.fromkeys(who.slack_id for each in view.asked for who in each.people if who.slack_id)
    return {slack_id: _direct(_for(view, slack_id), now) for slack_id in everybody}


def _for(view: ReminderView, slack_id: str) -> ReminderView:
    return replace(view, asked=tuple(a for a in view.asked if any(w.slack_id == slack_id for w in a.people)))


def _direct(view: ReminderView, now: datetime) -> Render:
    return lambda marker: render.reminder_dm(view, now=now, marker=marker)
