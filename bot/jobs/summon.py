"""Ask PagerDuty for a responder: whoever a rung of the ladder asks is called by telephone too."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from bot.clients.pagerduty_errors import NOT_IN_PLAN
from bot.domain import pagerduty
from bot.domain.happenings import OWN_CALL
from bot.domain.people import Who
from bot.errors import RejectedError
from bot.jobs.work import Work
from bot.operations import incidents, summons
from bot.store.tables import Incident

log = structlog.get_logger(__name__)


async def summon(
    work: Work, incident_id: int, people: Sequence[Mapping[str, Any]], role: str, since: str
) -> None:
    """Once for each rung: before it is asked (again), what PagerDuty has of it is looked at."""
    async with work.store.transaction() as tx:
        incident = await incidents.get(tx, incident_id)
    if incident is None or incident.status != "triggered":
        return
    known = await work.pagerduty.incident(incident.pd_id)
    if known.get("status") != "triggered":
        return
    wanted = [Who.from_json(each) for each in people]
    asked = _asked(known, since)
    missing = [who for who in wanted if who.pd_id not in asked]
    if missing and not await _ask(work, incident, missing, role, known):
        return
    assigned = [who for who in wanted if asked.get(who.pd_id) == "assigned"]
    async with work.store.transaction() as tx:
        await summons.done(tx, incident_id, role, since, asked=[w for w in wanted if w not in assigned],
                           assigned=assigned)  # fmt: skip


def _asked(known: Mapping[str, Any], since: str) -> dict[str, str]:
    """Whom PagerDuty calls already: the assignees, and responders that were asked since the ladder was armed."""
    armed = pagerduty.parse_time(since)
    found = {}
    for each in known.get("incidents_responders") or []:
        at = pagerduty.parse_time(each.get("requested_at"))
        if armed is None or at is None or at >= armed - pagerduty.SKEW:
            found[str((each.get("user") or {}).get("id"))] = "asked"
    for each in known.get("assignments") or []:
        found[str((each.get("assignee") or {}).get("id"))] = "assigned"
    return found


async def _ask(
    work: Work, incident: Incident, people: Sequence[Who], role: str, known: Mapping[str, Any]
) -> bool:
    ids = [who.pd_id for who in people]
    message = f"{OWN_CALL}{incident.number} {incident.title}. You are asked as {role}."[:1000]
    requester = await _requester(work, known) or ids[0]
    try:
        await work.pagerduty.add_responders(incident.pd_id, ids, message, requester_id=requester)
    except RejectedError as error:
        log.warning("no responder asked", incident=incident.number, error=str(error))
        async with work.store.transaction() as tx:
            await summons.refused(
                tx, work.rules, incident.id or 0, role, str(error), for_good=error.code == NOT_IN_PLAN
            )
        return False
    return True


async def _requester(work: Work, known: Mapping[str, Any]) -> str:
    """In whose name: the last resort of the settings, else whoever the incident is assigned to."""
    if work.from_email:
        user = await work.directory.pd_user(work.from_email)
        if user is not None:
            return user.id
    assignments = known.get("assignments") or [{}]
    return str((assignments[0].get("assignee") or {}).get("id") or "")
