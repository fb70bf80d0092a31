"""Everything that is recorded of an incident, for its postmortem."""

from bot.domain.people import Who
from bot.domain.postmortem import Facts, Happening
from bot.errors import NotFoundError
from bot.operations import incidents, timeline
from bot.operations.rules import Rules
from bot.store.session import Tx


async def facts(tx: Tx, rules: Rules, number: int) -> Facts:
    """The incident and its whole timeline; raises NotFoundError."""
    incident = await incidents.by_number(tx, number)
    if incident is None:
        raise NotFoundError(f"There is no incident #{number}. `/ats incidents` in Slack shows the open ones.")
    entry = rules.plan.entry(incident.entry_id)
    rows = await timeline.rows(tx, incident.id or 0, limit=100_000)
    return Facts(
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        status=incident.status,
        service=incident.service,
        url=incident.url,
        entry=entry.title if entry else "",
        impact=entry.impact if entry else "",
        triggered_at=incident.triggered_at,
        acked_at=incident.acked_at,
        acked_by=Who.from_json(incident.acked_by).name,
        resolved_at=incident.resolved_at,
        resolved_by=Who.from_json(incident.resolved_by).name,
        timeline=tuple(Happening(r.at, r.text, Who.from_json(r.actor).name, r.source) for r in rows),
    )
