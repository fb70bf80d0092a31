"""What is found out about a step before it may run: who asks, what exactly would run, and whether its guard holds.

The same look is taken when it is asked for, when it is approved and immediately before it runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import step_policy
from bot.domain.people import Who
from bot.domain.policy import Access, Role
from bot.domain.runs import Agreed
from bot.domain.step_policy import Denied, NeedsApproval, Person, Ruling
from bot.errors import AtsError
from bot.jobs.work import Work
from bot.operations.runs import Looked
from bot.render import fits_whole
from bot.store.run_tables import Run
from bot.targets import Target
from bot.targets.checks import evaluate
from bot.targets.sql import place
from bot.targets.steps import FillError, resolve, run_step, sealed
from runbook.model import Kind, Risk, Step

GUARD: float = 8.0  # seconds for reading a guard once
BEFORE: float = 10.0  # seconds for the look before


def where(target: Target, step: Step) -> str:
    """What a step reaches, for people: the far side for HTTP and SQL, the host for programs."""
    if step.kind is Kind.HTTP and step.request:
        return target.settings.rewrite(str(step.request.get("url") or "")).split("?")[0]
    if step.kind is Kind.SQL:
        try:
            return f"PostgreSQL at {place(target.settings.database_url)}"
        except AtsError as error:
            return str(error)
    return target.where


def agree(work: Work, step: Step, parameters: Mapping[str, str]) -> Agreed:
    """What would run, exactly; raises FillError, also for what is too long for people to be shown whole."""
    resolved = resolve(work.target, step, parameters)
    if step.risk is not Risk.READ and not fits_whole(resolved):
        raise FillError("it is too long for a message to show it whole. Run it by hand.")
    return Agreed(
        step=step.id,
        step_digest=step.digest,
        resolved=resolved,
        target=where(work.target, step),
        parameters=dict(parameters),
        runbook=work.rules.plan.digest,
        seal=sealed(work.target, step, parameters),
    )


async def access_of(work: Work, slack_id: str) -> Access:
    """The person with the roles of this moment; the channel that they write from gives them none."""
    return await work.directory.access(slack_id)


async def decisive(work: Work, run: Run, slack_id: str) -> Access:
    """The same where it decides: a role that was taken away a moment ago counts no more, whatever is remembered.

    What protects is not kept waiting for others to answer: a role that is known is enough, and is looked into
    afterwards (bot.jobs.runs.review). Only a no is asked anew, for somebody whose duty has just begun.
    """
    if run.risk != Risk.PROTECTIVE:
        return await work.directory.access(slack_id, fresh=run.risk in {Risk.MUTATING, Risk.DESTRUCTIVE})
    known = await work.directory.access_at_once(slack_id)
    ruling = rule(work, work.rules.plan.step(run.step_id), known, incident="", now=run.requested_at)
    lacking = isinstance(ruling, Denied) and ruling.needed is not None
    return await work.directory.access(slack_id, fresh=True) if lacking else known


async def look(
    work: Work, run: Run, access: Access, *, incident: str, now: datetime, approvers: bool = False
) -> Looked:
    """Everything about a run that is decided by: never raises for what the systems do.

    `approvers`: who may approve is looked up too, to be told of it.
    """
    step = work.rules.plan.step(run.step_id)
    return await look_at(
        work,
        step,
        run.parameters,
        access,
        incident=incident,
        now=now,
        broken_glass=bool(run.glass),
        approvers=approvers,
    )


async def look_at(
    work: Work, step: Step | None, parameters: Mapping[str, str], access: Access, *, incident: str, now: datetime,
    broken_glass: bool = False, approvers: bool = True,
) -> Looked:  # fmt: skip
    """The same for a step that nobody has asked to run yet."""
    ruling = rule(work, step, access, incident=incident, now=now, broken_glass=broken_glass)
    if step is None or (isinstance(ruling, Denied) and not ruling.breakable):
        return Looked(access, ruling)
    try:
        agreed = agree(work, step, parameters)
    except (FillError, AtsError) as error:
        return Looked(access, ruling, problem=f"It cannot be run as it was asked: {error}")
    verdict = await evaluate(work.target, step.guard, deadline=GUARD, now=now)
    asked: Sequence[Who] = ()
    if approvers and isinstance(ruling, NeedsApproval):
        holders = await work.directory.holders(ruling.role)
        asked = [person for person in holders if person.slack_id != access.slack_id]
    return Looked(access, ruling, agreed, verdict.reading, verdict.holds, asked=asked)


def rule(
    work: Work, step: Step | None, access: Access, *, incident: str, now: datetime, broken_glass: bool = False
) -> Ruling:
    return step_policy.decide(
        access, step, now=now, incident=incident, rules=work.rules.policies, broken_glass=broken_glass
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read printed."""

    ok: bool
    text: str


async def read(work: Work, step_id: str) -> Seen:
    """What a read of the runbook says now: the list before a change, the evidence, the choices of a parameter."""
    step = work.rules.plan.step(step_id)
    if step is None or step.risk is not Risk.READ:
        return Seen(ok=False, text=f"the runbook has no read called {step_id}")
    try:
        result = await run_step(work.target, step, {}, deadline=BEFORE)
    except (FillError, AtsError) as error:
        return Seen(ok=False, text=str(error))
    text = "\n".join(said(part.output, part.columns, part.rows, part.error) for part in result.parts)
    return Seen(result.ok, text.replace("\x00", "\ufffd").strip())


def said(output: str, columns: Sequence[str], rows: Sequence[Sequence[str]], error: str = "") -> str:
    """What a part printed, or its rows as lines; the error in words comes first."""
    told = "\n".join(" | ".join(line) for line in [columns, *rows]) if columns else output
    if columns and not rows:
        told += "\n(no rows)"
    return "\n".join(text for text in (error, told) if text)


async def still_approved(work: Work, run: Run, given: Sequence[tuple[str, str]], *, needed: int) -> str:
    """Whether so many of those who approved may still approve; if not, who may not, in words."""
    counted = 0
    gone = ""
    for slack_id, name in given:
        access = await decisive(work, run, slack_id)
        refused = step_policy.may_approve(
            access, requester=Person.of(run.requester), role=Role(run.approver_role), already=()
        )
        counted += refused is None
        gone = gone or (f"{name} approved it and may not any more: {refused.because}." if refused else "")
    return "" if counted >= needed else gone or "It has not been approved by enough people."
