"""One diagnosis, as far as it has come: systems, reading steps of the runbook and newest changes, side by side."""

import asyncio
import json
import time
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from bot.domain import evidence
from bot.domain.evidence import Change
from bot.domain.questions import Question, asking_steps, steps_for
from bot.domain.touched import of_steps
from bot.errors import AtsError
from bot.jobs.examination import Examination
from bot.jobs.examine import known
from bot.jobs.work import Work
from bot.render import ChoiceView, DiagnosisView, PartView, StepView
from bot.render.words import entry_cautions
from bot.targets.choices import choices
from bot.targets.steps import FillError, Outcome, StepResult, run_step
from runbook.model import Step

log = structlog.get_logger(__name__)

AT_ONCE: Final = 4  # steps of one diagnosis
DEADLINE: Final = 10.0  # seconds for each
RECENT: Final = timedelta(days=2)  # older changes explain nothing
_LOGS: Final = frozenset(
    {"logs", "tail", "grep", "journalctl", "describe"}
)  # whose output is searched for trouble


class Inquiry:
    """Everything is asked at once; what has answered can be read at any time."""

    def __init__(self, work: Work, asked: Question) -> None:
        self._work, self._asked = work, asked
        systems, plan = known(), work.rules.plan
        self._steps = steps_for(plan, asked, systems)
        self._choosing = asking_steps(plan, asked, systems)
        every = (*self._steps, *self._choosing)
        only = asked.systems or (of_steps(every, systems) if every else None)
        self._examination = Examination(work, only)
        self._views = {step.id: StepView(step.id, step.title) for step in self._steps}
        self._choices: dict[str, ChoiceView] = {}
        self._changes: list[Change] = []
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._began, self._took = time.perf_counter(), 0.0

    async def run(self) -> None:
        """Ask everything; what fails is told in its own place."""
        tasks: list[Coroutine[Any, Any, None]] = [self._examine(), self._look_for_changes()]
        tasks += [self._step(step) for step in self._steps]
        tasks += [self._choose(step) for step in self._choosing]
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(task)
        self._took = time.perf_counter() - self._began

    async def _examine(self) -> None:
        await self._examination.run()
        await self._examination.keep()

    async def _step(self, step: Step) -> None:
        async with self._slots:
            self._views[step.id] = await read_step(self._work, step)

    async def _choose(self, step: Step) -> None:
        parameter = next(iter(step.params))
        view = ChoiceView(step.id, step.title, parameter)
        try:
            async with asyncio.timeout(DEADLINE):
                values = await choices(self._work.target, self._work.rules.plan, step, parameter)
            view = ChoiceView(step.id, step.title, parameter, values, "" if values else "there are none")
        except (AtsError, FillError, TimeoutError) as error:
            why = self._work.target.redact(str(error)) or "timed out"
            view = ChoiceView(step.id, step.title, parameter, problem=why)
        self._choices[step.id] = view

    async def _look_for_changes(self) -> None:
        async with self._work.store.transaction() as tx:
            now = tx.now
        found = await asyncio.gather(self._commits(now), self._releases())
        recent = [c for changes in found for c in changes if c.at >= now - RECENT]
        self._changes = list(evidence.newest(recent))

    async def _commits(self, now: datetime) -> tuple[Change, ...]:
        """The checkout's newest commits, with what was edited in it since as a change of its own."""
        log_ = await self._quiet("git", "log", "-n", "5", "--format=%ct%x09%h%x09%an%x09%s")
        edited = await self._quiet("git", "status", "--porcelain", "--untracked-files=no")
        files = [line[3:] for line in edited.splitlines() if line.strip()]
        more = (Change(now, f"edited and not committed: {', '.join(files[:4])}"),) if files else ()
        return (*more, *evidence.git_log(log_))

    async def _releases(self) -> tuple[Change, ...]:
        if self._work.target.settings.deployment != "helm":
            return ()
        text = await self._quiet("helm", "history", "ats", "-n", "trading", "-o", "json", "--max", "5")
        try:
            return evidence.helm_history(json.loads(text or "[]"))
        except ValueError:
            return ()

    async def _quiet(self, *argv: str) -> str:
        """A program's output, or nothing: a checkout without Git is no finding."""
        try:
            answer = await self._work.target.run(argv, deadline=5.0)
        except AtsError as error:
            log.info("no changes to show", program=argv[0], error=str(error))
            return ""
        return self._work.target.redact(answer.stdout) if answer.exit == 0 else ""

    @property
    def complete(self) -> bool:
        return self._took > 0

    def view(self, *, by: str = "", look: int = 0, number: int = 0) -> DiagnosisView:
        """What is known, for people."""
        health = self._examination.view()
        steps = tuple(self._views[step.id] for step in self._steps)
        entry = self._work.rules.plan.entry(self._asked.entry_id)
        texts = [p.output for s in self._steps if _is_log(s) for p in self._views[s.id].parts]
        waiting = [*health.waiting, *(s.title for s in steps if s.state == "waiting")]
        if self.complete:
            waiting = []
        return DiagnosisView(
            name=self._asked.name,
            took=self._took or time.perf_counter() - self._began,
            readings=health.report.readings,
            trends=dict(health.trends),
            steps=steps,
            choices=tuple(self._choices[s.id] for s in self._choosing if s.id in self._choices),
            changes=tuple(self._changes),
            log_lines=evidence.suspicious(texts),
            cautions=entry_cautions(entry) if entry else (),
            waiting=tuple(dict.fromkeys(waiting)),
            by=by,
            look=look,
            number=number,
            offered=entry.steps if entry and self.complete else (),
        )


def _is_log(step: Step) -> bool:
    return any(word in _LOGS for argv in step.argv for word in argv)


async def read_step(work: Work, step: Step, parameters: Mapping[str, str] | None = None) -> StepView:
    """Run a step that only reads; never raises for what the system does."""
    began = time.perf_counter()
    try:
        result = await run_step(work.target, step, parameters or {}, deadline=DEADLINE)
    except (AtsError, FillError) as error:
        return _broken(work, step, str(error), began)
    except Exception as error:  # the edge: a defect in one step must not cost the others
        log.exception("step not read", step=step.id)
        return _broken(work, step, f"an error in ats-bot itself: {type(error).__name__}", began)
    return step_view(step, result)


def _broken(work: Work, step: Step, why: str, began: float) -> StepView:
    took = time.perf_counter() - began
    return StepView(step.id, step.title, "failed", took=took, problem=work.target.redact(why))


def step_view(step: Step, result: StepResult) -> StepView:
    """A result as it is shown."""
    state = {Outcome.OK: "ok", Outcome.FAILED: "failed"}.get(result.outcome, "unknown")
    parts = tuple(
        PartView(p.command, p.output, p.exit, p.took, p.error, p.columns, p.rows, p.truncated)
        for p in result.parts
    )
    return StepView(step.id, step.title, state, result.where, result.took, parts)
