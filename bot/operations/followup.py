"""What an incident waits for once its status has changed: decided in the same transaction, on the same row."""

from datetime import datetime
from typing import Any, Final

from bot.domain import commanding, escalation
from bot.domain.people import Who
from bot.operations.rules import Rules
from bot.store.tables import Incident

KEPT: Final = 20  # hand-overs that are remembered


def follow(rules: Rules, incident: Incident) -> None:
    """After anything was told of status or severity: who has command, what is asked next. May be repeated."""
    match incident.status:
        case "acknowledged":
            _taken(rules, incident)
        case "resolved":
            _resolved(rules, incident)
        case _:  # nobody has it
            incident.commander, incident.review_stage = {}, 0
            incident.update_due_at = incident.review_due_at = None


def handed(incident: Incident, to: Who, now: datetime) -> None:
    """Command goes to somebody else: kept with its time, for what happened before may be heard of later."""
    at = max(now, incident.acked_at or now)  # a clock of PagerDuty's that is ahead
    every = [*(incident.extra.get("handed") or []), {"at": at.isoformat(), "to": to.as_json()}]
    incident.extra = {**incident.extra, "handed": every[-KEPT:]}
    incident.commander = to.as_json()


def asked(incident: Incident, now: datetime, until: datetime) -> None:
    """The commander was asked, or has put it off: the next question is due then."""
    at = max(now, incident.acked_at or now)
    incident.extra = {**incident.extra, "asked": {"at": at.isoformat(), "until": until.isoformat()}}
    incident.update_due_at = until


def _taken(rules: Rules, incident: Incident) -> None:
    incident.review_due_at, incident.review_stage = None, 0
    incident.commander = _commander(incident)
    since = incident.acked_at or incident.status_at
    due = commanding.next_update(incident.severity, since, incident.said_at, rules.timing.updates)
    incident.update_due_at = commanding.not_before(due, since, incident.extra.get("asked") or {})


def _commander(incident: Incident) -> dict[str, Any]:
    known, taken_by = Who.from_json(incident.commander), Who.from_json(incident.acked_by)
    who = commanding.in_command(incident.acked_at, taken_by, incident.extra.get("handed") or [])
    same = known.slack_id and who.pd_id and not who.slack_id and known.pd_id == who.pd_id
    return known.as_json() if same else who.as_json()  # known: looked up in Slack since


def _resolved(rules: Rules, incident: Incident) -> None:
    incident.update_due_at = None
    incident.commander = _commander(incident) or dict(incident.resolved_by)
    wanted = escalation.pages(incident.severity) and not incident.merged_into and not incident.reviewed
    at = commanding.next_review(
        incident.review_stage, incident.resolved_at or incident.status_at, rules.timing.postmortem
    )
    incident.review_due_at = at if wanted else None
