"""Programs whose arguments are a language of their own, and who reads it."""

from collections.abc import Callable, Mapping

from runbook import databases, http
from runbook.risk import Verdict
from runbook.shell import Simple
from runbook.tables_of_programs import Program

Handler = Callable[[Simple, Program], Verdict]

HANDLERS: Mapping[str, Handler] = {
    "curl": http.curl,
    "wget": http.wget,
    "wscat": http.wscat,
    "psql": databases.psql,
    "mysql": databases.mysql,
    "redis": databases.redis,
    "mongosh": databases.mongosh,
}
