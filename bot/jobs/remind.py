"""A rung of the ladder falls due."""

from bot.clients.directory import Directory
from bot.domain.escalation import Rung
from bot.domain.people import Who
from bot.jobs.work import Work
from bot.operations import ladder
from bot.operations.views import Asked


async def remind(work: Work, incident_id: int, level: int) -> None:
    """Look up who is on call, then fire the rung, if it is still due."""
    async with work.store.transaction() as tx:
        rung = await ladder.peek(tx, work.rules, incident_id, level)
    if rung is None:
        return
    asked = await _asked(work.directory, rung)
    async with work.store.transaction() as tx:
        await ladder.fire(tx, work.rules, incident_id, level, asked)


async def _asked(directory: Directory, rung: Rung) -> list[Asked]:
    """The schedule's on-call; if PagerDuty does not say, the group that the runbook names."""
    on_call = await directory.on_call()
    if on_call.problem:
        group = await directory.group_id(rung.handle)
        return [Asked(Who(group_id=group, name=f"@{rung.handle} (PagerDuty does not say who is on call)"))]
    return [
        Asked(Who(await directory.slack_id(d.user.email), d.user.name, d.user.id), d.until)
        for d in on_call.of(rung.schedule)
    ]
