"""A step before it is asked for: read live, for the confirmation, a dry run, and the list of what one may do."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from bot.domain import choices as choosing
from bot.domain import runs as life
from bot.domain.policy import Access
from bot.domain.runs import State
from bot.domain.step_policy import CHANGES, Denied, NeedsApproval, Ruling
from bot.errors import NotFoundError
from bot.jobs import looking
from bot.jobs.work import Work
from bot.operations import execution, incidents, runs
from bot.operations.run_views import wrong
from bot.operations.runs import Looked
from bot.render import ActionRow, Choice, PreviewView
from bot.store.run_tables import Run
from bot.store.session import Tx
from runbook.model import Risk, Step


async def preview(
    work: Work, slack_id: str, step_id: str, parameters: Mapping[str, str], *, number: int = 0, undo_of: int = 0
) -> PreviewView:
    """Everything that a person should know before a step is asked for; raises NotFoundError."""
    step = work.rules.plan.step(step_id)
    if step is None:
        raise NotFoundError(f"The runbook has no step “{step_id[:80]}”; nothing was run. See /ats actions.")
    given = dict(parameters)
    async with work.store.transaction() as tx:
        number, given = await _undoing(tx, step, undo_of, number, given)
        incident = await incidents.by_number(tx, number) if number else None
        status, now = incident.status if incident else "", await runs.instant(tx)
        busy, uncertain = await _others(tx, step)
    if choosing.missing(step, given):
        return PreviewView(
            step, choices=await _choices(work, step), parameters=given, number=number, undo_of=undo_of
        )
    access = await looking.access_of(work, slack_id)
    looked = await looking.look_at(work, step, given, access, incident=status, now=now)
    before = await looking.read(work, step.before) if step.before else looking.Seen(ok=True, text="")
    seen = work.rules.plan.step(step.before)
    return PreviewView(
        step=step,
        resolved=looked.agreed.resolved if looked.agreed else step.source,
        target=looked.agreed.target if looked.agreed else "",
        digest=life.digest(looked.agreed) if looked.agreed else "",
        guard_holds=looked.holds,
        guard_reading=looked.guard,
        problem=looked.problem,
        before=before.text,
        before_title=seen.title if seen else "",
        wrong=wrong(work.rules.plan, step),
        busy=busy,
        uncertain=uncertain,
        parameters=given,
        choices=await _choices(work, step) if looked.problem else {},
        number=number,
        undo_of=undo_of,
        **_ruled(looked.ruling, access, looked),
    )


async def _undoing(
    tx: Tx, step: Step, undo_of: int, number: int, given: dict[str, str]
) -> tuple[int, dict[str, str]]:
    """The way back belongs to the incident of the run that it takes back, and to the values of before it."""
    run = await runs.get(tx, undo_of) if undo_of else None
    if run is None:
        return number, given
    incident = await runs.incident_of(tx, run)
    own = {str(k): str(v) for k, v in run.undo.items()} if run.step_id == step.id else {}
    open_one = incident is not None and incident.status != "resolved"
    return (incident.number if incident and open_one else number), given or own


async def _others(tx: Tx, step: Step) -> tuple[str, str]:
    """(who changes the same system now, an earlier change of it whose outcome nobody knows), in words."""
    if step.risk is Risk.READ:
        return "", ""
    probe = Run(key="", step_id=step.id, system=life.system_of(step))
    busy = await execution.holder(tx, probe)
    newest = select(Run).where(col(Run.system) == probe.system, col(Run.started_at).is_not(None))
    last = (await tx.session.execute(newest.order_by(col(Run.id).desc()).limit(1))).scalars().first()
    unknown = last is not None and last.state == State.UNKNOWN
    words = f"“{last.title}” (run {last.id}) on {probe.system} ended with an unknown outcome" if last else ""
    return busy, words if unknown else ""


async def _choices(work: Work, step: Step) -> dict[str, tuple[Choice, ...]]:
    found: dict[str, tuple[Choice, ...]] = {}
    for name, kind in step.params.items():
        source = choosing.source_of(work.rules.plan, kind)
        printed = (await looking.read(work, source.id)).text if source else ""
        found[name] = tuple(Choice(value, label) for value, label in reversed(choosing.choices(kind, printed)))
    return found


def _ruled(ruling: Ruling, access: Access, looked: Looked) -> dict[str, Any]:
    if isinstance(ruling, Denied):
        breakable = ruling.breakable and "admin" in access.roles
        return {"denied": f"{ruling.because}.", "breakable": breakable}
    if isinstance(ruling, NeedsApproval):
        return {"needed": ruling.count, "why_approval": ruling.because, "asked": tuple(looked.asked)}
    return {}


async def action_rows(work: Work, slack_id: str, *, number: int = 0) -> Sequence[ActionRow]:
    """What a person may run; with `number`, only the steps of that incident's entry."""
    access = await looking.access_of(work, slack_id)
    async with work.store.transaction() as tx:
        incident = await incidents.by_number(tx, number) if number else None
        now = await runs.instant(tx)
    entries = work.rules.plan.entries
    if number:
        entries = tuple(e for e in entries if incident is not None and e.id == incident.entry_id)
    steps = [s for e in entries for s in e.steps if s.risk in CHANGES and s.role]
    steps.sort(key=lambda step: step.risk is not Risk.PROTECTIVE)  # what stops the damage stands first
    return [_row(work, step, access, incident.status if incident else "", now) for step in steps]


def _row(work: Work, step: Step, access: Access, status: str, now: datetime) -> ActionRow:
    ruling = looking.rule(work, step, access, incident=status, now=now)
    if isinstance(ruling, Denied):
        return ActionRow(step, may=False, words=ruling.because)
    if isinstance(ruling, NeedsApproval):
        people = "another person" if ruling.count == 1 else f"{ruling.count} other people"
        return ActionRow(step, may=True, words=f"with the approval of {people} ({ruling.role})")
    return ActionRow(step, may=True, words="after you have confirmed" if ruling.confirm else "at one click")
