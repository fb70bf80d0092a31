"""Clocks: how far the endpoints' and the database's are from ours."""

import asyncio
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bot.domain.health import Reading, Status
from bot.errors import AbsentError, AtsError
from bot.probes.judging import USUAL, Bounds, Finding, above, line, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "Clocks"
_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"
_ROUNDED = 1.0  # seconds: the Date header has no fraction
_HINT = "Exchanges and S3 refuse requests with a wrong time: `timedatectl` on that host; switch NTP on."


@dataclass(frozen=True, slots=True)
class Skew:
    where: str
    seconds: float  # ahead of us


async def measure(target: Target, deadline: float, options: Options) -> tuple[Skew, ...]:
    """Those that answer; who does not has a line of its own elsewhere. By the real clock, not the application's."""
    asked = [_endpoint(target, url, deadline) for url in options["urls"]]
    found = await asyncio.gather(*asked, _database(target, deadline))
    skews = tuple(s for s in found if s is not None)
    if not skews:
        raise AbsentError("not measured: none of the endpoints says what time it is.")
    return skews


async def _endpoint(target: Target, url: str, deadline: float) -> Skew | None:
    try:
        answer = await target.glance(url, deadline=deadline * 0.9)
    except AtsError:
        return None
    return skew(urlsplit(url).netloc, answer, time.time())


def skew(where: str, answer: HttpAnswer, received: float) -> Skew | None:
    """Its Date header, whose fraction is cut off, against the middle of the request."""
    try:
        said = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
    ahead = said + _ROUNDED / 2 - (received - answer.took / 2)
    return Skew(where, 0.0 if abs(ahead) <= _ROUNDED / 2 + answer.took / 2 else ahead)


async def _database(target: Target, deadline: float) -> Skew | None:
    began = time.time()
    try:
        answer = await target.sql(_NOW, deadline=deadline * 0.9, rows=1)
    except AtsError:
        return None
    ended = time.time()
    ahead = float(str(answer.rows[0][0])) - (began + ended) / 2
    return Skew("PostgreSQL", 0.0 if abs(ahead) <= (ended - began) / 2 else ahead)


def read(skews: tuple[Skew, ...], context: Context) -> tuple[Reading, ...]:
    """One line: who is off, the worst first."""
    warning, critical = context.options["warning_seconds"], context.options["critical_seconds"]
    ranked = sorted(skews, key=lambda s: -abs(s.seconds))
    findings = [Finding(above(abs(s.seconds), warning, critical), _wording(s), _HINT) for s in ranked]
    off = [f for f in findings if f.status is not Status.OK]
    within = f"{len(skews) - len(off)} of {plural(len(skews), 'clock')} within {warning:g} s of ours"
    bounds = Bounds(f"within {warning:g} s of ours", f"> {critical:g} s off", USUAL)
    return (
        line(
            SYSTEM,
            [*off, Finding(Status.OK, within)],
            bounds,
            number=round(abs(ranked[0].seconds), 2),
            unit="s",
        ),
    )


def _wording(skew: Skew) -> str:
    return f"{skew.where} is {abs(skew.seconds):.0f} s {'ahead' if skew.seconds > 0 else 'behind'}"


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="the Date header of each endpoint, and the database's clock, against ours",
    normal="within 3 s of ours",
    warning="> 3 s off",
    critical="> 30 s off",
    source=USUAL,
    hint="The endpoints' own lines say why they do not answer.",
    failing=Status.UNKNOWN,
    options={
        "urls": (
            "http://localhost:8000/api/health",
            "http://localhost:3001/status",
            "http://localhost:3100/ready",
            "http://localhost:9090/-/ready",
            "http://localhost:3000/api/health",
            "http://localhost:5000/health",
        ),
        "warning_seconds": 3.0,
        "critical_seconds": 30.0,
    },
)
