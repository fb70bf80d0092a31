"""Prometheus: ready, targets that are down and why, alerts that fire, and whether it has the alerts' own figures.

Of its Alertmanager: alerts that fire and are silenced, so that nobody is paged.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from bot.domain.health import Reading, Status
from bot.errors import AtsError, ServerError
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, line, named, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "Prometheus"
_BOUNDS = Bounds(
    "ready, every target up, no critical alert", "not ready, or a critical alert fires", "Prometheus's own word"
)
_KEEP = 4 * 1024 * 1024  # bytes
_METRICS = (
    "pm2_process_restarts", "database_connections_active", "database_connections_max", "rate_gate_backoff_count",
    "loki_ingestion_lag", "trading_sharpe_ratio", "equity_curve_drawdown", "http_request_duration_p95",
    "backup_last_exit_code",
)  # fmt: skip
_DOWN = "Nobody measures what it cannot reach: look at the exporter, then at `/targets`."
_FIRES = "`/ats incidents` has what was paged for; `/alerts` in Prometheus has the rest."
_SILENT = "Nobody is paged for it: see Silences in Alertmanager, who set it and until when."
_GONE = "Alerts on a missing metric never fire: look at its exporter."


@dataclass(frozen=True, slots=True)
class Look:
    not_ready: str = ""  # its own words; empty when ready
    up: int = 0
    down: tuple[str, ...] = ()  # "loki: connection refused"
    firing: tuple[tuple[str, str], ...] = ()  # name and severity
    missing: tuple[str, ...] = ()  # metrics without any series
    unheard: tuple[str, ...] = ()  # what else was not answered
    silenced: tuple[str, ...] = ()  # alerts that fire and that Alertmanager keeps to itself
    untold: str = ""  # why silences are not known


async def measure(target: Target, deadline: float, options: Options) -> Look:
    base = options["url"].rstrip("/")
    metrics: tuple[str, ...] = options["metrics"]
    query = urlencode({"match[]": f'{{__name__=~"{"|".join(metrics)}"}}'})
    paths = (
        "/api/v1/targets?state=active",
        "/api/v1/alerts",
        f"/api/v1/label/__name__/values?{query}",
    )
    asked = (target.http("GET", base + path, deadline=deadline, keep=_KEEP) for path in paths)
    (ready, *rest), (silenced, untold) = await asyncio.gather(
        asyncio.gather(target.glance(f"{base}/-/ready", deadline=deadline), *asked, return_exceptions=True),
        _silences(target, base, deadline),
    )
    if isinstance(ready, ServerError):  # 503 while it replays its log
        return Look(not_ready=str(ready))
    if isinstance(ready, BaseException):
        raise ready
    if "ready" not in ready.text.casefold():
        return Look(not_ready=f"it answers “{answers.excerpt(ready.text)}” to /-/ready")
    unheard = [str(answer) for answer in rest if isinstance(answer, AtsError)]
    targets, alerts, names = (_data(answer, unheard) for answer in rest)
    up, down = _targets(targets)
    there = names if isinstance(names, list) else None
    missing = [m for m in metrics if m not in there] if there is not None else []
    told = tuple(dict.fromkeys(unheard))
    return Look("", up, tuple(down), tuple(_alerts(alerts)), tuple(missing), told, silenced, untold)


async def _silences(target: Target, base: str, deadline: float) -> tuple[tuple[str, ...], str]:
    """The silenced alerts of the Alertmanager that Prometheus sends to, and why they are not known."""
    try:
        known = answers.table(
            await target.http("GET", f"{base}/api/v1/alertmanagers", deadline=deadline * 0.45), "it"
        )
        data = known.get("data")
        active = answers.tables(data.get("activeAlertmanagers")) if isinstance(data, dict) else []
        if not active:
            return (), ""
        parts = urlsplit(str(active[0].get("url", "")))
        asked = f"{parts.scheme}://{parts.netloc}/api/v2/alerts?active=false&inhibited=false&silenced=true"
        body = (await target.http("GET", asked, deadline=deadline * 0.45, keep=_KEEP)).json()
    except (AtsError, ValueError) as error:
        return (), f"Alertmanager's silences: {error}"
    return tuple(dict.fromkeys(_silenced(alert) for alert in answers.tables(body))), ""


def _silenced(alert: dict[str, Any]) -> str:
    labels = alert.get("labels")
    return str(labels.get("alertname", "?"))[:60] if isinstance(labels, dict) else "?"


def _data(answer: HttpAnswer | BaseException, unheard: list[str]) -> Any:
    """The `data` of one of its answers; None when there is none."""
    if isinstance(answer, AtsError):
        return None
    if isinstance(answer, BaseException):
        raise answer
    try:
        return answers.table(answer, "Prometheus").get("data")
    except ServerError as error:
        unheard.append(str(error))
        return None


def _targets(data: Any) -> tuple[int, list[str]]:
    active = answers.tables(data.get("activeTargets")) if isinstance(data, dict) else []
    down = [t for t in active if t.get("health") == "down"]
    return len(active) - len(down), [_down(t) for t in down]


def _down(target: dict[str, Any]) -> str:
    labels = target.get("labels")
    job = str(labels.get("job", "?"))[:40] if isinstance(labels, dict) else "?"
    return f"{job} ({str(target.get('lastError') or 'no reason given')[:120]})"


def _alerts(data: Any) -> list[tuple[str, str]]:
    """Each firing alert's name once, with its severity."""
    every = answers.tables(data.get("alerts")) if isinstance(data, dict) else []
    labels = [a.get("labels") for a in every if a.get("state") == "firing"]
    told = [
        (str(s.get("alertname", "?"))[:60], str(s.get("severity", ""))[:20])
        for s in labels
        if isinstance(s, dict)
    ]
    return list(dict.fromkeys(told))


def read(look: Look, _context: Context) -> tuple[Reading, ...]:
    """One line: not ready; else alerts, targets that are down, missing metrics."""
    if look.not_ready:
        hint = "After a start it replays its log first; its own log says how far it is."
        return (line(SYSTEM, [Finding(Status.CRITICAL, f"not ready: {look.not_ready}", hint)], _BOUNDS),)
    findings = [Finding(_severity(s), f"alert: {name}", _FIRES) for name, s in look.firing[:4]]
    if len(look.firing) > len(findings):
        findings.append(Finding(Status.WARNING, f"{len(look.firing) - len(findings)} more alerts", _FIRES))
    findings += [
        Finding(Status.WARNING, f"fires and is silenced: {alert}", _SILENT) for alert in named(look.silenced, 3)
    ]
    findings += [Finding(Status.WARNING, f"down: {target}", _DOWN) for target in named(look.down, 3)]
    if look.missing:
        findings.append(Finding(Status.WARNING, f"no figures: {', '.join(named(look.missing))}", _GONE))
    findings += [Finding(Status.UNKNOWN, f"not told: {why}") for why in look.unheard]
    findings += [Finding(Status.OK, f"not told: {look.untold}")] if look.untold else []
    findings.append(Finding(Status.OK, f"ready, {look.up} of {plural(look.up + len(look.down), 'target')} up"))
    return (
        line(SYSTEM, findings, _BOUNDS, number=float(len(look.down)),
             figures=(("Prometheus firing alerts", float(len(look.firing))),)),
    )  # fmt: skip


def _severity(word: str) -> Status:
    return Status.CRITICAL if word.casefold() in {"critical", "page", "p0"} else Status.WARNING


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`/-/ready`, `/api/v1/targets`, `/api/v1/alerts` of Prometheus, and whether it has the alerts' metrics; "
    "silenced alerts of its Alertmanager",
    normal=_BOUNDS.normal,
    warning="a target is down, an alert fires (silenced or not), a metric of the runbook's alerts has no figures",
    critical="no answer, not ready, or an alert of severity critical fires",
    source=_BOUNDS.source,
    hint="Without it no alert fires: look at its service and its log.",
    options={"url": "http://localhost:9090", "metrics": _METRICS},
)
