"""What a look is about, as it is known by the time it is worked on."""

import asyncio
from typing import Final

from bot.domain.questions import Question
from bot.jobs.work import Work
from bot.operations import incidents
from bot.store.tables import Look

ENRICHED: Final = 1.5  # seconds for PagerDuty's details, which may name the runbook's entry


async def question_of(work: Work, look: Look) -> Question:
    """What is asked; an incident's entry as it is known by now."""
    subject, entry = look.subject, str(look.subject.get("entry") or "")
    name = str(subject.get("name") or "")
    if subject.get("incident") and not entry:
        entry = await _entry_of(work, int(subject["incident"]))
    found = work.rules.plan.entry(entry)
    return Question(found.title if found else name, entry, tuple(subject.get("systems") or ()))


async def _entry_of(work: Work, incident_id: int) -> str:
    """An incident's entry; one that was just begun may get it from the alert's details."""
    for _ in range(int(ENRICHED / 0.1)):
        async with work.store.transaction() as tx:
            incident = await incidents.get(tx, incident_id)
        if incident is None or incident.entry_id or incident.enriched_at is not None:
            return incident.entry_id if incident else ""
        await asyncio.sleep(0.1)
    return ""
