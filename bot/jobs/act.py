"""Carry out what a person asked for: as that person, in PagerDuty, with an outcome that they are told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from bot import render
from bot.domain import pagerduty, policy
from bot.domain.people import Who
from bot.domain.policy import Access, Action
from bot.errors import AtsError, InputError, RateLimitedError, RejectedError
from bot.jobs import acts
from bot.jobs.answering import refuse, tell
from bot.jobs.work import Work
from bot.operations import incidents, requests
from bot.operations.requests import Request
from bot.store.tables import Incident

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(minutes=10)  # how long a click is tried before the person is told that it failed
_NOUN = {
    Action.ACKNOWLEDGE: "acknowledgement",
    Action.RESOLVE: "resolution",
    Action.NOTE: "note",
    Action.REASSIGN: "reassignment",
    Action.ESCALATE: "escalation",
    Action.RESPONDERS: "call for help",
    Action.PRIORITY: "new priority",
    Action.STATUS_UPDATE: "status update",
    Action.REOPEN: "reopening",
}
_VERB = {
    Action.ACKNOWLEDGE: "Acknowledging",
    Action.RESOLVE: "Resolving",
    Action.NOTE: "Adding a note",
    Action.CHOOSE_ENTRY: "Choosing the runbook entry",
    Action.SNOOZE: "Snoozing",
    Action.REASSIGN: "Reassigning",
    Action.ESCALATE: "Escalating",
    Action.RESPONDERS: "Asking for help with",
    Action.PRIORITY: "Changing the priority of",
    Action.STATUS_UPDATE: "Publishing a status update of",
    Action.MERGE: "Merging",
    Action.REOPEN: "Reopening",
}
# PagerDuty refuses these for what is resolved, some by reopening it: that must be somebody's own wish.
_OPEN_ONLY = {
    Action.SNOOZE,
    Action.REASSIGN,
    Action.ESCALATE,
    Action.RESPONDERS,
    Action.MERGE,
    Action.ACKNOWLEDGE,
    Action.RESOLVE,
}


def _too_late(action: Action, status: str) -> bool:
    """Whether the incident's state has made it pointless."""
    return action in _OPEN_ONLY if status == "resolved" else action is Action.REOPEN


async def act(work: Work, request: dict[str, Any], *, again: bool = False) -> None:
    """One request, from the check of the role to the answer; `again`: an earlier run may have done it."""
    ask = Request(**request)
    action = Action(ask.action)
    async with work.store.transaction() as tx:
        incident = await incidents.by_number(tx, ask.number)
        now = tx.now
    if incident is None:
        return
    access = await work.directory.access(ask.slack_id, channel_id=ask.channel)
    person = Who(ask.slack_id, access.name, access.pd_id)
    assignees = [str(a.get("pd_id")) for a in incident.assignees]
    decision = policy.decide(action, access, assignees=assignees)
    if not decision.allowed and access.unreachable:
        await _later(work, ask, incident, person, "; ".join(access.problems), now)
    elif not decision.allowed:
        await _refuse(work, ask, person, access, decision)
    elif _too_late(action, incident.status):
        await tell(work, ask, _already(ask, incident, incident.status))
    elif action is Action.CHOOSE_ENTRY:
        async with work.store.transaction() as tx:
            await incidents.choose_entry(tx, work.rules, ask.number, ask.entry_id, by=person)
    else:
        await _in_pagerduty(work, ask, incident, person, access, now, again=again)


async def _in_pagerduty(
    work: Work, ask: Request, incident: Incident, person: Who, access: Access, now: datetime, *, again: bool
) -> None:
    sender = access.pd_email or work.from_email
    if not sender:
        await _unknown_in_pagerduty(work, ask, person, access)
        return
    try:
        person = await _as_known_there(work, person, sender)
        async with work.store.transaction() as tx:
            await requests.intended(tx, ask, by=person)
        await _change(work, ask, incident, person, sender, again=again)
    except AtsError as error:
        if error.retryable and now - _asked_at(ask, now) < PATIENCE:
            wait = error.retry_after if isinstance(error, RateLimitedError) else 0.0
            await _later(work, ask, incident, person, str(error), now, wait=wait)
        else:
            await _fail(work, ask, person, error)


async def _as_known_there(work: Work, person: Who, sender: str) -> Who:
    """Whoever PagerDuty will say that it was: the last resort stands for somebody whom it does not know."""
    if person.pd_id:
        return person
    user = await work.directory.pd_user(sender)
    return replace(person, pd_id=user.id) if user else person


async def _change(
    work: Work, ask: Request, incident: Incident, person: Who, sender: str, *, again: bool
) -> None:
    if (action := Action(ask.action)) in acts.ACTS:
        await _carry_out(work, ask, incident, person, sender, again=again or ask.attempt > 0)
        return
    if action is Action.ACKNOWLEDGE:
        answer = await work.pagerduty.acknowledge(incident.pd_id, from_email=sender)
    else:
        answer = await work.pagerduty.resolve(incident.pd_id, from_email=sender, resolution=ask.text)
    snapshot = pagerduty.snapshot(answer)
    async with work.store.transaction() as tx:
        await incidents.confirmed(
            tx, work.rules, incident.pd_id, snapshot,
            by=person, said=ask.text, marker=requests.marker_of(ask),
        )  # fmt: skip
    if incident.status == snapshot.status:  # as it was before we asked
        await tell(work, ask, _already(ask, incident, snapshot.status))
    elif ask.confirm:
        await tell(work, ask, render.plain_message(f"#{ask.number} {incident.title} is {snapshot.status} now."))


async def _carry_out(
    work: Work, ask: Request, incident: Incident, person: Who, sender: str, *, again: bool
) -> None:
    """Decide once what to ask, ask it, and tell what came of it."""
    planner, doer = acts.ACTS[Action(ask.action)]
    async with work.store.transaction() as tx:
        plan = await requests.planned(tx, ask)
    if plan is None:
        wanted = await planner(work, ask, incident)
        async with work.store.transaction() as tx:
            plan = await requests.planned(tx, ask, wanted) or wanted
        again = False  # without a plan nothing was asked yet
    done = acts.by(person, await doer(work, acts.Doing(ask, incident, person, sender, plan, again)))
    async with work.store.transaction() as tx:
        await requests.carried_out(tx, work.rules, ask, done.told, done.answer, by=person)


def _already(ask: Request, incident: Incident, status: str) -> render.Message:
    """Nothing changed, and that is no error: say how it stands."""
    return render.plain_message(f"#{ask.number} {incident.title} is already {status or incident.status}.")


def _asked_at(ask: Request, now: datetime) -> datetime:
    return pagerduty.parse_time(ask.asked_at) or now.astimezone(UTC)


async def _later(
    work: Work, ask: Request, incident: Incident, person: Who, why: str, now: datetime, *, wait: float = 0.0
) -> None:
    """Kept, tried again; the person is told at once, the first time."""
    delay = max(min(60.0, 2.0 * 2**ask.attempt), wait)
    if now - _asked_at(ask, now) >= PATIENCE:
        await _fail(work, ask, person, RejectedError(why))
        return
    log.warning("request postponed", incident=ask.number, action=ask.action, why=why, delay=delay)
    async with work.store.transaction() as tx:
        await requests.postponed(tx, work.rules, ask, by=person, why=why, delay=delay)
    if ask.attempt == 0:
        noun = _NOUN.get(Action(ask.action), ask.action)
        until = _asked_at(ask, now) + PATIENCE
        await tell(work, ask, render.kept_note(noun, until, now=now, url=incident.url))


async def _fail(work: Work, ask: Request, person: Who, error: AtsError) -> None:
    log.error("request failed", incident=ask.number, action=ask.action, error=str(error))
    async with work.store.transaction() as tx:
        await requests.failed(tx, work.rules, ask, by=person, why=str(error))
    if isinstance(error, InputError):
        happened = f"{_VERB[Action(ask.action)]} #{ask.number} did not happen."
        await tell(work, ask, render.error_message(happened, str(error)))
        return
    noun = _NOUN.get(Action(ask.action), ask.action)
    await tell(
        work, ask,
        render.error_message(
            f"Your {noun} for #{ask.number} did not reach PagerDuty.",
            f"{error} It will not be tried again by itself.",
            "Do it in PagerDuty's app now, or press the button again.",
        ),
    )  # fmt: skip


async def _unknown_in_pagerduty(work: Work, ask: Request, person: Who, access: Access) -> None:
    why = f"no PagerDuty user has the e-mail {access.email or '(none in Slack)'}"
    async with work.store.transaction() as tx:
        await requests.failed(tx, work.rules, ask, by=person, why=why)
    await tell(
        work, ask,
        render.error_message(
            f"{_VERB[Action(ask.action)]} #{ask.number} did not happen: {why}.",
            "PagerDuty takes such changes only in the name of one of its users.",
            "Ask an administrator of PagerDuty to add you with the e-mail that Slack shows, then press again. "
            "Until then, somebody else has to do it.",
        ),
    )  # fmt: skip


async def _refuse(work: Work, ask: Request, person: Who, access: Access, decision: policy.Decision) -> None:
    async with work.store.transaction() as tx:
        await requests.refused(tx, ask, by=person, reason=decision.reason)
    await refuse(work, ask, _VERB[Action(ask.action)], access, decision)
