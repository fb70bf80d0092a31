"""What an incident is called, which entry of the runbook it belongs to, how severe it is."""

from sqlalchemy import select
from sqlmodel import col

from bot.domain import escalation
from bot.domain.pagerduty import Snapshot
from bot.domain.severity import severity
from bot.operations import aliases, followup, ladder
from bot.operations.rules import Rules
from bot.store.session import Tx
from bot.store.tables import Incident
from runbook import Signals, match


async def describe(tx: Tx, rules: Rules, incident: Incident, seen: Snapshot) -> None:
    """Take over what a newer payload says; match it to the runbook unless a person chose the entry."""
    incident.title, incident.url = seen.title, seen.url or incident.url
    incident.service = seen.service or incident.service
    incident.service_id = seen.service_id or incident.service_id
    incident.policy_id = seen.policy_id or incident.policy_id
    incident.urgency, incident.priority = seen.urgency or incident.urgency, seen.priority
    incident.assignees = [p.as_json() for p in seen.assignees]
    await _merged(tx, incident, seen)
    await match_entry(tx, rules, incident)
    await classify(tx, rules, incident)


async def _merged(tx: Tx, incident: Incident, seen: Snapshot) -> None:
    """The incident that it is part of now, by the number that people know."""
    if seen.merged_into == incident.merged_into:
        return
    incident.merged_into = seen.merged_into
    if not seen.merged_into:  # it was taken out again
        incident.extra = {name: value for name, value in incident.extra.items() if name != "merged"}
        return
    query = select(col(Incident.number), col(Incident.title)).where(col(Incident.pd_id) == seen.merged_into)
    target = (await tx.session.execute(query)).one_or_none()
    label = f"#{target.number} {target.title}" if target else seen.merged_into
    incident.extra = {**incident.extra, "merged": label}


async def match_entry(tx: Tx, rules: Rules, incident: Incident) -> None:
    """By the entry that its alert names, a person's earlier choice, a metric or the title; a choice for it stays."""
    if incident.entry_chosen:
        return
    signals = Signals(
        title=incident.title,
        details=incident.details,
        runbook_url=str(incident.details.get("runbook_url") or ""),
        service=incident.service,
    )
    found = match(rules.plan, signals, await aliases.for_title(tx, incident.title))
    incident.entry_id = found.entry.id if found else ""
    incident.entry_reason = found.reason if found else ""


async def classify(tx: Tx, rules: Rules, incident: Incident) -> None:
    """The severity; one that wakes people where the one before did not, or the other way, arms the ladder anew."""
    entry = rules.plan.entry(incident.entry_id)
    new = severity(
        priority=incident.priority,
        entry_severity=entry.severity if entry else "",
        urgency=incident.urgency,
    )
    if new == incident.severity:
        return
    was, incident.severity = incident.severity, new
    woken = escalation.pages(was) != escalation.pages(new)  # a ladder that runs goes on from where it is
    if was and woken and incident.status == "triggered":  # the first time, _begin arms the ladder itself
        ladder.arm(rules, incident, ladder.anchor_of(incident), tx.now)
    elif was:
        followup.follow(rules, incident)
