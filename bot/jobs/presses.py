"""Approve, Deny and Cancel, pressed on a run's message."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from bot import render
from bot.domain import step_policy
from bot.domain.policy import Role
from bot.domain.runs import State
from bot.domain.step_policy import Person
from bot.jobs import answering, looking, runs
from bot.jobs import execute as executing
from bot.jobs.execute import Ready
from bot.jobs.runs import Standing
from bot.jobs.work import Work
from bot.operations import approving
from bot.operations.runs import Looked, RunPress

NOTED: Final = 30  # looks, a tenth of a second apart, for the message that a press is on
NO_REASON: Final = "A reason is needed: whoever asked has to know what to do instead."


async def press(work: Work, press: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    """Presses that were kept together; one alone is as bots before this one kept it."""
    kept = [press] if isinstance(press, Mapping) else press
    await carry_out(work, [RunPress(**each) for each in kept])


async def carry_out_here(work: Work, given: Sequence[RunPress], job_id: int) -> None:
    """In the process that took them, at once; the job that is the net has nothing left to do then."""
    await carry_out(work, given)
    async with work.store.transaction() as tx:
        await tx.cancel(job_id)


async def carry_out(work: Work, given: Sequence[RunPress]) -> None:
    """In their order; the same press of the same person, at the same moment, is one. They are told afterwards."""
    once = {replace(each, response_url=""): each for each in reversed(given)}
    said = [(each, await _pressed(work, each)) for each in reversed(once.values())]
    for each, words in said:
        if words:
            await answering.tell(work, each, render.plain_message(words), thread_ts=each.thread_ts)


async def _pressed(work: Work, press: RunPress) -> str:
    """Carry it out; what to tell the person, "" for nothing."""
    found = await runs.standing(work, press.run_id)
    if found is None:
        return "This button belongs to no request; nothing was done."
    stale = await _stale(work, found, press)
    if stale:
        return stale
    match press.what:
        case "approve":
            return await _approve(work, found, press.slack_id)
        case "deny":
            return await _deny(work, found, press)
        case "cancel":
            return await _cancel(work, found, press.slack_id)
        case _:
            return "This button is not known; nothing was done."


async def _stale(work: Work, found: Standing, press: RunPress) -> str:
    """A press that does not fit the run: an old message, another one, or a value that was made up."""
    run = found.run
    if not run.digest or press.digest != run.digest[:16]:
        return "This button is not of the request as it is now; nothing was done. Look at its newest message."
    if press.message_ts and press.message_ts != (found.message_ts or await _message(work, press.run_id)):
        return "This button is on another message than its request; nothing was done."
    if run.state not in {State.AWAITING, State.APPROVED, State.RUNNING}:
        return f"“{run.title}” is over ({run.state.replace('_', ' ')}); your press changed nothing."
    return ""


async def _message(work: Work, run_id: int) -> str:
    """The run's message; a press can come before Slack's answer to the post that it is on has been written down."""
    for _ in range(NOTED):
        await asyncio.sleep(0.1)
        found = await runs.standing(work, run_id)
        if found is not None and found.message_ts:
            return found.message_ts
    return ""


async def _approve(work: Work, found: Standing, slack_id: str) -> str:
    run_id = found.run.id or 0
    if found.run.state != State.AWAITING:
        return f"This is {found.run.state} already; your press changed nothing."
    access = await looking.decisive(work, found.run, slack_id)
    already = [Person.of(a.person) for a in found.approvals]
    refused = step_policy.may_approve(
        access, requester=Person.of(found.run.requester), role=Role(found.run.approver_role), already=already
    )
    if refused is not None:
        async with work.store.transaction() as tx:
            await approving.refused_approval(tx, run_id, access, refused.because)
        return f"Your approval does not count: {refused.because}."
    asker = await looking.decisive(work, found.run, found.requester)
    looked = await looking.look(work, found.run, asker, incident=found.incident, now=found.now)
    ready = await _last(work, found, looked)
    async with work.store.transaction() as tx:
        run, said = await approving.approved(tx, work.rules, run_id, access, looked)
        agreed = run is not None and run.state == State.APPROVED
        mine = run is not None and agreed and ready is not None and await executing.take(tx, work, run, ready)
    if run is not None and ready is not None and mine:
        await executing.go_on(work, run, ready)
    elif agreed and ready is None:  # another approval was given meanwhile
        work.soon.start(f"run {run_id}", partial(executing.execute, work, run_id))
    return said


async def _last(work: Work, found: Standing, looked: Looked) -> Ready | None:
    """What is needed to begin with this approval, if it is the last one: nothing lies in between then."""
    others = found.run.needed - 1
    if len(found.approvals) < others or not looked.holds or looked.agreed is None:
        return None
    why = await executing.against(work, found, looked, needed=others)
    return await executing.made_ready(work, found.run, looked, why)


async def _deny(work: Work, found: Standing, press: RunPress) -> str:
    reason, run = press.reason.strip(), found.run
    if not reason:
        return NO_REASON
    access = await looking.access_of(work, press.slack_id)
    role = Role(run.approver_role or Role.APPROVER)
    if access.is_bot or role not in access.roles:
        return f"Only somebody who could approve can deny: the role {role} is needed."
    async with work.store.transaction() as tx:
        return await approving.denied(tx, work.rules, run.id or 0, access, reason[:500])


async def _cancel(work: Work, found: Standing, slack_id: str) -> str:
    access = await looking.access_of(work, slack_id)
    mine = slack_id == found.requester
    if access.is_bot or not (mine or access.roles & {Role.RESPONDER, Role.APPROVER, Role.ADMIN}):
        return "Only whoever asked, a responder, an approver or an admin can cancel it."
    async with work.store.transaction() as tx:
        return await approving.cancelled(tx, work.rules, found.run.id or 0, access)
