"""Look up what a webhook does not carry: alert details, who is on call, an incident heard of in passing."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from bot.domain import pagerduty
from bot.errors import AtsError
from bot.jobs.work import Work
from bot.operations import inbox, incidents

log = structlog.get_logger(__name__)


async def enrich(work: Work, incident_id: int) -> None:
    """Alert details for matching, and the on-call; what cannot be had is left out."""
    async with work.store.transaction() as tx:
        incident = await incidents.get(tx, incident_id)
    if incident is None:
        return
    oncall = await work.directory.rota()
    failure: AtsError | None = None
    details: dict[str, Any] = {}
    try:
        details = details_of(await work.pagerduty.alerts(incident.pd_id))
    except AtsError as error:
        log.warning("alert details not read", incident=incident.number, error=str(error))
        failure = error
    async with work.store.transaction() as tx:
        await incidents.enriched(tx, work.rules, incident_id, details=details, oncall=oncall)
    if failure is not None and failure.retryable:
        raise failure  # the queue tries again


def details_of(alerts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The custom details of an incident's alerts, flat; `body.details` may be an object or a string."""
    found: dict[str, Any] = {}
    for alert in alerts[:20]:
        body = alert.get("body")
        details = body.get("details") if isinstance(body, Mapping) else None
        if isinstance(details, Mapping):
            found = {str(k): v for k, v in details.items()} | found
        elif isinstance(details, str) and details:
            found.setdefault("details", details[:4000])
        for context in (body.get("contexts") if isinstance(body, Mapping) else None) or []:
            if isinstance(context, Mapping) and "runbook" in str(context.get("text", "")).lower():
                found.setdefault("runbook_url", str(context.get("href", "")))
    return found


async def adopt(work: Work, inbox_id: int, pd_id: str) -> None:
    """An event about an incident that we do not know: fetch it, then apply the event."""
    seen = pagerduty.snapshot(await work.pagerduty.incident(pd_id))
    async with work.store.transaction() as tx:
        body = await inbox.body(tx, inbox_id)
        event = pagerduty.event(body, now=tx.now) if body else None
        await incidents.adopt(tx, work.rules, seen, event)
