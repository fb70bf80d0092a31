"""The trading database: whether it lets us in, how full it is, and who holds up whom."""

from dataclasses import dataclass
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import ServerError
from bot.probes import baseline as judged
from bot.probes.judging import Bounds, Finding, above, line, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target
from bot.targets.trouble import EXHAUSTED

SYSTEM, SESSIONS, SETTINGS = "PostgreSQL", "PostgreSQL sessions", "PostgreSQL settings"
METRIC = "Database Connections"
_DEFAULT = (80.0, 90.0)  # per cent of max_connections
_BLOCKED = 60.0  # seconds in which a lock is waited for
_FULL = "Find idle transactions: the runbook's entry on database connections has the query."
_RESERVED = "Only reserved connections are left, and ordinary users are refused. " + _FULL
_IDLE = "“Idle in transaction” holds locks: the runbook's entry on database connections lists and ends such sessions."
_WAITS = "Blocked sessions wait for a lock: `pg_blocking_pids(pid)` names who holds it."
_PENDING = "The new value holds only after a restart of PostgreSQL; restarting the application does not help."

# A role without pg_monitor sees no backend_type for others' sessions, but does see their database. Background workers
# are no clients, and do not count.
_QUERY = """
WITH clients AS (
    SELECT pid, coalesce(state, 'hidden') AS state, state_change, query_start, wait_event_type
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL)
)
SELECT count(*),
       current_setting('max_connections')::int,
       current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true)::int, 0),
       count(*) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()),
       count(*) FILTER (WHERE state = 'idle'),
       count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
       coalesce(extract(epoch FROM clock_timestamp() - min(state_change)
           FILTER (WHERE state LIKE 'idle in transaction%')), 0)::float8,
       count(*) FILTER (WHERE wait_event_type = 'Lock' AND cardinality(pg_blocking_pids(pid)) > 0),
       coalesce(extract(epoch FROM clock_timestamp() - min(query_start)
           FILTER (WHERE wait_event_type = 'Lock' AND cardinality(pg_blocking_pids(pid)) > 0)), 0)::float8,
       coalesce((SELECT string_agg(DISTINCT pid::text, ', ') FROM (
           SELECT unnest(pg_blocking_pids(pid)) AS pid FROM clients WHERE wait_event_type = 'Lock') AS blocking), ''),
       coalesce((SELECT string_agg(name, ', ' ORDER BY name) FROM pg_settings WHERE pending_restart), '')
FROM clients
"""


@dataclass(frozen=True, slots=True)
class Connections:
    """How the server's connections are used, and by sessions in which state."""

    used: int  # by clients, ours included
    most: int  # max_connections
    kept: int = 0  # of those, for superusers and roles that may use the reserve
    active: int = 0  # ours not included
    idle: int = 0
    idle_in_transaction: int = 0
    longest_idle: float = 0.0  # seconds, of the oldest that is idle in transaction
    blocked: int = 0  # sessions that wait for a lock
    longest_blocked: float = 0.0  # seconds
    blocking: str = ""  # process ids
    pending: str = ""  # settings that wait for a restart
    took: float = 0.0  # seconds, connecting included
    reserved: bool = False  # it took the reserved connection
    exhausted: str = ""  # the server's own words when it had no connection for us


async def measure(target: Target, deadline: float, _options: Options) -> Connections:
    try:
        answer = await target.sql(_QUERY, deadline=deadline, rows=1)
    except ServerError as error:
        if EXHAUSTED not in str(error):
            raise
        return Connections(used=0, most=0, exhausted=str(error))
    row: tuple[Any, ...] = answer.rows[0]
    return Connections(
        used=int(row[0]),
        most=int(row[1]),
        kept=int(row[2]),
        active=int(row[3]),
        idle=int(row[4]),
        idle_in_transaction=int(row[5]),
        longest_idle=float(row[6]),
        blocked=int(row[7]),
        longest_blocked=float(row[8]),
        blocking=str(row[9]),
        pending=str(row[10]),
        took=answer.took,
        reserved=answer.reserved,
    )


def read(found: Connections, context: Context) -> tuple[Reading, ...]:
    """Connections against the baseline; then sessions that hold up others; then settings that wait for a restart."""
    if found.exhausted:
        verdict = judged.percent(METRIC, 100.0, context.baseline, _DEFAULT)
        said, _, advice = found.exhausted.partition(". ")
        full = Finding(Status.CRITICAL, said.rstrip("."), advice or _FULL)
        return (line(SYSTEM, [full], verdict.bounds, number=100.0, unit="%"),)
    pending = [_pending(found)] if found.pending else []
    return (_connections(found, context), _sessions(found, context), *pending)


def _connections(found: Connections, context: Context) -> Reading:
    """Of what ordinary users can have: the rest is kept for superusers."""
    usable = max(1, found.most - found.kept)
    used = min(100.0, 100.0 * found.used / usable)
    verdict = judged.percent(METRIC, used, context.baseline, _DEFAULT)
    kept = f", {found.kept} more are reserved" if found.kept else ""
    says = f"{used:.0f} % of connections used ({found.used} of {usable}{kept}), answers in {found.took * 1000:.0f} ms"
    findings = [Finding(verdict.status, says, _FULL)]
    if found.reserved:
        findings.append(
            Finding(Status.CRITICAL, "connections exhausted: seen over a reserved connection", _RESERVED)
        )
    return line(SYSTEM, findings, verdict.bounds, number=round(used, 2), unit="%", took=found.took)


def _sessions(found: Connections, context: Context) -> Reading:
    most: float = context.options["idle_in_transaction_seconds"]
    states = f"{found.active} active, {found.idle} idle, {found.idle_in_transaction} idle in transaction"
    findings = [Finding(Status.OK, states)]
    if found.longest_idle > most:
        says = f"a transaction has been idle for {span(found.longest_idle)}"
        findings.append(Finding(Status.WARNING, says, _IDLE))
    if found.blocked:
        waits = plural(found.blocked, "session waits", "sessions wait")
        says = f"{waits} for a lock for {span(found.longest_blocked)} (held by {found.blocking or 'one that ended'})"
        findings.append(Finding(above(found.longest_blocked, 0.0, _BLOCKED), says, _WAITS))
    bounds = Bounds(
        f"nothing idle in transaction > {span(most)}, nobody blocked", f"blocked > {span(_BLOCKED)}",
        "the runbook's 5 minutes for idle transactions",
    )  # fmt: skip
    return line(SESSIONS, findings, bounds, number=round(found.longest_idle, 1), unit="s", took=found.took,
                figures=(("PostgreSQL blocked sessions", float(found.blocked)),))  # fmt: skip


def _pending(found: Connections) -> Reading:
    says = f"changed, and waiting for a restart: {found.pending}"
    bounds = Bounds("no setting waits for a restart", "", "PostgreSQL's pending_restart")
    return line(SETTINGS, [Finding(Status.WARNING, says, _PENDING)], bounds)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`pg_stat_activity`: client connections by state against `max_connections` less the reserved ones, the oldest "
    "idle transaction, who waits for whose lock; `pending_restart`. On a reserved connection when the pool is full",
    normal="< 80 % of max, nothing idle in transaction > 5 min, nobody blocked",
    warning="not in the normal range of “Database Connections”; a transaction idle > 5 min; a session blocked; "
    "a setting that waits for a restart",
    critical="> 90 % of max, no connection at all, a session blocked > 60 s",
    source=f"{judged.SOURCE}; the runbook's 5 minutes for idle transactions",
    hint="Look at the database's log and whether its service runs.",
    options={"idle_in_transaction_seconds": 300.0},
)
