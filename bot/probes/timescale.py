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
# One statement on one connection; without the extension it names a view that is not there.
_MISSING = frozenset({"42P01", "3F000"})
_QUERY = """
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
       (SELECT coalesce(json_agg(t), '[]') FROM (
           SELECT format('%I.%I', hypertable_schema, hypertable_name) AS name, num_chunks AS chunks,
                  hypertable_size(format('%I.%I', hypertable_schema, hypertable_name)::regclass) AS size
           FROM timescaledb_information.hypertables ORDER BY 3 DESC NULLS LAST LIMIT 500) t),
       (SELECT coalesce(json_agg(f), '[]') FROM (
           SELECT j.job_id AS id, j.proc_name AS name, j.hypertable_name AS of, s.total_failures AS failures
           FROM timescaledb_information.jobs j JOIN timescaledb_information.job_stats s USING (job_id)
           WHERE s.last_run_status = 'Failed' ORDER BY j.job_id LIMIT 50) f)
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
    try:
        answer = await target.sql(_QUERY, deadline=deadline, rows=1)
    except RejectedError as error:
        if error.code in _MISSING:
            raise RejectedError(
                "not installed: this database has no TimescaleDB", code=NOT_INSTALLED
            ) from error
        raise
    row: tuple[Any, ...] = answer.rows[0]
    tables = tuple(Hypertable(str(t["name"]), int(t["chunks"] or 0), int(t["size"] or 0)) for t in row[1])
    return Timescale(str(row[0]), tables, tuple(map(_job, row[2])))


def _job(job: dict[str, Any]) -> str:
    of = f" of {job['of']}" if job["of"] else ""
    return f"job {job['id']} ({job['name']}{of}) failed {plural(int(job['failures'] or 0), 'time')}"


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
