"""Certificates of the https endpoints: days until they expire."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from bot.domain.health import Reading, Status
from bot.errors import AbsentError, AtsError
from bot.probes.judging import USUAL, Bounds, Finding, below, line, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Certificates"
_HINT = "Renew it now: when it expires every client stops at once. The renewal's timer or log says why it did not run."


@dataclass(frozen=True, slots=True)
class Expiry:
    where: str
    until: datetime | None
    trouble: str = ""


async def measure(target: Target, deadline: float, options: Options) -> tuple[Expiry, ...]:
    """Of the runbook's addresses those that are rewritten to https, and those that the settings name."""
    urls = [url for url in options["urls"] if target.settings.rewrite(url).startswith(("https:", "wss:"))]
    if not urls:
        raise AbsentError(
            "not configured: none of the endpoints is https. Name others under [probes.certificates]."
        )
    return tuple(await asyncio.gather(*(_expiry(target, url, deadline) for url in urls)))


async def _expiry(target: Target, url: str, deadline: float) -> Expiry:
    where = urlsplit(target.settings.rewrite(url)).netloc.rpartition("@")[2]
    try:
        found = await target.certificate(url, deadline=deadline * 0.9)
    except AtsError as error:
        return Expiry(where, None, str(error))
    return Expiry(where, found.until)


def read(expiries: tuple[Expiry, ...], context: Context) -> tuple[Reading, ...]:
    """One line: the next to expire first."""
    findings = [_judge(expiry, context) for expiry in expiries]
    left = [_days(e.until, context.now) for e in expiries if e.until]
    shown = [f for f in findings if f.status is not Status.OK]
    well = len(findings) - len(shown)
    soonest = f", the next expires in {plural(int(min(left)), 'day')}" if left and well else ""
    shown.append(Finding(Status.OK, f"{well} of {plural(len(findings), 'certificate')} well{soonest}"))
    bounds = Bounds(
        f"≥ {context.options['warning_days']:g} days left",
        f"< {context.options['critical_days']:g} days",
        USUAL,
    )
    return (line(SYSTEM, shown, bounds, number=round(min(left), 1) if left else None, unit="days"),)


def _days(until: datetime, now: datetime) -> float:
    return (until - now).total_seconds() / 86400


def _judge(expiry: Expiry, context: Context) -> Finding:
    if expiry.until is None:
        return Finding(Status.UNKNOWN, f"{expiry.where}: {expiry.trouble}", "Is it https at all?")
    days = _days(expiry.until, context.now)
    status = below(days, context.options["warning_days"], context.options["critical_days"])
    if days < 0:
        return Finding(status, f"{expiry.where} expired {plural(int(-days), 'day')} ago", _HINT)
    return Finding(
        status, f"{expiry.where} expires in {plural(int(days), 'day')} ({expiry.until:%Y-%m-%d})", _HINT
    )


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="a TLS handshake with each https endpoint",
    normal="≥ 21 days left",
    warning="< 21 days left",
    critical="< 7 days left, or expired",
    source=USUAL,
    hint="Name https addresses under [probes.certificates] urls.",
    failing=Status.UNKNOWN,
    options={
        "urls": (
            "http://localhost:8000",
            "http://localhost:3001",
            "http://localhost:3100",
            "http://localhost:9090",
            "http://localhost:3000",
            "http://localhost:5000",
        ),
        "warning_days": 21.0,
        "critical_days": 7.0,
    },
)
