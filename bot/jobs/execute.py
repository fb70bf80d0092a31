"""One run, really: looked at once more, claimed, carried out, verified, written down.

The job is never retried into a second execution: the claim lets nobody through twice, and what was begun and not
finished is an unknown outcome that people decide about.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import structlog

from bot import render
from bot.domain.runs import State, deployed_before
from bot.domain.step_policy import Denied
from bot.errors import AtsError
from bot.jobs import looking, runs
from bot.jobs.work import Work
from bot.operations import approving, execution
from bot.operations import runs as operations
from bot.operations.execution import Outcome
from bot.operations.runs import Looked
from bot.store.run_tables import Run
from bot.store.session import Tx
from bot.targets.checks import evaluate
from bot.targets.steps import FillError, StepResult, run_step
from bot.targets.steps import Outcome as Ended
from runbook.model import Risk, Step

log = structlog.get_logger(__name__)

WORKER: Final = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
BEAT: Final = 1.0  # seconds between signs of life, looks for a cancel, and updates of the message
KEEP_TRYING: Final = 900.0  # seconds that an outcome is tried to be written while the database is away
LINES: Final = 12  # of progress that the message shows


@dataclass(frozen=True, slots=True)
class Ready:
    """What is to be done next, as it was looked at: the runbook may be edited at any moment."""

    step: Step | None
    found: execution.Ready
    why: str = ""  # why it must not run after all


async def execute(work: Work, run_id: int) -> None:
    """Carry out an approved run; whatever is no longer as it was agreed to stops it before it begins."""
    found = await runs.standing(work, run_id, State.APPROVED)
    if found is None:
        return
    access = await looking.decisive(work, found.run, found.requester)
    looked = await looking.look(work, found.run, access, incident=found.incident, now=found.now)
    ready = await made_ready(
        work, found.run, looked, await against(work, found, looked, needed=found.run.needed)
    )
    async with work.store.transaction() as tx:
        run = await operations.hold(tx, run_id)
        mine = run is not None and await take(tx, work, run, ready)
    if mine and run is not None:
        await go_on(work, run, ready)


async def made_ready(work: Work, run: Run, looked: Looked, why: str = "") -> Ready:
    """Keep what a step destroys, and how to take it back; `why`: what is against it already."""
    step = work.rules.plan.step(run.step_id)
    edited = step is None or looked.agreed is None or step.digest != looked.agreed.step_digest
    found = execution.Ready(WORKER, looked.guard, looked.access.reasons)
    if why or step is None or edited:
        return Ready(step, found, why or "The runbook was edited meanwhile.")
    evidence = await _evidence(work, step)
    if not evidence.ok:
        return Ready(step, found, f"What must be looked at first cannot be read: {evidence.text[:300]}")
    undo = await _undo(work, step)
    if step.guard and (step.before or undo):  # reading those took a while: the guard is what is read last
        async with work.store.transaction() as tx:
            now = await operations.instant(tx)
        verdict = await evaluate(work.target, step.guard, deadline=looking.GUARD, now=now)
        if not verdict.holds:
            return Ready(step, found, f"Its guard does not hold any more: {verdict.reading}")
        found = replace(found, guard=verdict.reading)
    return Ready(step, replace(found, evidence=evidence.text, undo=undo))


async def take(tx: Tx, work: Work, run: Run, ready: Ready) -> bool:
    """Claim it, or end it, or let it wait for another change; whether it is ours to carry out. Its row is held."""
    if ready.why:
        await operations.void(tx, work.rules, run, ready.why)
        return False
    return await execution.claim(tx, work.rules, run, ready.found)


async def go_on(work: Work, run: Run, ready: Ready) -> None:
    """Carry out what was claimed, on its own; here and now if this process begins nothing more."""
    step = ready.step
    if step is not None and not work.soon.start(f"carry out {run.id}", partial(_carry_out, work, run, step)):
        await _carry_out(work, run, step)


async def against(work: Work, found: runs.Standing, looked: Looked, *, needed: int) -> str:
    """Why it must not run after all; "" if it may. `needed`: how many of those who have approved must still count."""
    run = found.run
    if isinstance(looked.ruling, Denied):
        return f"Whoever asked may not any more: {looked.ruling.because}."
    against = looked.problem or approving.outdated(run, looked.agreed, found.incident)
    if against:
        return against
    asked = getattr(looked.ruling, "count", 0)
    if asked > run.needed:
        return f"It needs {asked} approvals by now: {getattr(looked.ruling, 'because', '')}."
    role = getattr(looked.ruling, "role", run.approver_role)
    if asked and role != run.approver_role:
        return f"It needs the approval of a {role} by now: {getattr(looked.ruling, 'because', '')}."
    gone = await looking.still_approved(work, run, found.approved_by, needed=needed)
    return gone or ("" if looked.holds else f"Its guard does not hold any more: {looked.guard}")


async def _evidence(work: Work, step: Step) -> looking.Seen:
    return await looking.read(work, step.before) if step.before else looking.Seen(ok=True, text="")


async def _undo(work: Work, step: Step) -> dict[str, str]:
    """The parameters of the way back, as they are now; none when that cannot be read."""
    source = next((kind.partition(" from ")[2] for kind in step.params.values() if " from " in kind), "")
    if step.revert != step.id or not source:
        return {}
    seen = await looking.read(work, source)
    return deployed_before(work.rules.plan, step, seen.text) if seen.ok else {}


async def _carry_out(work: Work, run: Run, step: Step) -> None:
    """The side effect. From here on something may have happened, whatever else goes wrong."""
    running = asyncio.create_task(_run(work, run, step, lines := _Lines()))
    beating = asyncio.create_task(_beat(work, run.id or 0, running, lines))
    try:
        outcome = await running
    except asyncio.CancelledError:
        outcome = _stopped(lines)
        if not lines.stopped_by:  # this process is being stopped
            await asyncio.shield(_write_down(work, run, outcome, step))
            raise
    except Exception as error:  # whatever it was, people must be told that it may have run
        log.exception("run failed inside the bot", run=run.id)
        outcome = Outcome(State.UNKNOWN, f"An error in the bot itself: {type(error).__name__}. See its log.")
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
    await _write_down(work, run, outcome, step)


class _Lines:
    """What a step prints, its newest lines; and who has stopped it."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self.stopped_by = ""
        self.ran: Outcome | None = (
            None  # what is known once it has ended well: only its verification is missing
        )

    def add(self, line: str) -> None:
        self._kept = [*self._kept[-LINES + 1 :], line.replace("\x00", "\ufffd")[:300]]

    @property
    def text(self) -> str:
        return "\n".join(self._kept)


async def _run(work: Work, run: Run, step: Step, lines: _Lines) -> Outcome:
    try:
        result = await run_step(work.target, step, run.parameters, progress=lines.add)
    except (FillError, AtsError) as error:
        return Outcome(State.FAILED, f"It could not be run: {error} Nothing was changed.")
    parts = [execution.part_json(part) for part in result.parts]
    exit_code = result.parts[-1].exit if result.parts else None
    if result.outcome is Ended.UNKNOWN:
        return Outcome(State.UNKNOWN, _words(result), parts, exit=exit_code, took=result.took)
    if result.outcome is Ended.FAILED:
        return Outcome(State.FAILED, _words(result), parts, exit=exit_code, took=result.took)
    if step.risk is Risk.READ:
        return Outcome(State.SUCCEEDED, "", parts, exit=exit_code, took=result.took)
    lines.ran = Outcome(State.NOT_VERIFIED, "", parts, exit=exit_code, took=result.took)
    lines.add("It ran without an error. Looking whether it did what it is for …")
    return await _verified(work, step, result, parts, exit_code)


def _words(result: StepResult) -> str:
    last = result.parts[-1] if result.parts else None
    if last is None:
        return "It said nothing."
    if last.error:
        return last.error if last.error.endswith(".") else f"{last.error}."
    return f"Exit status {last.exit}." if last.exit is not None else "It failed without a word."


async def _verified(
    work: Work, step: Step, result: StepResult, parts: list[dict[str, Any]], exit_code: int | None
) -> Outcome:
    """Done is only what has been seen to be done."""
    began = time.monotonic()
    after = (await looking.read(work, step.after)).text if step.after else ""
    if not step.verify:
        why = "The runbook names nothing to verify it by: look for yourself."
        return Outcome(State.NOT_VERIFIED, why, parts, after=after, exit=exit_code, took=result.took)
    async with work.store.transaction() as tx:
        now = await operations.instant(tx)
    verdict = await evaluate(work.target, step.verify, patient=True, now=now)
    took = result.took + time.monotonic() - began
    state = State.SUCCEEDED if verdict.holds else State.NOT_VERIFIED
    why = "" if verdict.holds else "It ran without an error, but what it was meant to do cannot be seen."
    return Outcome(state, why, parts, verdict.reading, after, exit_code, took)


def _stopped(lines: _Lines) -> Outcome:
    by = f"Stopped by {lines.stopped_by}" if lines.stopped_by else "The bot was stopped"
    if lines.ran is not None:
        return replace(lines.ran, reason=f"It ran without an error. {by} before it was verified.")
    return Outcome(State.UNKNOWN, f"{by} in the middle: it was killed. What it had done by then stands.")


async def _beat(work: Work, run_id: int, running: asyncio.Task[Outcome], lines: _Lines) -> None:
    """Signs of life, progress, and the ear for a cancel, which any replica may have taken."""
    with contextlib.suppress(AtsError):
        async with work.store.transaction() as tx:
            await execution.tell_waiting(tx, work.rules, run_id)
    while True:
        await asyncio.sleep(BEAT)
        try:
            async with work.store.transaction() as tx:
                by = await execution.beat(tx, work.rules, run_id, WORKER, lines.text)
        except AtsError as error:
            log.warning("no sign of life written", run=run_id, error=str(error))
            continue
        if by is not None:
            lines.stopped_by = by.name or by.slack_id or "somebody"
            running.cancel()
            return


async def _write_down(work: Work, run: Run, outcome: Outcome, step: Step) -> None:
    """The outcome must get through, also when the database is away for a while."""
    ends, delay = time.monotonic() + KEEP_TRYING, 0.2
    while True:
        try:
            async with work.store.transaction() as tx:
                await execution.finished(tx, work.rules, run.id or 0, WORKER, outcome, step)
                following = await execution.following(tx, run.system)
        except AtsError as error:
            log.error("outcome not written yet", run=run.id, error=str(error))
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(delay)
            delay = min(5.0, delay * 2)
        else:
            break
    if following:
        work.soon.start(f"run {following}", partial(execute, work, following))
    if step.risk is Risk.READ and run.incident_id is None:
        await runs.tell(work, run, render.read_message(step.title, _shown(outcome)))


def _shown(outcome: Outcome) -> str:
    told: list[Mapping[str, Any]] = list(outcome.parts)
    return (
        "\n".join(looking.said(p["output"], p["columns"], p["rows"], p["error"]) for p in told)
        or outcome.reason
    )
