"""Loki: whether it is ready, and how far its ingestion is behind."""

import asyncio
from dataclasses import dataclass

from bot.domain.health import Reading, Status
from bot.errors import AtsError, ServerError
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, above, line, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Loki"
_TRIGGER = "the runbook's alert: ingestion lag > 30 seconds"
_KEEP = 4 * 1024 * 1024  # bytes: a real Loki's metrics are long
_HINT = "The runbook's “Loki Ingestion Lag” has the steps; after a restart it takes a while until it is ready."


@dataclass(frozen=True, slots=True)
class Look:
    not_ready: str  # Loki's own words; empty when it is ready
    lag: float | None  # seconds
    unheard: str = ""  # why /metrics was not answered


async def measure(target: Target, deadline: float, options: Options) -> Look:
    base = options["url"].rstrip("/")
    ready, metrics = await asyncio.gather(
        target.glance(f"{base}/ready", deadline=deadline),
        target.http("GET", f"{base}/metrics", deadline=deadline, keep=_KEEP),
        return_exceptions=True,
    )
    not_ready = ""
    if isinstance(ready, ServerError):  # 503 while it starts
        not_ready = str(ready)
    elif isinstance(ready, BaseException):
        raise ready
    elif "ready" not in ready.text.casefold():
        not_ready = f"it answers “{answers.excerpt(ready.text)}” to /ready"
    if isinstance(metrics, AtsError):
        return Look(not_ready, None, str(metrics))
    if isinstance(metrics, BaseException):
        raise metrics
    lags = [value for name, _, value in answers.samples(metrics.text) if name == options["metric"]]
    return Look(not_ready, max(lags, default=None))


def read(look: Look, context: Context) -> tuple[Reading, ...]:
    """One line: ready or not, and the lag."""
    warning, critical = context.options["warning_seconds"], context.options["critical_seconds"]
    findings = [Finding(Status.OK, "ready")]
    if look.not_ready:
        findings = [Finding(Status.CRITICAL, f"not ready: {look.not_ready}", _HINT)]
    if look.lag is not None:
        findings.append(
            Finding(above(look.lag, warning, critical), f"ingestion is {span(look.lag)} behind", _HINT)
        )
    else:
        why = look.unheard or f"its metrics have no {context.options['metric']}"
        findings.append(
            Finding(Status.UNKNOWN, f"the lag is not known: {why}", "Set [probes.loki] metric to yours.")
        )
    bounds = Bounds(f"ready, ≤ {warning:g} s behind", f"> {critical:g} s", _TRIGGER)
    return (line(SYSTEM, findings, bounds, number=look.lag, unit="s"),)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`GET /ready` and `GET /metrics` of Loki: `loki_ingestion_lag`",
    normal="ready, ≤ 10 s behind",
    warning="> 10 s behind",
    critical="not ready, no answer, or > 30 s behind",
    source=_TRIGGER,
    hint=_HINT,
    options={
        "url": "http://localhost:3100",
        "metric": "loki_ingestion_lag",
        "warning_seconds": 10.0,
        "critical_seconds": 30.0,
    },
)
