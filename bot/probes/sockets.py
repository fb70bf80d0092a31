"""The market stream: a real connection, until its first message; and the API's count of connections."""

import asyncio
from dataclasses import dataclass

from bot.domain.health import Reading, Status
from bot.errors import AtsError
from bot.probes import answers
from bot.probes.api import address
from bot.probes.judging import USUAL, Bounds, Finding, above, line, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import HttpAnswer, Target

SYSTEM = "WebSocket"
_HINT = "The runbook's “WebSocket Connection Issues” has the steps; behind nginx look there first."


@dataclass(frozen=True, slots=True)
class Stream:
    """What the stream did, and what the API counts."""

    connected: float  # seconds
    first: float | None  # seconds more until the first message; None: it stayed silent
    metrics: HttpAnswer | AtsError


async def measure(target: Target, deadline: float, options: Options) -> Stream:
    asked = asyncio.create_task(_metrics(target, deadline))
    try:
        greeting = await target.websocket(
            options["url"], deadline=deadline * 0.9, headers=_headers(target, options["url"])
        )
        return Stream(greeting.connected, greeting.first, await asked)
    finally:
        asked.cancel()


def _headers(target: Target, url: str) -> dict[str, str]:
    """The API's token, to the API only."""
    ours = address(target, "/").replace("http", "ws", 1)
    return {"Authorization": f"Bearer {target.settings.api_token}"} if url.startswith(ours) else {}


async def _metrics(target: Target, deadline: float) -> HttpAnswer | AtsError:
    try:
        return await target.http("GET", address(target, "/api/metrics/websockets"), deadline=deadline * 0.9)
    except AtsError as error:
        return error


def read(stream: Stream, context: Context) -> tuple[Reading, ...]:
    """One line: how long until the first message, and how many connections there are."""
    warning, critical = context.options["warning_seconds"], context.options["critical_seconds"]
    whole = stream.connected + (stream.first or 0.0)
    if stream.first is None:
        says = f"connected in {stream.connected * 1000:.0f} ms, and then no message came"
        found = Finding(
            Status.WARNING, says, "Outside trading hours that may be right; else look at market-data."
        )
    else:
        found = Finding(above(whole, warning, critical), f"first message after {whole * 1000:.0f} ms", _HINT)
    bounds = Bounds(f"first message within {warning:g} s", f"> {critical:g} s")
    findings, kept = _counted(stream.metrics)
    return (line(SYSTEM, [found, *findings], bounds, number=round(whole * 1000, 1), unit="ms", figures=kept),)


def _counted(metrics: HttpAnswer | AtsError) -> tuple[list[Finding], tuple[tuple[str, float], ...]]:
    if isinstance(metrics, AtsError):
        return [Finding(Status.OK, f"the API's count of connections: {metrics}")], ()
    body = answers.table(metrics, "the API")
    count = answers.figure(body, "connections", "active_connections")
    dropped = answers.figure(body, "dropped", "dropped_messages") or 0.0
    if count is None:
        return [], ()
    status = Status.WARNING if dropped else Status.OK
    lost = f", {plural(int(dropped), 'message')} dropped" if dropped else ""
    return [Finding(status, plural(int(count), "connection") + lost, _HINT)], (
        ("WebSocket connections", count),
    )


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="a connection to `/ws/market` until its first message; `GET /api/metrics/websockets`",
    normal="first message within 1 s",
    warning="> 1 s, no message at all, or messages dropped",
    critical="no connection, or > 5 s",
    source=USUAL,
    hint=_HINT,
    options={"url": "ws://localhost:8000/ws/market", "warning_seconds": 1.0, "critical_seconds": 5.0},
)
