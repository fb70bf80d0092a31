"""The trading database: whether it lets us in, and how full it is."""

from dataclasses import dataclass
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import ServerError
from bot.probes import baseline as judged
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target
from bot.targets.trouble import EXHAUSTED

SYSTEM = "PostgreSQL"
METRIC = "Database Connections"
_DEFAULT = (80.0, 90.0)  # per cent of max_connections
_LONG_IDLE = 300.0  # seconds in which an idle transaction holds its locks
_HINT_FULL = "Find idle transactions: the runbook's entry on database connections has the query."

# A role without pg_monitor sees no backend_type for others' sessions, but does see their database.
_QUERY = """
SELECT count(*) FILTER (WHERE backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL)),
       current_setting('max_connections')::int,
       coalesce(extract(epoch FROM clock_timestamp() - min(state_change)
           FILTER (WHERE state LIKE 'idle in transaction%')), 0)::float8
FROM pg_stat_activity
"""


@dataclass(frozen=True, slots=True)
class Connections:
    """How the server's connections are used."""

    used: int  # by clients, ours included
    most: int  # max_connections
    idle_in_transaction: float = 0.0  # seconds, the oldest
    took: float = 0.0  # seconds, connecting included
    exhausted: str = ""  # the server's own words when it had no connection for us


async def measure(target: Target, deadline: float, _options: Options) -> Connections:
    try:
        answer = await target.sql(_QUERY, deadline=deadline, rows=1)
    except ServerError as error:
        if EXHAUSTED not in str(error):
            raise
        return Connections(used=0, most=0, exhausted=str(error))
    row: tuple[Any, ...] = answer.rows[0]
    return Connections(int(row[0]), int(row[1]), float(row[2]), answer.took)


def read(found: Connections, context: Context) -> tuple[Reading, ...]:
    """One line: connections used against the baseline, and an old idle transaction if there is one."""
    used = 100.0 if found.exhausted or not found.most else 100.0 * found.used / found.most
    verdict = judged.percent(METRIC, used, context.baseline, _DEFAULT)
    if found.exhausted:
        return (Reading(SYSTEM, Status.CRITICAL, found.exhausted, verdict.normal, _HINT_FULL),)
    value = f"{used:.0f} % of connections used ({found.used} of {found.most}), answers in {found.took * 1000:.0f} ms"
    status, hint = verdict.status, "" if verdict.status is Status.OK else _HINT_FULL
    if found.idle_in_transaction > _LONG_IDLE:
        value += f"; a transaction has been idle for {found.idle_in_transaction / 60:.0f} min"
        status, hint = (Status.WARNING if status is Status.OK else status), _HINT_FULL
    return (Reading(SYSTEM, status, value, verdict.normal, hint, found.took),)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="pg_stat_activity",
    normal="accepts connections",
    warning="x",
    critical="x",
    source=judged.SOURCE,
    hint="Look at the database's log and whether its service runs.",
)
