"""MLflow: health, version, registered models."""

import asyncio
from dataclasses import dataclass

from bot.domain.health import Reading, Status
from bot.errors import AtsError
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, line, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "MLflow"
_BOUNDS = Bounds("health answers OK", "", "MLflow's own word")
_SEARCH = "/api/2.0/mlflow/registered-models/search?max_results=100"


@dataclass(frozen=True, slots=True)
class Look:
    health: HttpAnswer
    version: HttpAnswer | AtsError
    models: HttpAnswer | AtsError


async def measure(target: Target, deadline: float, options: Options) -> Look:
    base = options["url"].rstrip("/")
    asked = (target.http("GET", base + path, deadline=deadline) for path in ("/version", _SEARCH))
    health, version, models = await asyncio.gather(
        target.glance(f"{base}/health", deadline=deadline), *asked, return_exceptions=True
    )
    if isinstance(health, BaseException):
        raise health
    return Look(health, _kept(version), _kept(models))


def _kept(answer: HttpAnswer | BaseException) -> HttpAnswer | AtsError:
    if isinstance(answer, HttpAnswer | AtsError):
        return answer
    raise answer


def read(look: Look, _context: Context) -> tuple[Reading, ...]:
    """One line: health, then version and models as far as they are told."""
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
    return (line(SYSTEM, findings, _BOUNDS, number=None if count is None else float(count)),)


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
    asks="`/health`, `/version` and the registered models of MLflow",
    normal=_BOUNDS.normal,
    warning="no answer, or another one than OK",
    critical="-",
    source=_BOUNDS.source,
    hint="Models that are loaded go on; new ones cannot be. Look at its container.",
    failing=Status.WARNING,
    options={"url": "http://localhost:5000"},
)
