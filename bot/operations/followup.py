"""What an incident waits for once its status has changed: decided in the same transaction, on the same row."""

from bot.domain import commanding, escalation
from bot.operations.rules import Rules
from bot.store.tables import Incident


def follow(rules: Rules, incident: Incident) -> None:
    """After a change of status or severity: who has command, and what is asked next."""
    match incident.status:
        case "acknowledged":
            _taken(rules, incident)
        case "resolved":
            _resolved(rules, incident)
        case _:  # nobody has it
            incident.commander, incident.review_stage = {}, 0
            incident.update_due_at = incident.review_due_at = None


def _taken(rules: Rules, incident: Incident) -> None:
    incident.review_due_at, incident.review_stage = None, 0
    incident.commander = dict(incident.commander or incident.acked_by)
    since = incident.acked_at or incident.status_at
    incident.update_due_at = commanding.next_update(
        incident.severity, since, incident.said_at, rules.timing.updates
    )


def _resolved(rules: Rules, incident: Incident) -> None:
    incident.update_due_at = None
    incident.commander = dict(incident.commander or incident.acked_by or incident.resolved_by)
    wanted = escalation.pages(incident.severity) and not incident.merged_into and not incident.reviewed
    at = commanding.next_review(
        incident.review_stage, incident.resolved_at or incident.status_at, rules.timing.postmortem
    )
    incident.review_due_at = at if wanted else None
