"""The rate gate: whether exchanges and data providers are blocked, and how much of their quotas is used."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import AtsError
from bot.probes import answers
from bot.probes.history import since
from bot.probes.judging import USUAL, Bounds, Finding, above, line, named, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM, QUOTAS = "Rate gate", "Rate gate quotas"
_COUNTER = "Rate gate backoffs"
_TRIGGER = "the runbook's alert: more than 10 back-offs per minute"
_HINT = "The runbook's “Rate Gate API Exhaustion” has the steps; reset only if the exchanges block already."
_LEAK = "A quota was reset although nobody blocked: more resets make it worse."


@dataclass(frozen=True, slots=True)
class Gate:
    status: dict[str, Any]
    backoffs: float | None  # the counter of /metrics, all providers together
    unheard: str = ""  # why /metrics was not answered


async def measure(target: Target, deadline: float, options: Options) -> Gate:
    base = options["url"].rstrip("/")
    status, metrics = await asyncio.gather(
        target.glance(f"{base}/status", deadline=deadline),
        target.http("GET", f"{base}/metrics", deadline=deadline),
        return_exceptions=True,
    )
    if isinstance(status, BaseException):
        raise status
    body = answers.table(status, "the rate gate")
    if isinstance(metrics, AtsError):
        return Gate(body, None, str(metrics))
    if isinstance(metrics, BaseException):
        raise metrics
    counted = [value for name, _, value in answers.samples(metrics.text) if name == "rate_gate_backoff_count"]
    return Gate(body, sum(counted) if counted else None)


def read(gate: Gate, context: Context) -> tuple[Reading, ...]:
    """Blocked and back-offs; then the quotas."""
    return (_blocking(gate, context), _quotas(gate, context))


def _blocking(gate: Gate, context: Context) -> Reading:
    most: float = context.options["backoffs_per_minute"]
    providers = _providers(gate)
    blocked = [name for name, p in providers.items() if p.get("blocked") is True]
    findings = []
    if blocked or gate.status.get("blocked") is True:
        findings.append(Finding(Status.CRITICAL, f"blocked: {', '.join(named(blocked)) or 'yes'}", _HINT))
    rate, over = _rate(gate, context)
    if rate is None:
        findings.append(
            Finding(Status.UNKNOWN, "how often it backs off is not told", "`/metrics` should tell.")
        )
    else:
        findings.append(Finding(above(rate, most / 2, most), f"{rate:.0f} back-offs per minute{over}", _HINT))
    waiting = answers.figure(gate.status, "backoff") or 0.0
    if waiting:
        findings.append(Finding(Status.WARNING, f"{plural(int(waiting), 'call waits', 'calls wait')}", _HINT))
    leaks = [name for name, p in providers.items() if p.get("quota_leak") is True]
    if leaks:
        findings.append(Finding(Status.WARNING, f"quota leak: {', '.join(named(leaks))}", _LEAK))
    if gate.unheard:
        findings.append(Finding(Status.UNKNOWN, f"/metrics: {gate.unheard}"))
    kept = ((_COUNTER, gate.backoffs),) if gate.backoffs is not None else ()
    bounds = Bounds(
        f"nobody blocked, ≤ {most / 2:g} back-offs per minute", f"blocked, or > {most:g} per minute", _TRIGGER
    )
    return line(SYSTEM, findings, bounds, number=rate, figures=kept)


def _rate(gate: Gate, context: Context) -> tuple[float | None, str]:
    """Per minute: as the gate says, else what its counter rose since the look before."""
    told = answers.figure(gate.status, "backoff_per_minute")
    if told is not None:
        return told, ""
    change = (
        since(context, _COUNTER, gate.backoffs or 0.0, timedelta(minutes=5))
        if gate.backoffs is not None
        else None
    )
    if change is None or change.seconds <= 0:
        return None, ""
    return change.rise * 60 / change.seconds, f" over {span(change.seconds)}"


def _providers(gate: Gate) -> dict[str, dict[str, Any]]:
    given = gate.status.get("providers")
    return {str(k)[:40]: v for k, v in given.items() if isinstance(v, dict)} if isinstance(given, dict) else {}


def _quotas(gate: Gate, context: Context) -> Reading:
    warning, critical = context.options["quota_warning"], context.options["quota_critical"]
    shares = {name: share for name, p in _providers(gate).items() if (share := _share(p)) is not None}
    bounds = Bounds(f"≤ {warning:g} % of each quota used", f"≥ {critical:g} %", USUAL)
    if not shares:
        return line(QUOTAS, [Finding(Status.UNKNOWN, "the gate names no quotas")], bounds)
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    findings = [
        Finding(above(share, warning, critical - 0.1), f"{name} {share:.0f} % used", _HINT)
        for name, share in ranked[:4]
    ]
    return line(QUOTAS, findings, bounds, number=round(ranked[0][1], 1), unit="%")


def _share(provider: dict[str, Any]) -> float | None:
    used, limit = answers.figure(provider, "used"), answers.figure(provider, "limit_per_minute", "limit")
    return 100.0 * used / limit if used is not None and limit else None


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`GET /status` and `GET /metrics` of the rate gate: back-offs, who is blocked, quotas",
    normal="nobody blocked, ≤ 5 back-offs per minute, ≤ 80 % of each quota used",
    warning="> 5 back-offs per minute, calls that wait, a quota leak, > 80 % of a quota",
    critical="blocked, > 10 back-offs per minute, a quota used up",
    source=f"{_TRIGGER}; {USUAL} for quotas",
    hint=_HINT,
    options={
        "url": "http://localhost:3001",
        "backoffs_per_minute": 10.0,
        "quota_warning": 80.0,
        "quota_critical": 100.0,
    },
)
