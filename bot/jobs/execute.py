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
from typing import Any, Final

import structlog

from bot import render
from bot.domain.people import Who
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
from bot.targets.checks import evaluate
from bot.targets.steps import FillError, StepResult, run_step
from bot.targets.steps import Outcome as Ended
from runbook.model import Risk, Step

log = structlog.get_logger(__name__)

WORKER: Final = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
BEAT: Final = 1.0  # seconds between signs of life, looks for a cancel, and updates of the message
KEEP_TRYING: Final = 900.0  # seconds that an outcome is tried to be written while the database is away
LINES: Final = 12  # of progress that the message shows


async def execute(work: Work, run_id: int) -> None:
    """Carry out an approved run; whatever is no longer as it was agreed to stops it before it begins."""
    found = await runs.fetch_open(work, run_id, State.APPROVED)
    if found is None:
        return
    run, status, now = found
    access = await looking.access_of(work, str(run.requester.get("slack_id")))
    looked = await looking.look(work, run, access, incident=status, now=now)
    why = await _void(work, run, looked)
    step = work.rules.plan.step(run.step_id)
    evidence = await _evidence(work, step) if step is not None and not why else looking.Seen(ok=True, text="")
    if not why and not evidence.ok:
        why = f"What must be looked at first cannot be read: {evidence.text[:300]}"
    if why or step is None:
        async with work.store.transaction() as tx:
            await operations.void(tx, work.rules, run_id, why or "The step is gone.")
        return
    undo = await _undo(work, step)
    async with work.store.transaction() as tx:
        busy = await execution.claim(
            tx, work.rules, run_id, worker=WORKER, guard=looked.guard, evidence=evidence.text, undo=undo,
            roles=access.reasons,
        )  # fmt: skip
        if busy:
            await execution.waits(tx, work.rules, run_id, busy)
    if busy == "":
        await _carry_out(work, run, step)


async def _void(work: Work, run: Run, looked: Looked) -> str:
    """Why it must not run after all; "" if it may."""
    if isinstance(looked.ruling, Denied):
        return f"Whoever asked may not any more: {looked.ruling.because}."
    async with work.store.transaction() as tx:
        incident = await operations.incident_of(tx, run)
        outdated = approving.outdated(run, looked.agreed, incident)
        given = [(a.slack_id, Who.from_json(a.person).name) for a in await approving.approvals(tx, run.id or 0)]
    if looked.problem or outdated:
        return looked.problem or outdated
    needed = getattr(looked.ruling, "count", 0)
    if needed > run.needed:
        return f"It needs {needed} approvals by now: {getattr(looked.ruling, 'because', '')}."
    gone = await looking.still_approved(work, run, given)
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
        outcome = _stopped(lines.stopped_by)
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


def _stopped(by: str) -> Outcome:
    if by:
        return Outcome(
            State.UNKNOWN, f"Stopped by {by} in the middle: killed. What it had done by then stands."
        )
    return Outcome(
        State.UNKNOWN, "The bot was stopped in the middle, and killed it. What it had done by then stands."
    )


async def _beat(work: Work, run_id: int, running: asyncio.Task[Outcome], lines: _Lines) -> None:
    """Signs of life, progress, and the ear for a cancel, which any replica may have taken."""
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
        except AtsError as error:
            log.error("outcome not written yet", run=run.id, error=str(error))
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(delay)
            delay = min(5.0, delay * 2)
        else:
            break
    if step.risk is Risk.READ and run.incident_id is None:
        await runs.tell(work, run, render.read_message(step.title, _shown(outcome)))


def _shown(outcome: Outcome) -> str:
    told: list[Mapping[str, Any]] = list(outcome.parts)
    return (
        "\n".join(looking.said(p["output"], p["columns"], p["rows"], p["error"]) for p in told)
        or outcome.reason
    )
