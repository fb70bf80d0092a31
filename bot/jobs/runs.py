"""Runs of the runbook's steps, from the wish to the claim: preparing, pressing, reminding. See bot/jobs/execute.py."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from bot import render
from bot.domain import step_policy
from bot.domain.policy import Access, Role
from bot.domain.runs import State
from bot.domain.step_policy import Denied
from bot.jobs import answering, looking
from bot.jobs.work import Work
from bot.operations import approving, execution, incidents, run_views, runs
from bot.operations.runs import RunPress
from bot.store.run_tables import Run

log = structlog.get_logger(__name__)

RENDERED: Final = run_views  # its messages are rendered by whoever sends them: the worker must know how
NOTED: Final = 30  # looks, a tenth of a second apart, for the message that a press is on
NO_REASON: Final = "A reason is needed: whoever asked has to know what to do instead."


async def incident_status(work: Work, run: Run) -> tuple[str, datetime]:
    """(status of the run's incident or "", now)."""
    async with work.store.transaction() as tx:
        incident = await incidents.get(tx, run.incident_id) if run.incident_id else None
        return (incident.status if incident else ""), await runs.instant(tx)


async def fetch(work: Work, run_id: int) -> Run | None:
    async with work.store.transaction() as tx:
        return await runs.get(tx, run_id)


async def fetch_open(work: Work, run_id: int, state: State) -> tuple[Run, str, datetime] | None:
    """(run, status of its incident or "", now) of a run in that state, in one transaction: a person waits for it."""
    async with work.store.transaction() as tx:
        run = await runs.get(tx, run_id)
        if run is None or run.state != state:
            return None
        incident = await runs.incident_of(tx, run)
        return run, (incident.status if incident else ""), await runs.instant(tx)


async def prepare(work: Work, run_id: int) -> None:
    """Somebody asked: look at everything, then decide."""
    found = await fetch_open(work, run_id, State.REQUESTED)
    if found is None:
        return
    asked, status, now = found
    access = await looking.access_of(work, str(asked.requester.get("slack_id")))
    looked = await looking.look(work, asked, access, incident=status, now=now)
    async with work.store.transaction() as tx:
        state = await runs.prepared(tx, work.rules, run_id, looked)
        run = await runs.get(tx, run_id)
    if run is not None and state is State.DENIED:
        await tell(work, run, render.run_refused(run.title, run.reason, _holders(work, looked.ruling, access)))


def _holders(work: Work, ruling: Any, access: Access) -> str:
    """What the person can do about a refusal, in words."""
    if not isinstance(ruling, Denied):
        return ""
    if ruling.breakable and Role.ADMIN in access.roles:
        return "As an admin you may break the glass: `/ats run` it again; it asks for a reason, and everyone is told."
    if ruling.needed is None:
        return ""
    rows = work.directory.rota_known()
    on_duty = [str(r.get("name")) for r in rows if r.get("name") and ruling.needed is Role.RESPONDER]
    return f"Ask somebody who is a {ruling.needed}" + (
        f": {', '.join(dict.fromkeys(on_duty))}." if on_duty else "."
    )


async def press(work: Work, press: dict[str, Any]) -> None:
    """Approve, deny or cancel, pressed by somebody on the run's message."""
    given = RunPress(**press)
    said = await _pressed(work, given)
    if said:
        await answering.tell(work, given, render.plain_message(said))


async def _pressed(work: Work, press: RunPress) -> str:
    """Carry it out; what to tell the person, "" for nothing."""
    run = await fetch(work, press.run_id)
    if run is None:
        return "This button belongs to no request; nothing was done."
    stale = await _stale(work, run, press)
    if stale:
        return stale
    access = await looking.access_of(work, press.slack_id)
    match press.what:
        case "approve":
            return await _approve(work, run, access)
        case "deny":
            return await _deny(work, run, access, press.reason.strip())
        case "cancel":
            return await _cancel(work, run, access)
        case _:
            return "This button is not known; nothing was done."


async def _stale(work: Work, run: Run, press: RunPress) -> str:
    """A press that does not fit the run: an old message, another one, or a value that was made up."""
    if not run.digest or press.digest != run.digest[:16]:
        return "This button is not of the request as it is now; nothing was done. Look at its newest message."
    if press.message_ts and press.message_ts != await _message(work, run):
        return "This button is on another message than its request; nothing was done."
    if run.state not in {State.AWAITING, State.APPROVED, State.RUNNING}:
        return f"“{run.title}” is over ({run.state.replace('_', ' ')}); your press changed nothing."
    return ""


async def _message(work: Work, run: Run) -> str:
    """The run's message; a press can come before Slack's answer to the post that it is on has been written down."""
    for _ in range(NOTED):
        async with work.store.transaction() as tx:
            found = await runs.message_ts(tx, run)
        if found:
            return found
        await asyncio.sleep(0.1)
    return ""


async def _approve(work: Work, run: Run, access: Access) -> str:
    if run.state != State.AWAITING:
        return f"This is {run.state} already; your press changed nothing."
    async with work.store.transaction() as tx:
        already = [a.slack_id for a in await approving.approvals(tx, run.id or 0)]
    requester = str(run.requester.get("slack_id"))
    refused = step_policy.may_approve(
        access, requester=requester, role=Role(run.approver_role), already=already
    )
    if refused is not None:
        async with work.store.transaction() as tx:
            await approving.refused_approval(tx, run.id or 0, access, refused.because)
        return f"Your approval does not count: {refused.because}."
    status, now = await incident_status(work, run)
    asker = await looking.access_of(work, requester)
    looked = await looking.look(work, run, asker, incident=status, now=now)
    async with work.store.transaction() as tx:
        return await approving.approved(tx, work.rules, run.id or 0, access, looked)


async def _deny(work: Work, run: Run, access: Access, reason: str) -> str:
    if not reason:
        return NO_REASON
    if access.is_bot or Role(run.approver_role or Role.APPROVER) not in access.roles:
        return f"Only somebody who could approve can deny: the role {run.approver_role or Role.APPROVER} is needed."
    async with work.store.transaction() as tx:
        return await approving.denied(tx, work.rules, run.id or 0, access, reason[:500])


async def _cancel(work: Work, run: Run, access: Access) -> str:
    mine = access.slack_id == run.requester.get("slack_id")
    if access.is_bot or not (mine or access.roles & {Role.RESPONDER, Role.APPROVER, Role.ADMIN}):
        return "Only whoever asked, a responder, an approver or an admin can cancel it."
    async with work.store.transaction() as tx:
        return await approving.cancelled(tx, work.rules, run.id or 0, access)


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
        await execution.revert_due(tx, work.rules, run_id)


async def note(work: Work, run_id: int, *, again: bool = False) -> None:
    """What was done, on the PagerDuty incident: for what protects, and for a broken glass."""
    async with work.store.transaction() as tx:
        wanted = await execution.noted(tx, run_id)
    if wanted is None:
        return
    pd_id, email, words = wanted
    sender = email or work.from_email
    if not sender:
        log.warning("no note in PagerDuty: nobody to write it as", run=run_id)
        return
    if again and any(str(n.get("content") or "").strip() == words for n in await work.pagerduty.notes(pd_id)):
        return
    await work.pagerduty.note(pd_id, words, from_email=sender)


async def sweep(work: Work) -> None:
    """The net under lost timers, dead replicas and resolved incidents."""
    async with work.store.transaction() as tx:
        lost = await execution.orphans(tx)
        late = await runs.overdue(tx, by=runs.OVERDUE)
        over = await runs.for_resolved(tx)
    for run_id in lost:
        async with work.store.transaction() as tx:
            await execution.orphaned(tx, work.rules, run_id)
    for run_id in late:
        await expire(work, run_id)
    for run_id in over:
        async with work.store.transaction() as tx:
            await runs.void(tx, work.rules, run_id, "The incident was resolved meanwhile.")


@dataclass(frozen=True, slots=True)
class _Asker:
    slack_id: str
    channel: str
    response_url: str


async def tell(work: Work, run: Run, message: render.Message) -> None:
    """Answer whoever asked, seen by them only."""
    asker = _Asker(str(run.requester.get("slack_id") or ""), run.channel, run.response_url)
    await answering.tell(work, asker, message)
