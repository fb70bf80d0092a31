"""From rows to what is rendered: pure, so that a card is always a function of the state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from bot import render
from bot.domain import asked, escalation, extras
from bot.domain.pagerduty import parse_time
from bot.domain.people import Who
from bot.operations.rules import Rules
from bot.render import CardView, IncidentRow, Message, OnCallView, TimelineRow
from bot.render import storms as storm_words
from bot.store.tables import Incident, TimelineEntry
from bot.store.tables import Message as StoredMessage

Render = Callable[[str], Message]
EVERYBODY: Final = "everybody on the ladder"


def shown(who: Who | Mapping[str, Any] | None) -> Who | None:
    """A person as the renderers take them; None for nobody."""
    person = who if isinstance(who, Who) else Who.from_json(who)
    return replace(person, name=person.name or person.pd_id) if person else None


def on_call_views(rows: Sequence[Mapping[str, Any]]) -> tuple[OnCallView, ...]:
    """What `incident.oncall` keeps, as the renderers take it."""
    return tuple(
        OnCallView(
            role=str(row.get("role") or ""),
            who=shown(row),
            schedule=str(row.get("schedule") or ""),
            until=parse_time(row.get("until")),
        )
        for row in rows
    )


def card_view(rules: Rules, incident: Incident) -> CardView:
    """All that the incident's card shows."""
    entry = rules.plan.entry(incident.entry_id)
    choices = () if entry else tuple((e.id, e.title) for e in rules.plan.entries if e.kind == "alert")
    return CardView(
        number=incident.number,
        title=incident.title,
        status=incident.status,
        triggered_at=incident.triggered_at,
        service=incident.service,
        severity=incident.severity,
        url=incident.url,
        acked_at=incident.acked_at,
        acked_by=shown(incident.acked_by),
        commander=_commander(incident),
        occurrences=incident.occurrences,
        history=tuple(_round(each) for each in incident.history),
        resolved_at=incident.resolved_at,
        resolved_by=shown(incident.resolved_by),
        oncall=on_call_views(incident.oncall),
        entry=entry,
        entry_reason=incident.entry_reason,
        entry_link=rules.link(incident.entry_id if entry else ""),
        choices=choices,
        pages=escalation.pages(incident.severity),
        next_reminder=next_reminder(rules, incident),
        reminders=tuple(f"{r['role']} asked ({r['names']})" for r in incident.reminders[-2:]),
        pending=asked.words(incident.pending),
        merged_into=str(incident.extra.get("merged") or incident.merged_into) if incident.merged_into else "",
        assigned=tuple(str(a.get("name") or a.get("pd_id")) for a in incident.assignees),
        bridge=extras.bridge(incident.extra),
    )


def _round(each: Mapping[str, Any]) -> tuple[int, datetime | None, datetime | None, str]:
    return int(each["number"]), parse_time(each["from"]), parse_time(each["to"]), str(each.get("by") or "")


def _commander(incident: Incident) -> Who | None:
    """Who has command, if that is not who acknowledged."""
    commander, acked_by = Who.from_json(incident.commander), Who.from_json(incident.acked_by)
    same = commander.pd_id == acked_by.pd_id if commander.pd_id else commander.slack_id == acked_by.slack_id
    return None if same else shown(commander)


def next_reminder(rules: Rules, incident: Incident) -> tuple[datetime, str] | None:
    """When somebody is asked next unless somebody acknowledges, and which role."""
    if incident.due_at is None:
        return None
    rung = next((r for r in rules.ladder_of(incident) if r.key not in incident.fired), None)
    return incident.due_at, rung.role if rung else EVERYBODY


def render_card(rules: Rules, incident: Incident, marker: str, *, now: datetime) -> Message:
    return render.incident_card(card_view(rules, incident), now=now, marker=marker)


def render_pointer(incident: Incident, storm: StoredMessage | None, marker: str) -> Message:
    """What is left of the card of an incident that became part of a storm."""
    return storm_words.pointer(incident.number, incident.title, incident.status, link_to(storm), marker=marker)


def link_to(message: StoredMessage | None) -> str:
    """A message's address, once it is in Slack."""
    if message is None or not message.ts:
        return ""
    return f"https://slack.com/archives/{message.channel_id}/p{message.ts.replace('.', '')}"


def row_view(incident: Incident) -> IncidentRow:
    """One line of a list of incidents."""
    return IncidentRow(
        number=incident.number,
        title=incident.title,
        status=incident.status,
        triggered_at=incident.triggered_at,
        severity=incident.severity,
        service=incident.service,
        acked_by=shown(incident.acked_by),
        url=incident.url,
    )


def timeline_view(entry: TimelineEntry) -> TimelineRow:
    address = str(entry.data.get("link") or "")
    return TimelineRow(entry.at, entry.kind, entry.text, shown(entry.actor), entry.source, address)


def status_note(incident: Incident, by: Who, text: str = "") -> Render:
    """One line in the thread: who acknowledged, resolved, or took it back."""
    person = shown(by)
    source = "slack" if by.slack_id else "pagerduty"
    merged = str(incident.extra.get("merged") or incident.merged_into) if incident.merged_into else ""
    if merged and incident.status == "resolved":
        return lambda marker: render.merged_away_note(merged, person, source, marker=marker)
    match incident.status:
        case "acknowledged":
            return lambda marker: render.acknowledged_note(person, source, marker=marker)
        case "resolved":
            return lambda marker: render.resolved_note(person, source, text, marker=marker)
        case _:
            return lambda marker: render.unacknowledged_note(person, marker=marker)


def merge_note(source: Incident) -> Render:
    """In the thread of the incident that another was merged into."""
    return lambda marker: render.merged_note(source.number, source.title, marker=marker)


def pending_words(action: str, by: Who) -> str:
    doing = {"acknowledge": "Acknowledging", "resolve": "Resolving"}.get(action, action)
    return f"{doing} for {by.name or 'somebody'}: PagerDuty has not confirmed it yet"
