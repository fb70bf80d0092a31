"""A step that somebody asked for: looked into, decided, and begun in the same transaction if nobody else must agree."""

from typing import Any

from bot import render
from bot.domain.policy import Access, Role
from bot.domain.runs import State
from bot.domain.step_policy import Allowed, Denied
from bot.jobs import execute as executing
from bot.jobs import looking, runs
from bot.jobs.work import Work
from bot.operations import runs as operations
from bot.operations.runs import Looked
from bot.store.run_tables import Run
from runbook.model import Risk


async def prepare(work: Work, run_id: int) -> None:
    """Somebody asked: look at everything, then decide."""
    found = await runs.standing(work, run_id, State.REQUESTED)
    if found is None:
        return
    access = await looking.decisive(work, found.run, found.requester)
    looked = await looking.look(work, found.run, access, incident=found.incident, now=found.now, approvers=True)
    ready = await executing.made_ready(work, found.run, looked) if _at_once(found.run, looked) else None
    async with work.store.transaction() as tx:
        run = await operations.prepared(tx, work.rules, run_id, looked, going_on=ready is not None)
        mine = run is not None and ready is not None and await executing.take(tx, work, run, ready)
    if run is not None and ready is not None and mine:
        await executing.go_on(work, run, ready)
    if run is not None and run.state == State.DENIED:
        await runs.tell(
            work, run, render.run_refused(run.title, run.reason, await _holders(work, looked.ruling, access))
        )


def _at_once(run: Run, looked: Looked) -> bool:
    """Whether this look is the last before it runs: nobody else has to agree, and it does not queue as reads do."""
    return isinstance(looked.ruling, Allowed) and looked.holds and not looked.problem and run.risk != Risk.READ


async def _holders(work: Work, ruling: Any, access: Access) -> str:
    """What the person can do about a refusal, in words."""
    if not isinstance(ruling, Denied):
        return ""
    if ruling.breakable and Role.ADMIN in access.roles:
        return "As an admin you may break the glass: `/ats run` it again; it asks for a reason, and everyone is told."
    if ruling.needed is None:
        return ""
    people = [who.name for who in await work.directory.holders(ruling.needed) if who.name]
    return f"Ask somebody who is a {ruling.needed}" + (f": {', '.join(people[:6])}." if people else ".")
