"""Loki: whether it is ready, how far its ingestion is behind, and what its lines say.

That is errors by application, and how old the newest entry is.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bot.domain.health import Reading, Status
from bot.errors import AtsError, ServerError
from bot.probes import answers
from bot.probes.judging import USUAL, Bounds, Finding, above, line, named, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Loki"
_TRIGGER = "the runbook's alert: ingestion lag > 30 seconds"
_KEEP = 4 * 1024 * 1024  # bytes: a real Loki's metrics are long
_ODD = "(?i)error"
_SHOWN = 160  # characters of a log line
_HINT_ERRORS = "Look at that application's log: `/ats diag log`."
_HINT_QUIET = (
    "Nobody logs, or nothing arrives: look at the log shipper (promtail, Alloy), then at Loki's own log."
)
_HINT = "The runbook's “Loki Ingestion Lag” has the steps; after a restart it takes a while until it is ready."


@dataclass(frozen=True, slots=True)
class Look:
    not_ready: str  # Loki's own words; empty when it is ready
    lag: float | None  # seconds
    unheard: str = ""  # why /metrics was not answered
    lines: "Lines | None" = None


@dataclass(frozen=True, slots=True)
class Lines:
    """What was asked of the log lines themselves."""

    errors: tuple[tuple[str, float], ...] = ()  # application and how many in the last minutes, most first
    last: str = ""  # the newest line with an error
    newest: float | None = None  # seconds since 1970 of the newest entry
    untold: str = ""  # why nothing is known of them


async def measure(target: Target, deadline: float, options: Options) -> Look:
    base = options["url"].rstrip("/")
    ready, metrics, lines = await asyncio.gather(
        target.glance(f"{base}/ready", deadline=deadline),
        target.http("GET", f"{base}/metrics", deadline=deadline, keep=_KEEP),
        _lines(target, base, deadline, options),
        return_exceptions=True,
    )
    if isinstance(lines, BaseException):
        raise lines
    not_ready = ""
    if isinstance(ready, ServerError):  # 503 while it starts
        not_ready = str(ready)
    elif isinstance(ready, BaseException):
        raise ready
    elif "ready" not in ready.text.casefold():
        not_ready = f"it answers “{answers.excerpt(ready.text)}” to /ready"
    if isinstance(metrics, AtsError):
        return Look(not_ready, None, str(metrics), lines)
    if isinstance(metrics, BaseException):
        raise metrics
    lags = [value for name, _, value in answers.samples(metrics.text) if name == options["metric"]]
    return Look(not_ready, max(lags, default=None), lines=lines)


async def _lines(target: Target, base: str, deadline: float, options: Options) -> Lines:
    """Three small queries side by side; a Loki that answers none of them is judged by the rest."""
    selector, by, minutes = options["selector"], options["by"], options["error_minutes"]
    odd = f'{selector} |~ "{_ODD}" != "{_ODD}"'  # Loki logs our queries: they are no errors
    counted = {"query": f"sum by ({by}) (count_over_time({odd} [{minutes:g}m]))"}
    newest = {"limit": 1, "direction": "backward"}
    asked = (
        ("query", counted),
        ("query_range", {"query": odd, "since": f"{minutes:g}m", **newest}),
        ("query_range", {"query": selector, "since": "1h", **newest}),
    )
    try:
        found = await asyncio.gather(*(_query(target, base, deadline, *one) for one in asked))
    except AtsError as error:
        return Lines(untold=str(error))
    return lines(found[0], found[1], found[2], by)


async def _query(
    target: Target, base: str, deadline: float, kind: str, values: dict[str, Any]
) -> list[dict[str, Any]]:
    url = f"{base}/loki/api/v1/{kind}?{urlencode(values)}"
    data = answers.table(await target.http("GET", url, deadline=deadline), "Loki").get("data")
    return answers.tables(data.get("result")) if isinstance(data, dict) else []


def lines(
    counted: list[dict[str, Any]], odd: list[dict[str, Any]], newest: list[dict[str, Any]], by: str
) -> Lines:
    """What the three answers say; what has another shape is left out. Pure."""
    errors = [(str((c.get("metric") or {}).get(by) or "?")[:40], _number(c.get("value"))) for c in counted]
    last, at = _newest(odd)[1], _newest(newest)[0]
    return Lines(tuple(sorted((e for e in errors if e[1]), key=lambda e: -e[1])), last, at)


def _number(sample: object) -> float:
    """The figure of `[time, "figure"]`."""
    last = sample[-1] if isinstance(sample, list) and sample else 0
    return answers.figure({"": last}, "") or 0.0


def _newest(streams: list[dict[str, Any]]) -> tuple[float | None, str]:
    """Seconds since 1970, and the line."""
    entries = [e for s in streams for e in s.get("values") or [] if isinstance(e, list) and str(e[0]).isdigit()]
    stamp, text = max(((int(e[0]), str(e[-1])) for e in entries), default=(0, ""))
    return (stamp / 1e9, " ".join(text.split())) if entries else (None, "")


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
    findings += _said(look.lines, context) if look.lines else []
    normal = f"ready, ≤ {warning:g} s behind"
    if look.lines:
        normal += f", ≤ {context.options['errors']:g} errors in {context.options['error_minutes']:g} min"
    bounds = Bounds(normal, f"> {critical:g} s", _TRIGGER)
    return (line(SYSTEM, findings, bounds, number=look.lag, unit="s"),)


def _said(found: Lines, context: Context) -> list[Finding]:
    """Errors by application, with the newest line when they are many; then the newest entry's age."""
    option = context.options
    if found.untold:
        return [Finding(Status.OK, f"its log lines are not told: {found.untold}")]
    count = sum(n for _, n in found.errors)
    apps = ", ".join(named([f"{app} {n:,.0f}" for app, n in found.errors], 4))
    said = f"{plural(round(count), 'line')} with errors in {option['error_minutes']:g} min"
    said += f" ({apps})" if apps else ""
    many = count > option["errors"]
    findings = [Finding(Status.WARNING if many else Status.OK, said, _HINT_ERRORS)]
    if many and found.last:
        findings.append(Finding(Status.OK, f"the newest: {found.last[:_SHOWN]}"))
    if found.newest is None:
        return [*findings, Finding(Status.WARNING, "no entry within the hour", _HINT_QUIET)]
    age = max(0.0, context.now.timestamp() - found.newest)
    status = Status.WARNING if age > option["quiet_seconds"] else Status.OK
    return [*findings, Finding(status, f"newest entry {span(age)} old", _HINT_QUIET)]


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`GET /ready` and `GET /metrics` of Loki: `loki_ingestion_lag`; its log lines: errors by application, the "
    "newest error and the newest entry",
    normal="ready, ≤ 10 s behind, ≤ 20 lines with errors in 5 min",
    warning="> 10 s behind, > 20 lines with errors in 5 min, or no entry for 5 min",
    critical="not ready, no answer, or > 30 s behind",
    source=f"{_TRIGGER}; {USUAL} for errors and entries",
    hint=_HINT,
    options={
        "url": "http://localhost:3100",
        "metric": "loki_ingestion_lag",
        "warning_seconds": 10.0,
        "critical_seconds": 30.0,
        "selector": '{app=~".+"}',
        "by": "app",
        "error_minutes": 5.0,
        "errors": 20,
        "quiet_seconds": 300.0,
    },
)
