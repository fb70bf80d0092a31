"""The slowest statements of the trading database, from pg_stat_statements."""

import re
from dataclasses import dataclass
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import RejectedError
from bot.probes.judging import Bounds, Finding, above, line, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target
from bot.targets.trouble import NOT_INSTALLED

SYSTEM = "Slow statements"
_SOURCE = "the runbook's log_min_duration_statement (1000 ms)"
_HINT = "“Slow Database Queries” in the runbook; look at the plan with EXPLAIN before anything is reset."
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_SHOWN = 80  # characters of a statement
_THERE = "SELECT to_regclass('pg_stat_statements') IS NOT NULL"
_QUERY = """
SELECT query, calls, mean_exec_time, total_exec_time,
       100 * total_exec_time / nullif(sum(total_exec_time) OVER (), 0)
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT ILIKE '%pg_stat_statements%'
ORDER BY mean_exec_time DESC
LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One normalised statement, its times in milliseconds."""

    text: str
    calls: int
    mean: float
    total: float
    share: float = 0.0  # per cent of all statements' time


async def measure(target: Target, deadline: float, _options: Options) -> tuple[Statement, ...]:
    if not (await target.sql(_THERE, deadline=deadline, rows=1)).rows[0][0]:
        raise RejectedError("not installed: this database has no pg_stat_statements", code=NOT_INSTALLED)
    answer = await target.sql(_QUERY, deadline=deadline, rows=50)
    return tuple(_statement(row) for row in answer.rows)


def _statement(row: tuple[Any, ...]) -> Statement:
    return Statement(str(row[0]), int(row[1]), float(row[2]), float(row[3]), float(row[4] or 0.0))


def read(statements: tuple[Statement, ...], context: Context) -> tuple[Reading, ...]:
    """One line: the slowest by mean, and the one that takes most time in all."""
    warning, critical = context.options["warning_ms"], context.options["critical_ms"]
    bounds = Bounds(f"mean ≤ {warning:g} ms", f"mean > {critical:g} ms", _SOURCE)
    if not statements:
        return (line(SYSTEM, [Finding(Status.OK, "none recorded yet")], bounds),)
    slowest, costly = max(statements, key=lambda s: s.mean), max(statements, key=lambda s: s.total)
    says = (
        f"slowest {slowest.mean:.0f} ms on average in {plural(slowest.calls, 'call')} ({shown(slowest.text)})"
    )
    findings = [Finding(above(slowest.mean, warning, critical), says, _HINT)]
    if costly != slowest:
        says = (
            f"most time in all: {costly.share:.0f} % in {plural(costly.calls, 'call')} ({shown(costly.text)})"
        )
        findings.append(Finding(Status.OK, says))
    return (line(SYSTEM, findings, bounds, number=round(slowest.mean, 1), unit="ms"),)


def shown(text: str) -> str:
    """A statement on one line, without its literals: they can hold customers' data."""
    flat = _LITERAL.sub("'…'", " ".join(text.split()))
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`pg_stat_statements`: the slowest on average, and the one that takes most time",
    normal="mean ≤ 1000 ms",
    warning="mean > 1000 ms",
    critical="mean > 5000 ms",
    source=_SOURCE,
    hint="The role needs pg_read_all_stats (or pg_monitor) to see others' statements.",
    failing=Status.UNKNOWN,
    options={"warning_ms": 1000.0, "critical_ms": 5000.0},
)
