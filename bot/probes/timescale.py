"""TimescaleDB: hypertables with their sizes, and background jobs that fail."""

from dataclasses import dataclass
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import RejectedError
from bot.probes.judging import Bounds, Finding, line, named, plural, size
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target
from bot.targets.trouble import NOT_INSTALLED

SYSTEM = "TimescaleDB"
_NORMAL = "every job's last run succeeded"
_HINT = "`SELECT * FROM timescaledb_information.job_errors` says why; compression and retention stand still meanwhile."
_VERSION = "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
_TABLES = """
SELECT format('%I.%I', hypertable_schema, hypertable_name), num_chunks,
       hypertable_size(format('%I.%I', hypertable_schema, hypertable_name)::regclass)
FROM timescaledb_information.hypertables
ORDER BY 3 DESC NULLS LAST
"""
_JOBS = """
SELECT j.job_id, j.proc_name, coalesce(j.hypertable_name, ''), s.last_run_status, s.total_failures
FROM timescaledb_information.jobs j JOIN timescaledb_information.job_stats s USING (job_id)
WHERE s.last_run_status = 'Failed'
ORDER BY j.job_id
"""


@dataclass(frozen=True, slots=True)
class Hypertable:
    name: str
    chunks: int
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Timescale:
    """What the extension says of itself."""

    version: str
    tables: tuple[Hypertable, ...]  # largest first
    failed: tuple[str, ...] = ()  # jobs, for people


async def measure(target: Target, deadline: float, _options: Options) -> Timescale:
    installed = (await target.sql(_VERSION, deadline=deadline, rows=1)).rows
    if not installed:
        raise RejectedError("not installed: this database has no TimescaleDB", code=NOT_INSTALLED)
    tables = await target.sql(_TABLES, deadline=deadline, rows=500)
    jobs = await target.sql(_JOBS, deadline=deadline, rows=50)
    rows: tuple[tuple[Any, ...], ...] = tables.rows
    found = tuple(Hypertable(str(r[0]), int(r[1] or 0), int(r[2] or 0)) for r in rows)
    return Timescale(str(installed[0][0]), found, tuple(_job(row) for row in jobs.rows))


def _job(row: tuple[Any, ...]) -> str:
    of = f" of {row[2]}" if row[2] else ""
    return f"job {row[0]} ({row[1]}{of}) failed {plural(int(row[4] or 0), 'time')}"


def read(found: Timescale, _context: Context) -> tuple[Reading, ...]:
    """One line: failed jobs, then the hypertables, the largest by name."""
    findings = [Finding(Status.WARNING, job, _HINT) for job in named(found.failed)]
    whole, chunks = sum(t.size for t in found.tables), sum(t.chunks for t in found.tables)
    largest = f", the largest {found.tables[0].name} with {size(found.tables[0].size)}" if found.tables else ""
    tables = f"{plural(len(found.tables), 'hypertable')} in {plural(chunks, 'chunk')}, {size(whole)}{largest}"
    findings.append(Finding(Status.OK, f"{found.version}: {tables}"))
    bounds = Bounds(_NORMAL, "", "TimescaleDB's job_stats")
    return (line(SYSTEM, findings, bounds, number=float(whole), unit="bytes"),)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`timescaledb_information`: hypertables, chunks, sizes, jobs",
    normal=_NORMAL,
    warning="a job's last run failed",
    critical="-",
    source="TimescaleDB's job_stats",
    hint="The database's own line says why it cannot be asked.",
    failing=Status.UNKNOWN,
)
