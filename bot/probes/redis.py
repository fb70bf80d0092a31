"""Redis: PING, and what INFO says of memory, persistence and refusals.

`redis-cli ping` ends with 0 even on NOAUTH; here that is a failure. A Redis that cannot save its data refuses PING and
every write with MISCONF, and still answers INFO.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import AtsError, RejectedError
from bot.probes import answers
from bot.probes.history import since
from bot.probes.judging import USUAL, Bounds, Finding, above, line, named, plural, size, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM, MEMORY, PERSISTENCE = "Redis", "Redis memory", "Redis persistence"
_REJECTED = "Redis rejected connections"
_NORMAL = "PONG"
_HINT = "Look at Redis's log, and at its password in the target's settings."
_MISCONF = "It cannot save its data and refuses every write: is the disk full, or its directory not writable?"
_SLOW = "`SLOWLOG GET` has the commands; KEYS and large ranges do not belong in production."
_GROWS = "At its limit Redis evicts keys or refuses writes: see maxmemory and maxmemory-policy."
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Look:
    """What came back from PING, INFO and SLOWLOG."""

    answer: object  # to PING: True or "PONG" is well
    took: float  # seconds
    misconf: str = ""  # Redis's own words when it refused PING because it cannot save
    info: Mapping[str, Any] = field(default_factory=dict)
    slow: tuple[tuple[float, str], ...] = ()  # microseconds and command, without arguments
    refused: str = ""  # why INFO was not answered


async def measure(target: Target, deadline: float, _options: Options) -> Look:
    """All three at once, so that a slow Redis is waited for once."""
    asked = (("PING",), ("INFO", "all"), ("SLOWLOG", "GET", "10"))
    ping, info, slow = await asyncio.gather(*(_timed(target, words, deadline) for words in asked))
    misconf = str(ping.error) if isinstance(ping.error, RejectedError) and ping.error.code == "MISCONF" else ""
    if ping.error is not None and not misconf:
        raise ping.error
    refused = info.error or slow.error
    if refused is not None:
        return Look(ping.answer, ping.took, misconf, refused=str(refused))
    return Look(ping.answer, ping.took, misconf, parse(info.answer), slowest(slow.answer))


@dataclass(frozen=True, slots=True)
class _Answer:
    took: float  # seconds
    answer: object = None
    error: AtsError | None = None


async def _timed(target: Target, words: tuple[str, ...], deadline: float) -> _Answer:
    began = time.perf_counter()
    try:
        answer = await target.redis(*words, deadline=deadline)
    except AtsError as error:
        return _Answer(time.perf_counter() - began, error=error)
    return _Answer(time.perf_counter() - began, answer)


def parse(answer: object) -> dict[str, Any]:
    """INFO as redis-py gives it, or as Redis does."""
    if isinstance(answer, dict):
        return {str(k): v for k, v in answer.items()}
    lines = str(answer).splitlines()
    return dict(line.strip().split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def slowest(answer: object) -> tuple[tuple[float, str], ...]:
    """The slow log without the commands' arguments, which may be secrets."""
    entries = [e for e in answer if isinstance(e, list | tuple)] if isinstance(answer, list | tuple) else []
    found = [(float(e[2]), _command(e[3])) for e in entries if len(e) > 3]  # noqa: PLR2004 - id, time, µs, arguments
    return tuple(sorted(found, reverse=True))


def _command(arguments: object) -> str:
    first = arguments[0] if isinstance(arguments, Sequence) and arguments else "?"
    return str(first if not isinstance(arguments, str) else arguments.split(maxsplit=1)[0])[:30]


def read(look: Look, context: Context) -> tuple[Reading, ...]:
    """PING with refusals and slow commands; then memory; then persistence."""
    first = line(SYSTEM, [_ping(look), *_refusals(look, context), *_slow(look, context)],
                 Bounds(_NORMAL, "no PONG", "Redis's own word"), number=round(look.took * 1000, 2), unit="ms",
                 took=look.took, figures=_kept(look))  # fmt: skip
    return (first, _memory(look, context), _persistence(look, context)) if look.info else (first,)


def _ping(look: Look) -> Finding:
    """redis-py gives PONG as True."""
    if look.misconf:
        return Finding(Status.CRITICAL, look.misconf.removeprefix("refused by Redis: ")[:160], _MISCONF)
    if look.answer is True or look.answer == "PONG":
        more = f"; no more is told: {look.refused}" if look.refused else ""
        return Finding(Status.OK, f"PONG in {look.took * 1000:.1f} ms{more}")
    return Finding(Status.CRITICAL, f"answers “{str(look.answer)[:60]}” to PING", _HINT)


def _kept(look: Look) -> tuple[tuple[str, float], ...]:
    rejected = answers.figure(look.info, "rejected_connections")
    return ((_REJECTED, rejected),) if rejected is not None else ()


def _refusals(look: Look, context: Context) -> list[Finding]:
    """Connections refused since the look before, and errors that Redis has counted."""
    rejected = answers.figure(look.info, "rejected_connections") or 0.0
    change = since(context, _REJECTED, rejected, _HOUR)
    findings = []
    if change and change.rise:
        says = f"{plural(int(change.rise), 'connection')} rejected within {span(change.seconds)} (maxclients)"
        findings.append(Finding(Status.WARNING, says, "Somebody leaks connections: `CLIENT LIST` says who."))
    errors = {
        name.removeprefix("errorstat_"): _count(v) for name, v in look.info.items() if "errorstat_" in name
    }
    serious = [
        f"{name} × {count:,}" for name, count in errors.items() if name in {"OOM", "MISCONF", "READONLY"}
    ]
    if serious:
        findings.append(Finding(Status.WARNING, f"has refused commands: {', '.join(serious)}", _GROWS))
    return findings


def _count(value: object) -> int:
    """The number of "count=3", which redis-py makes a dictionary of."""
    text = str(value.get("count", 0)) if isinstance(value, dict) else str(value).rpartition("=")[2]
    return int(text) if text.isdigit() else 0


def _slow(look: Look, context: Context) -> list[Finding]:
    most: float = context.options["slow_ms"]
    slow = [
        f"{command} {microseconds / 1000:.0f} ms"
        for microseconds, command in look.slow
        if microseconds > most * 1e3
    ]
    return [Finding(Status.WARNING, f"slow commands: {', '.join(named(slow, 3))}", _SLOW)] if slow else []


def _memory(look: Look, context: Context) -> Reading:
    warning, critical = context.options["warning"], context.options["critical"]
    used, most = answers.figure(look.info, "used_memory") or 0.0, answers.figure(look.info, "maxmemory") or 0.0
    bounds = Bounds(f"≤ {warning:g} % of maxmemory", f"> {critical:g} %", USUAL)
    if not most:
        found = Finding(Status.OK, f"{size(used)} used, no maxmemory is set")
        return line(MEMORY, [found], bounds, number=used, unit="bytes", took=look.took)
    share = 100.0 * used / most
    found = Finding(
        above(share, warning, critical), f"{share:.0f} % used ({size(used)} of {size(most)})", _GROWS
    )
    evicted = answers.figure(look.info, "evicted_keys") or 0.0
    more = [Finding(Status.OK, f"{plural(int(evicted), 'key')} evicted since it started")] if evicted else []
    return line(MEMORY, [found, *more], bounds, number=round(share, 1), unit="%", took=look.took)


def _persistence(look: Look, context: Context) -> Reading:
    """Age against the platform's clock: both are seconds since 1970."""
    most: float = context.options["save_age_hours"] * 3600
    saved = answers.figure(look.info, "rdb_last_save_time") or 0.0
    age = max(0.0, context.now.timestamp() - saved)
    changes = int(answers.figure(look.info, "rdb_changes_since_last_save") or 0)
    states = {name: str(look.info.get(f"{key}_status", "ok"))
              for name, key in (("snapshot", "rdb_last_bgsave"), ("log rewrite", "aof_last_bgrewrite"),
                                ("log write", "aof_last_write"))}  # fmt: skip
    failed = [
        Finding(Status.CRITICAL, f"the last {n} failed", _MISCONF) for n, word in states.items() if word != "ok"
    ]
    old = Status.WARNING if age > most and changes else Status.OK
    waiting = f" ({plural(changes, 'change')} since)" if changes else ""
    saves = Finding(old, f"last snapshot {span(age)} ago{waiting}", "Is `save` set? `CONFIG GET save` says.")
    bounds = Bounds(f"last save ok, and younger than {span(most)} if there were changes", "the last save failed",
                    f"Redis's own word; {USUAL} for the age")  # fmt: skip
    findings = [*failed, saves]
    return line(PERSISTENCE, findings, bounds, number=round(age), unit="s", took=look.took)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="PING, `INFO all`, `SLOWLOG GET`: memory against maxmemory, last save, rejected connections, refused commands",
    normal="PONG; ≤ 80 % of maxmemory; last save ok",
    warning="> 80 % of maxmemory; connections rejected within the hour; OOM or MISCONF counted; a command > 100 ms; no "
    "save for 24 h though there were changes",
    critical="no PONG (NOAUTH, MISCONF and LOADING are none), > 95 % of maxmemory, the last save failed",
    source=f"Redis's own word; {USUAL}",
    hint=_HINT,
    options={"warning": 80.0, "critical": 95.0, "slow_ms": 100.0, "save_age_hours": 24.0},
)
