"""MLflow: health, version, registered models, the last run."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.domain.health import Reading, Status
from bot.errors import AtsError
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, line, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

Told = TypeVar("Told")
SYSTEM = "MLflow"
_BOUNDS = Bounds("health answers OK, the last run has not failed", "", "MLflow's own word")
_SEARCH = "/api/2.0/mlflow/registered-models/search?max_results=100"
_EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=100"
_RUNS = "/api/2.0/mlflow/runs/search"
_ENDED_BADLY = frozenset({"FAILED", "KILLED"})
_HINT_RUN = "Its page in MLflow has the log; models that are registered already are not changed by it."


@dataclass(frozen=True, slots=True)
class Look:
    health: HttpAnswer
    version: HttpAnswer | AtsError
    models: HttpAnswer | AtsError
    run: HttpAnswer | AtsError | None = None  # the newest one; None: there are no experiments


async def measure(target: Target, deadline: float, options: Options) -> Look:
    base = options["url"].rstrip("/")
    health, version, models, run = await asyncio.gather(
        _told(target.glance(f"{base}/health", deadline=deadline)),
        _told(target.http("GET", f"{base}/version", deadline=deadline)),
        _told(target.http("GET", base + _SEARCH, deadline=deadline)),
        _told(_newest_run(target, base, deadline)),
    )
    if isinstance(health, AtsError):
        raise health
    return Look(health, version, models, run)


async def _told(asked: Awaitable[Told]) -> Told | AtsError:
    """What is good to know, and spoils nothing when it cannot be had."""
    try:
        return await asked
    except AtsError as error:
        return error


async def _newest_run(target: Target, base: str, deadline: float) -> HttpAnswer | None:
    """MLflow searches runs by POST, in experiments that are named: nothing is changed by it."""
    known = answers.table(await target.http("GET", base + _EXPERIMENTS, deadline=deadline * 0.45), "MLflow")
    ids = [str(e.get("experiment_id")) for e in answers.tables(known.get("experiments"))]
    if not ids:
        return None
    wanted = {"experiment_ids": ids, "max_results": 1, "order_by": ["attributes.start_time DESC"]}
    return await target.http(
        "POST",
        base + _RUNS,
        deadline=deadline * 0.45,
        headers={"Content-Type": "application/json"},
        content=json.dumps(wanted).encode(),
    )


def read(look: Look, context: Context) -> tuple[Reading, ...]:
    """One line: health, then version, models and the last run as far as they are told."""
    word = " ".join(look.health.text.split())[:40]
    well = word.upper() == "OK"
    findings = [
        Finding(
            Status.OK if well else Status.WARNING,
            f"answers “{word}” to /health" * (not well),
            "Look at its log.",
        )
    ]
    if isinstance(look.version, HttpAnswer):
        findings.append(Finding(Status.OK, f"version {' '.join(look.version.text.split())[:20]}"))
    count = _count(look.models)
    findings.append(
        Finding(Status.OK, plural(count, "registered model") if count is not None else "models not told")
    )
    findings.append(_run(look.run, context))
    return (line(SYSTEM, findings, _BOUNDS, number=None if count is None else float(count)),)


def _run(answer: HttpAnswer | AtsError | None, context: Context) -> Finding:
    if isinstance(answer, AtsError):
        return Finding(Status.OK, f"the last run is not told: {answer}")
    try:
        runs = answers.tables(answers.table(answer, "MLflow").get("runs")) if answer else []
    except AtsError as error:
        return Finding(Status.OK, f"the last run is not told: {error}")
    info = runs[0].get("info") if runs else None
    return _wording(info, context) if isinstance(info, dict) else Finding(Status.OK, "no runs")


def _wording(info: dict[str, Any], context: Context) -> Finding:
    word, name = str(info.get("status", "?"))[:20].upper(), str(info.get("run_name") or "without a name")[:60]
    began = answers.figure(info, "start_time")
    ago = f", began {span(max(0.0, context.now.timestamp() - began / 1000))} ago" if began else ""
    status = Status.WARNING if word in _ENDED_BADLY else Status.OK
    return Finding(status, f"the last run ({name}{ago}) is {word}", _HINT_RUN)


def _count(models: HttpAnswer | AtsError) -> int | None:
    if isinstance(models, AtsError) or not models.text.lstrip().startswith("{") or models.truncated:
        return None
    try:
        return len(answers.tables(answers.table(models, "MLflow").get("registered_models")))
    except AtsError:
        return None


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`/health`, `/version`, the registered models and the newest run of MLflow",
    normal=_BOUNDS.normal,
    warning="no answer, or another one than OK; the newest run has failed or was killed",
    critical="-",
    source=_BOUNDS.source,
    hint="Models that are loaded go on; new ones cannot be. Look at its container.",
    failing=Status.WARNING,
    options={"url": "http://localhost:5000"},
)
