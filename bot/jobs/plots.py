"""Plots of a diagnosis: Prometheus is asked, a program of its own draws, the pictures go into the thread."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import structlog

from bot import render
from bot.domain import plots
from bot.domain.plots import Plot, Threshold
from bot.domain.questions import Question, steps_for
from bot.domain.touched import HOST, of_steps
from bot.errors import AtsError
from bot.jobs.answers import Addressee, Answers
from bot.jobs.asking import question_of
from bot.jobs.diagnose import thread_of
from bot.jobs.examine import known
from bot.jobs.work import Work
from bot.operations import incidents, outbox, sheets
from bot.operations.sheets import Upload
from bot.store.tables import Look
from runbook.model import BaselineRow, Plan

log = structlog.get_logger(__name__)

MOST: Final = 4  # pictures of one diagnosis
BASELINE: Final = 2  # of them, beside an alert's own
DEADLINE: Final = 10.0
PATIENCE: Final = 60.0  # seconds for the diagnosis itself to be posted
_ROWS: Final[Mapping[str, str]] = {
    "cpu": "cpu", "memory": "memory", "disk": "disk", "api": "api", "database": "database"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query to be drawn."""

    title: str
    query: str
    threshold: Threshold | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture with its words, or why there is none."""

    title: str
    words: str
    short: str = ""
    picture: bytes = b""


async def plot(work: Work, look_id: int) -> None:
    """The plots of one diagnosis, once for everybody whom it answers."""
    answers = Answers(work, look_id)
    look, addressees = await answers.addressees()
    if look is None or not addressees:
        return
    asked = await question_of(work, look)
    now, started = await _times(work, look)
    drawn = [await _draw(work, one, now, started) for one in wanted(work.rules.plan, asked)]
    if drawn:
        await _show(work, answers, drawn)


def wanted(plan: Plan, asked: Question) -> list[Wanted]:
    """The alert's own queries first, then the baseline's rows of the systems that are looked at."""
    entry = plan.entry(asked.entry_id)
    systems = asked.systems or of_steps(steps_for(plan, asked, known()), known())
    found = [Wanted(entry.title, q, plots.split(q)[1]) for q in entry.queries] if entry else []
    named = {plots.split(one.query)[0] for one in found}
    rows = [row for row in plan.baseline if row.query and row.query not in named and _touches(row, systems)]
    if entry:  # the host's rows only where a step of the alert looks at the host
        looked = [s for s in systems if s not in HOST] + [s for s in HOST if _host_asked(plan, asked)]
        rows = [row for row in rows if _touches(row, looked)][:BASELINE]
    return [*found, *(Wanted(row.metric, row.query, plots.of_baseline(row)) for row in rows)][:MOST]


def _host_asked(plan: Plan, asked: Question) -> bool:
    from bot.domain.touched import touched

    return any(set(touched(step, HOST)) for step in steps_for(plan, asked, known()))


def _touches(row: BaselineRow, systems: Sequence[str]) -> bool:
    words = row.metric.casefold().split()
    return any(_ROWS.get(system) in words for system in systems)


async def _times(work: Work, look: Look) -> tuple[datetime, datetime | None]:
    async with work.store.transaction() as tx:
        incident = (
            await incidents.get(tx, int(look.subject["incident"])) if look.subject.get("incident") else None
        )
        return tx.now, incident.triggered_at if incident else None


async def _draw(work: Work, one: Wanted, now: datetime, started: datetime | None) -> Drawn:
    try:
        made = await _fetch(work, one, now, started)
        if isinstance(made, str):
            return Drawn(one.title, made)
        return Drawn(one.title, plots.alt_text(made), plots.in_short(made), await work.plotter.draw(made))
    except AtsError as error:
        log.warning("no plot", query=one.query, error=str(error))
        return Drawn(one.title, f"No plot of `{one.query}`: {work.target.redact(str(error))}")


async def _fetch(work: Work, one: Wanted, now: datetime, started: datetime | None) -> Plot | str:
    """The plot, or in words why there is nothing to draw."""
    expr, compared = plots.split(one.query)
    threshold = compared or one.threshold
    begin, end, step = plots.window(now, started)
    answer = await work.target.http("GET", _address(work.rules.plan, expr, begin, end, step), deadline=DEADLINE)
    result = _matrix(answer.json())
    lines, left_out = plots.lines_of(result, threshold)
    if not lines:
        return f"No plot: Prometheus has nothing for `{expr}` in the last {_span(begin, end)}."
    at = started.timestamp() if started else None
    return Plot(
        one.title, plots.measured(expr), lines, begin.timestamp(), end.timestamp(), threshold, at, left_out
    )


def _address(plan: Plan, expr: str, begin: datetime, end: datetime, step: float) -> str:
    base = next(
        (r.url for r in plan.resources if r.service.casefold() == "prometheus"), "http://localhost:9090"
    )
    asked = f"query={quote(expr)}&start={begin.timestamp():.3f}&end={end.timestamp():.3f}&step={step:g}"
    return f"{base.rstrip('/')}/api/v1/query_range?{asked}"


def _matrix(body: object) -> Sequence[Mapping[str, Any]]:
    data = body.get("data") if isinstance(body, Mapping) else None
    result = data.get("result") if isinstance(data, Mapping) else None
    return result if isinstance(result, list) else []


def _span(begin: datetime, end: datetime) -> str:
    return render.duration(end - begin)


async def _show(work: Work, answers: Answers, drawn: Sequence[Drawn]) -> None:
    """For those who have asked so far, and once the diagnosis is done for those who have joined since."""
    shown: set[str] = set()
    for _ in range(int(PATIENCE / 0.2)):
        look, addressees = await answers.addressees()
        for addressee in addressees:
            if addressee.ref not in shown and await _attach(work, addressee, drawn):
                shown.add(addressee.ref)
        if look is None or (look.done_at is not None and len(shown) == len(addressees)):
            return
        await asyncio.sleep(0.2)


async def _attach(work: Work, addressee: Addressee, drawn: Sequence[Drawn]) -> bool:
    """Into the thread; False as long as there is none."""
    if addressee.place is None:
        return True
    async with work.store.transaction() as tx:
        summary = await outbox.shown(tx, sheets.SHEET, addressee.ref)
        if summary is None:
            return False
        thread = thread_of(addressee, summary.id or 0)
        files = [
            Upload(f"plot-{i + 1}.png", one.title, one.picture, one.words)
            for i, one in enumerate(drawn)
            if one.picture
        ]
        comment = render.plots_comment([(one.title, one.short or one.words) for one in drawn])
        if files:
            await sheets.attach(tx, f"{addressee.ref}-p", thread, files, comment=comment)
        else:
            await sheets.write(tx, f"{addressee.ref}-p", thread, render.plain_message(comment))
    return True
