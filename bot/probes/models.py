"""The models that trade: `/api/models/status`."""

from typing import Any

from bot.domain.health import Reading, Status
from bot.probes import answers
from bot.probes.api import address
from bot.probes.judging import USUAL, Bounds, Finding, line, named, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "Models"
_WELL = frozenset({"ok", "healthy", "ready", "active", "serving"})
_FAILED = frozenset({"error", "failed", "unavailable", "down"})
_HINT = "Compare accuracy and drift with the last training in MLflow; a model that drifts should not trade."


async def measure(target: Target, deadline: float, _options: Options) -> HttpAnswer:
    return await target.http("GET", address(target, "/api/models/status"), deadline=deadline)


def read(answer: HttpAnswer, context: Context) -> tuple[Reading, ...]:
    """One line: the models that are not well, then how many are."""
    drift, silent = context.options["drift"], context.options["silent_seconds"]
    models = answers.tables(answers.table(answer, "the API").get("models"))
    findings = [found for model in models if (found := _judge(model, drift, silent)).status is not Status.OK]
    shown = [Finding(f.status, f.says, _HINT) for f in findings[:5]]
    if len(findings) > len(shown):
        shown.append(Finding(findings[-1].status, named([f.says for f in findings])[-1]))
    well = len(models) - len(findings)
    count = Finding(Status.OK, f"{well} of {plural(len(models), 'model')} well")
    if not models:
        count = Finding(Status.WARNING, "the API names no models", "Were they loaded? The API's log says.")
    bounds = Bounds(
        f"all well, drift ≤ {drift:g}", "a model has failed", f"the API's own word; {USUAL} for drift"
    )
    drifts = [d for m in models if (d := answers.figure(m, "drift")) is not None]
    return (line(SYSTEM, [*shown, count], bounds, number=max(drifts, default=None)),)


def _judge(model: dict[str, Any], most: float, silent: float) -> Finding:
    name, word = str(model.get("name", "?"))[:60], str(model.get("status", "ok"))[:40]
    drift = answers.figure(model, "drift")
    ago = answers.figure(model, "last_prediction_seconds_ago")
    ill = [] if word.casefold() in _WELL else [word]
    if drift is not None and drift > most:
        ill.append(f"drift {drift:.2f}")
    if (accuracy := answers.figure(model, "accuracy")) is not None and ill:
        ill.append(f"accuracy {accuracy:.3f}")
    if ago is not None and ago > silent:
        ill.append(f"no prediction for {span(ago)}")
    failed = word.casefold() in _FAILED
    status = Status.CRITICAL if failed else Status.WARNING if ill else Status.OK
    return Finding(status, f"{name}: {', '.join(ill)}")


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`GET /api/models/status`",
    normal="all well, drift ≤ 0.2",
    warning="a model complains, drifts > 0.2, or has not predicted for 5 minutes",
    critical="a model has failed",
    source=f"the API's own word; {USUAL} for drift",
    hint="The trading API's own line says whether it runs; its token is under [target].",
    failing=Status.WARNING,
    options={"drift": 0.2, "silent_seconds": 300.0},
)
