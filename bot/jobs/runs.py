"""Runs of the runbook's steps: what all their jobs share, and what falls due for them.

They are asked for in bot/jobs/asked.py, decided about in bot/jobs/presses.py, carried out in bot/jobs/execute.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from bot import render
from bot.domain.people import Who
from bot.domain.policy import Role
from bot.domain.runs import State
from bot.domain.step_policy import Denied
from bot.errors import AtsError, RejectedError
from bot.jobs import answering, looking
from bot.jobs.work import Work
from bot.operations import aftermath, approving, execution, run_views, runs
from bot.store.run_tables import Approval, Run

log = structlog.get_logger(__name__)

RENDERED: Final = run_views  # its messages are rendered by whoever sends them: the worker must know how


@dataclass(frozen=True, slots=True)
class Standing:
    """A run as it is decided about, read in one transaction: a person waits for it."""

    run: Run
    incident: str  # its status, "" for none
    now: datetime
    approvals: Sequence[Approval]
    message_ts: str  # of the run's message, "" while it has none

    @property
    def requester(self) -> str:
        return str(self.run.requester.get("slack_id"))

    @property
    def approved_by(self) -> list[tuple[str, str]]:
        """(Slack id, name) of those who have approved."""
        return [(each.slack_id, Who.from_json(each.person).name) for each in self.approvals]


async def standing(work: Work, run_id: int, state: State | None = None) -> Standing | None:
    """The run with what belongs to it; None when there is none (in that state)."""
    async with work.store.transaction() as tx:
        run = await runs.get(tx, run_id)
        if run is None or (state is not None and run.state != state):
            return None
        incident = await runs.incident_of(tx, run)
        given = await approving.approvals(tx, run_id) if run.needed else ()
        ts = await runs.message_ts(tx, run) if run.digest else ""  # else nothing was shown yet
        return Standing(run, incident.status if incident else "", await runs.instant(tx), given, ts)


async def expire(work: Work, run_id: int) -> None:
    """The time of a request is over."""
    async with work.store.transaction() as tx:
        await runs.expire(tx, work.rules, run_id)


async def remind(work: Work, run_id: int) -> None:
    """Half the time is over and nobody has answered: those who may approve are asked again."""
    async with work.store.transaction() as tx:
        await approving.remind(tx, work.rules, run_id)


async def revert_due(work: Work, run_id: int) -> None:
    """A temporary change still stands."""
    async with work.store.transaction() as tx:
        await aftermath.revert_due(tx, work.rules, run_id)


async def note(work: Work, run_id: int, *, again: bool = False) -> None:
    """What was done, on the PagerDuty incident: for what protects, and for a broken glass."""
    async with work.store.transaction() as tx:
        wanted = await aftermath.noted(tx, run_id, again=again)
    if wanted is None:
        return
    pd_id, email, words = wanted
    sender = email or work.from_email
    try:
        if not sender:
            raise RejectedError("PagerDuty does not know who did it, and the settings name nobody else")
        if again and any(
            str(n.get("content") or "").strip() == words for n in await work.pagerduty.notes(pd_id)
        ):
            return
        await work.pagerduty.note(pd_id, words, from_email=sender)
    except AtsError as error:
        if error.retryable:  # the job is done again
            raise
        log.error("no note in PagerDuty", run=run_id, error=str(error))
        async with work.store.transaction() as tx:
            await aftermath.not_noted(tx, work.rules, run_id, str(error))


async def sweep(work: Work) -> None:
    """The net under lost timers, dead replicas and resolved incidents."""
    async with work.store.transaction() as tx:
        lost = await execution.orphans(tx)
        late = await runs.overdue(tx, by=runs.OVERDUE)
        over = await runs.for_resolved(tx)
    work.soon.start("who may approve", partial(who_may_approve, work))
    for run_id in lost:
        async with work.store.transaction() as tx:
            await execution.orphaned(tx, work.rules, run_id)
    for run_id in late:
        await expire(work, run_id)
    for run_id in over:
        async with work.store.transaction() as tx:
            await runs.void(tx, work.rules, await runs.hold(tx, run_id), runs.RESOLVED)


async def who_may_approve(work: Work) -> None:
    """A request names those who may approve it now, not those who might when it was asked for."""
    async with work.store.transaction() as tx:
        waiting = {run.id or 0: Role(run.approver_role) for run in await approving.waiting(tx)}
    holders = {role: await work.directory.holders(role) for role in set(waiting.values())}
    for run_id, role in waiting.items():
        async with work.store.transaction() as tx:
            await approving.ask_others(tx, work.rules, run_id, holders[role])


async def review(work: Work, run_id: int) -> None:
    """What protects was done by a role that was known: whether it was still true is asked now, and said if not."""
    async with work.store.transaction() as tx:
        run, now = await runs.get(tx, run_id), await runs.instant(tx)
    step = work.rules.plan.step(run.step_id) if run is not None else None
    if run is None or step is None:
        return
    access = await work.directory.access(str(run.requester.get("slack_id")), fresh=True)
    ruling = looking.rule(work, step, access, incident="", now=now)
    if isinstance(ruling, Denied):
        people = await work.directory.holders(Role.APPROVER)
        async with work.store.transaction() as tx:
            await aftermath.in_doubt(tx, work.rules, run_id, ruling.because, people)


@dataclass(frozen=True, slots=True)
class _Asker:
    slack_id: str
    channel: str
    response_url: str


async def tell(work: Work, run: Run, message: render.Message) -> None:
    """Answer whoever asked, seen by them only."""
    asker = _Asker(str(run.requester.get("slack_id") or ""), run.channel, run.response_url)
    await answering.tell(work, asker, message, thread_ts=run.thread_ts)
