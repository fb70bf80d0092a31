"""A run that happens: claimed before anything is done, its outcome written down afterwards.

The claim is one conditional UPDATE, committed before the side effect; whoever loses it does nothing. A run that is
found running with nobody at it is an unknown outcome: people decide what follows, never the bot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import String, case, cast, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased
from sqlmodel import col

from bot.domain import runs as life
from bot.domain.outside import keepable
from bot.domain.people import Who
from bot.domain.runs import State
from bot.domain.timeline import digest as text_digest
from bot.operations import approving, outbox, runs
from bot.operations.rules import Rules
from bot.operations.runs import hold, instant, is_loud, loud, show, write
from bot.store.run_tables import Run
from bot.store.session import CARD_QUEUE, EFFECT_QUEUE, Tx
from runbook.model import Risk, Step

LOST: Final = 30.0  # seconds without a sign of life after which a run's outcome is unknown
NEAR: Final = 500  # runs around one among which the same is looked for
AGAIN: Final = timedelta(seconds=2)  # between looks at whether the system is free


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    state: State
    reason: str
    parts: Sequence[dict[str, Any]] = ()
    reading: str = ""  # of the verification
    after: str = ""
    exit: int | None = None
    took: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ready:
    """What was found out last before it runs."""

    worker: str
    guard: str = ""  # its reading
    roles: Sequence[str] = ()
    evidence: str = ""
    undo: Mapping[str, str] = field(default_factory=dict)


async def claim(tx: Tx, rules: Rules, run: Run, ready: Ready) -> bool:
    """Take a run, whose row is held, if it is still to be run; False: it is not ours to carry out.

    The intent is written in the same transaction: if it cannot be written, nothing runs.
    """
    if run.state != State.APPROVED:
        return False
    now, incident = await instant(tx), await runs.incident_of(tx, run)
    if now >= run.expires_at:
        await runs.end(tx, rules, run, State.EXPIRED, "It could not begin in time.", at=now)
        return False
    if incident is not None and incident.status == "resolved":
        await runs.end(tx, rules, run, State.VOIDED, runs.RESOLVED, at=now)
        return False
    if not await _take(tx, run, ready, now):
        done = await _done_meanwhile(tx, run)
        if done:
            await runs.end(tx, rules, run, State.VOIDED, done, at=now)
        else:
            await _waits(tx, rules, run)
        return False
    await _intent(tx, run, ready)
    if is_loud(run):
        await loud(tx, rules, run)
    await show(tx, rules, run)
    return True


async def _take(tx: Tx, run: Run, ready: Ready, now: datetime) -> bool:
    """The claim itself; the unique index lets one change at a time at a system."""
    statement = (
        update(Run)
        .where(col(Run.id) == run.id, col(Run.state) == State.APPROVED, *_not_done(run))
        .values(
            state=State.RUNNING, worker=ready.worker, beat_at=func.clock_timestamp(), started_at=now, reason="",
            guard=ready.guard, undo=dict(ready.undo),
        )
        .returning(Run)
        .execution_options(populate_existing=True, synchronize_session=False)
    )  # fmt: skip
    await tx.session.flush()
    try:
        async with tx.session.begin_nested():
            return (await tx.session.execute(statement)).scalar_one_or_none() is not None
    except IntegrityError:
        return False


def _not_done(run: Run) -> Sequence[Any]:
    """In the claim itself: a click waits for it, and another question would cost a millisecond."""
    other = aliased(Run)
    same = _same(run, other)
    return [~select(col(other.id)).where(*same).exists()] if same else []


def _same(run: Run, other: Any) -> Sequence[Any]:
    """What makes another run one that did the same since this was asked for."""
    if run.risk == Risk.READ or not run.agreed.get("resolved"):
        return []
    ended = [State.SUCCEEDED] if run.risk == Risk.PROTECTIVE else life.RAN
    return [
        col(other.id) > (run.id or 0) - NEAR, col(other.id) != run.id,  # by the key: there may be many
        col(other.state).in_(ended), col(other.finished_at) >= run.requested_at,
        col(other.agreed)["resolved"].as_string() == run.agreed["resolved"],
        col(other.agreed)["target"].as_string() == str(run.agreed.get("target", "")),
    ]  # fmt: skip


async def _done_meanwhile(tx: Tx, run: Run) -> str:
    """That the same was run since this was asked for, in words; "" if it was not: two people at once are one restart.

    An emergency stop that is not seen to have stopped anything does not keep the next one from trying.
    """
    other = aliased(Run)
    same = _same(run, other)
    if not same:
        return ""
    query = select(other).where(*same).order_by(col(other.id).desc()).limit(1)
    found = (await tx.session.execute(query)).scalar_one_or_none()
    if found is None:
        return ""
    name = Who.from_json(found.requester).name or "somebody"
    what = WORDS.get(State(found.state), found.state).lower()
    return (
        f"The same was run since this was asked for: run {found.id}, by {name}, {what}. Look at it, and ask again "
        "if it is still wanted."
    )


async def holder(tx: Tx, run: Run) -> str:
    """What changes the same system right now, in words; "" if nothing does."""
    if not run.system:
        return ""
    query = select(Run).where(col(Run.system) == run.system, col(Run.state) == State.RUNNING)
    other = (await tx.session.execute(query)).scalars().first()
    if other is None:
        return ""
    return f"“{other.title}” ({other.step_id}) of {Who.from_json(other.requester).name or 'somebody'}"


async def _intent(tx: Tx, run: Run, ready: Ready) -> None:
    person = Who.from_json(run.requester)
    given = await approving.approvals(tx, run.id or 0) if run.needed else ()
    approved = [Who.from_json(a.person).as_json() for a in given]
    if ready.evidence:
        words = f"Kept before “{run.title}”, as evidence"
        await write(tx, run, "run_evidence", words, at=run.started_at, evidence=ready.evidence)
    words = f"About to run “{run.title}” ({run.step_id})"
    await write(
        tx, run, "run_intent", words, actor=person, at=run.started_at, source="slack", roles=list(ready.roles),
        roles_when_asked=run.roles, approvers=approved, guard=run.guard, command=run.agreed.get("resolved", ""),
        system=run.system, glass=run.glass, worker=run.worker,
    )  # fmt: skip


async def _waits(tx: Tx, rules: Rules, run: Run) -> None:
    """The system is being changed by somebody else: said once; the sweep looks again, until the request expires."""
    busy = await holder(tx, run) or "another change that has just begun"
    words = f"Waits for {busy}: one change at a time on {run.system}."
    if run.reason != words:
        run.reason = words
        await show(tx, rules, run)


async def tell_waiting(tx: Tx, rules: Rules, run_id: int) -> None:
    """Those that wait for this system wait for another change now.

    One that is held by somebody else is left out: whoever holds it finds out for themselves.
    """
    run = await runs.get(tx, run_id)
    if run is None or not run.system:
        return
    query = (
        select(Run)
        .where(col(Run.state) == State.APPROVED, col(Run.system) == run.system, col(Run.reason) != "")
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    for other in (await tx.session.execute(query)).scalars().all():
        await _waits(tx, rules, other)


async def left_over(tx: Tx) -> Sequence[int]:
    """Approved runs that nobody has begun for a while: of each free system the one that has waited longest.

    They waited for another change, or whoever was to begin them is gone.
    """
    since = await instant(tx) - AGAIN
    other = aliased(Run)
    at_it = select(col(other.id)).where(col(other.system) == col(Run.system), col(other.state) == State.RUNNING)
    each = case((col(Run.system) == "", cast(col(Run.id), String)), else_=col(Run.system))
    query = (
        select(col(Run.id))
        .where(col(Run.state) == State.APPROVED, col(Run.approved_at) < since)
        .where(or_(col(Run.system) == "", ~at_it.exists()))
        .ext(distinct_on(each))
        .order_by(each, col(Run.id))
    )
    return [row or 0 for row in (await tx.session.execute(query)).scalars()]


async def following(tx: Tx, system: str) -> int:
    """The approved run that has waited longest for a system, 0 if none does."""
    waiting = col(Run.state) == State.APPROVED, col(Run.system) == system, col(Run.system) != ""
    query = select(col(Run.id)).where(*waiting).order_by(col(Run.id)).limit(1)
    return (await tx.session.execute(query)).scalar_one_or_none() or 0


async def beat(tx: Tx, rules: Rules, run_id: int, worker: str, progress: str) -> Who | None:
    """A sign of life, with how far it is; somebody who has asked to stop it, if anybody has."""
    statement = (
        update(Run)
        .where(col(Run.id) == run_id, col(Run.state) == State.RUNNING, col(Run.worker) == worker)
        .values(beat_at=func.clock_timestamp())
        .returning(col(Run.cancelled_by), col(Run.progress))
    )
    row = (await tx.session.execute(statement)).one_or_none()
    if row is None:
        return None
    if progress and progress != row.progress:
        await tx.session.execute(update(Run).where(col(Run.id) == run_id).values(progress=progress))
        run = await tx.session.get(Run, run_id, populate_existing=True)
        if run is not None:
            await show(tx, rules, run)
    return Who.from_json(row.cancelled_by) or None


async def finished(
    tx: Tx, rules: Rules, run_id: int, worker: str, outcome: Outcome, step: Step | None
) -> State | None:
    """Write down what became of it, once; the state it has now."""
    run = await hold(tx, run_id)
    if run is None:
        return None
    if run.state != State.RUNNING or run.worker != worker:
        return await _late(tx, rules, run, outcome)
    now = await instant(tx)
    run.state, run.reason, run.finished_at = outcome.state, outcome.reason, now
    run.output, run.reading, run.after = list(outcome.parts), outcome.reading, outcome.after
    run.exit, run.took, run.progress = outcome.exit, outcome.took, ""
    words = f"{WORDS.get(outcome.state, outcome.state)}: “{run.title}”. {outcome.reason}".strip()
    await write(
        tx, run, "run_outcome", words, at=now, state=outcome.state, duration=round(outcome.took, 3), exit=outcome.exit,
        reading=outcome.reading, after=outcome.after, output=_reference(outcome), cancelled_by=run.cancelled_by,
    )  # fmt: skip
    await _follow_up(tx, rules, run, step, now)
    await show(tx, rules, run)
    return outcome.state


WORDS = {
    State.SUCCEEDED: "Done and verified",
    State.FAILED: "Failed",
    State.NOT_VERIFIED: "Ran, not verified",
    State.UNKNOWN: "Outcome unknown",
}


def _reference(outcome: Outcome) -> dict[str, Any]:
    """What the output was, so that it can be told later whether the kept one is it."""
    return {"parts": len(outcome.parts), "sha256": text_digest("", {"parts": list(outcome.parts)})}


async def _late(tx: Tx, rules: Rules, run: Run, outcome: Outcome) -> State:
    """It was given up as unknown, and is heard of after all: said, but the state stays what people were told."""
    words = WORDS.get(outcome.state, outcome.state)
    run.late = f"Heard of it after all: {words[:1].lower()}{words[1:]}. {outcome.reason}".strip()
    run.output = list(outcome.parts) or run.output
    await write(
        tx, run, "run_late", f"“{run.title}”: {run.late}", at=await instant(tx), state=outcome.state,
        exit=outcome.exit, reading=outcome.reading,
    )  # fmt: skip
    await show(tx, rules, run)
    return State(run.state)


async def _follow_up(tx: Tx, rules: Rules, run: Run, step: Step | None, now: Any) -> None:
    if is_loud(run):
        await loud(tx, rules, run)
    if run.risk == Risk.PROTECTIVE:
        await tx.defer("run_review", queue=EFFECT_QUEUE, run_id=run.id)
    if run.state in {State.SUCCEEDED, State.NOT_VERIFIED}:
        if step is not None and is_temporary(step):
            run.revert_due_at = now + life.REVERT_AFTER
            await tx.defer("run_revert_due", queue=CARD_QUEUE, at=run.revert_due_at, run_id=run.id)
        if run.undo_of is not None:
            await _undone(tx, rules, run.undo_of)


def is_temporary(step: Step) -> bool:
    """Whether a change is meant to be taken back: it knows its way back, and says so."""
    return bool(step.revert) and step.revert != step.id and "temporar" in step.title.lower()


async def _undone(tx: Tx, rules: Rules, run_id: int) -> None:
    """A change was taken back: its message and the reminders of it say so, and offer that no more."""
    other = await hold(tx, run_id)
    if other is not None:
        other.revert_due_at = None
        await outbox.refresh(tx, "run-revert", str(other.id), moments=True)
        await show(tx, rules, other)


async def orphans(tx: Tx, *, lost: float = LOST) -> Sequence[int]:
    """Runs that nobody is at any more, by the database's clock."""
    since = func.clock_timestamp() - text("make_interval(secs => :lost)").bindparams(lost=lost)
    query = select(col(Run.id)).where(col(Run.state) == State.RUNNING, col(Run.beat_at) < since)
    return [row or 0 for row in (await tx.session.execute(query)).scalars()]


async def orphaned(tx: Tx, rules: Rules, run_id: int, *, lost: float = LOST) -> bool:
    """The bot that ran it is gone: whether it ran, and how far, is not known here. Never repeated by itself."""
    run = await hold(tx, run_id)
    if run is None or run_id not in await orphans(tx, lost=lost):
        return False
    now = await instant(tx)
    run.state, run.finished_at = State.UNKNOWN, now
    run.reason = "The bot that ran it stopped in the middle. It may have run wholly, in part, or not at all."
    await write(
        tx, run, "run_outcome", f"Outcome unknown: “{run.title}”. {run.reason}", at=now, state=State.UNKNOWN
    )
    await _follow_up(tx, rules, run, None, now)
    await show(tx, rules, run)
    return True


def part_json(part: Any) -> dict[str, Any]:
    """A part of a step's result as it is kept: printable, bounded."""
    told = asdict(part)
    told["rows"] = [list(row) for row in part.rows[:50]]
    told["columns"] = list(part.columns)
    clean: dict[str, Any] = keepable(told)
    return clean
