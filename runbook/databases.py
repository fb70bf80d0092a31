"""psql, mysql and redis-cli as SQL and Redis steps: what they send decides, not how they are called."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from runbook import sql
from runbook.arguments import Arguments, parse_arguments
from runbook.environment import secret_in
from runbook.model import Kind, Risk
from runbook.risk import Verdict, manual, worst
from runbook.shell import Simple, Word
from runbook.tables_of_programs import Flag, Program, flags_of

_PSQL = flags_of(
    "-c= --command= -h= --host= -p= --port= -U= --username= -d= --dbname= -w --no-password -W --password -t "
    "--tuples-only "
    "-A --no-align -x --expanded -q --quiet -X --no-psqlrc -P= --pset= -F= --field-separator= --csv -H --html -a -b -e "
    "-1 --single-transaction"
)
_MYSQL = flags_of(
    "-e= --execute= -h= --host= -P= --port= -u= --user= -p? --password? -D= --database= -N -B --batch "
    "--skip-column-names "
    "-t --table -s --silent -E --vertical --ssl-mode= -S= --socket= --connect-timeout= --protocol= -A --no-auto-rehash"
)
_PASSWORD_IN_URL = re.compile(r"(?i)^[a-z+]{1,20}://[^/\s:@]{0,200}:[^/\s@$]{1,200}@")
_CONNINFO = re.compile(r"(?i)^(?:postgres(?:ql)?://|[\w-]+$|\w+=)")
_LISTING = re.compile(r"\\(?:d[tivsmnufxlp]?\+?|l\+?|conninfo|x)(?:\s+[\w.*]{1,80})?")  # psql's \d and its like
_MONGO = flags_of(
    "--eval= --quiet --host= --port= -u= --username= -p= --password= --authenticationDatabase= --norc"
)
_MONGO_READS = re.compile(
    r"(?:printjson\()?(?:rs\.(?:status|conf|isMaster|hello|printReplicationInfo|printSecondaryReplicationInfo)\(\)"
    r"|db\.(?:serverStatus|currentOp|stats|version|hello|isMaster|hostInfo|getCollectionNames)\(\)(?:\.[A-Za-z]+){0,4}"
    r"|sh\.status\(\)|db\.adminCommand\(\{?\s*['\"]?(?:ping|hello|replSetGetStatus|serverStatus|listDatabases)['\"]?"
    r"(?:\s*:\s*1\s*\})?\))\)?\s*;?"
)
_TWO = 2  # a database and a user
_DISPLAY = re.compile(r"\\[Gg]\s*;?\s*$")  # the mysql client's own way to end and show a statement


def _json(value: Word | str) -> object:
    return value if isinstance(value, str) else value.json()


def _connection(found: Arguments, names: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    connection: dict[str, object] = {}
    for key, flags in names.items():
        value = found.value(*flags)
        if value is not None:
            connection[key] = _json(value)
    return connection


def _environment(simple: Simple) -> dict[str, object]:
    from runbook.judge import assigned

    return {name: assigned(given) for name, given in simple.env}


def _password_warning(found: Arguments, operands: list[Word], *flags: str) -> tuple[tuple[str, str, str], ...]:
    urls = [*operands, *(o.value for o in found.options if o.name in {"-d", "--dbname", "-u"})]
    texts = [u if isinstance(u, str) else u.shown for u in urls if u is not None]
    given = [found.text(*flags)] if flags else []
    if any(_PASSWORD_IN_URL.match(t) for t in texts) or any(t and t[0] not in "[<$" for t in given):
        message = "A password stands in an argument, where the process list and this document show it."
        return (("secret-in-argument", message, "Put it into a variable of the target's environment."),)
    return ()


def _statements(found: Arguments, *flags: str) -> list[str] | None:
    values = [o.value for o in found.options if o.name in flags]
    texts = [v if isinstance(v, str) or v is None else v.literal for v in values]
    return [t for t in texts if t is not None] if all(t is not None for t in texts) else None


def _sql_verdict(texts: list[str], dialect: str, connection: dict[str, object]) -> Verdict:
    texts, rewrites = _corrected(texts)
    verdicts = [sql.classify(text, dialect) for text in texts]
    risk = worst(v.risk for v in verdicts)
    reason = next(v.reason for v in verdicts if v.risk is risk)
    leaf: dict[str, object] = {
        "op": "sql",
        "dialect": dialect,
        "sql": [t.strip() for t in texts],
        "connection": connection,
    }
    return Verdict(risk, reason, Kind.SQL, leaf, rewrites=rewrites)


def _corrected(texts: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Statements whose columns are known to be wrong, put right."""
    fixed = [sql.corrected(text) for text in texts]
    return fixed, tuple(
        f"{new}: {why}"
        for old, new, why in zip(texts, fixed, [sql.CORRECTION] * len(texts), strict=True)
        if new != old
    )


def sql_step(text: str, dialect: str, connection: dict[str, object]) -> Verdict:
    """SQL that stands by itself, in a block of its own."""
    verdict = _sql_verdict([text], dialect, connection)
    return manual("psql's own commands (\\…) may run programs and write files") if "\\" in text else verdict


def psql(simple: Simple, _program: Program) -> Verdict:
    """SQL through psql -c "…": the statements decide. Without -c it opens a session, which stays with a person."""
    found = parse_arguments(list(simple.words[1:]), _PSQL)
    warnings = _password_warning(found, found.operands)
    texts = _statements(found, "-c", "--command")
    problem = f"psql: {found.problem}" if found.problem else ""
    if texts is None:
        problem = "the SQL is only known when it runs"
    elif not texts:
        problem = problem or "psql without -c opens a session"
    elif len(texts) == 1 and not problem and _LISTING.fullmatch(texts[0].strip()):
        listing: dict[str, object] = {"op": "exec", "argv": [w.json() for w in simple.words]}
        return Verdict(
            Risk.READ, "psql lists objects", Kind.EXEC, listing | _named_env(simple), warnings=warnings
        )
    elif any("\\" in t for t in texts):
        problem = problem or "psql's own commands (\\…) may run programs and write files"
    if not problem and any(
        w.glob or w.tilde or (not _CONNINFO.match(w.shown) and not w.opaque) for w in found.operands
    ):
        problem = "its connection is not understood"
    if not problem and (len(found.operands) > _TWO or any("," in w.shown for w in found.operands[:1])):
        problem = "its connection is not understood"
    if problem or texts is None:
        return manual(problem).but(warnings=warnings)
    names = {
        "host": ("-h", "--host"),
        "port": ("-p", "--port"),
        "user": ("-U", "--username"),
        "database": ("-d", "--dbname"),
    }
    connection = _connection(found, names)
    if found.operands:
        connection["dsn"] = found.operands[0].json()
    if len(found.operands) > 1:
        connection["user"] = found.operands[1].json()
    return _sql_verdict(texts, "postgres", connection | _named_env(simple)).but(warnings=warnings)


def _named_env(simple: Simple) -> dict[str, object]:
    return {"env": _environment(simple)} if simple.env else {}


def mysql(simple: Simple, _program: Program) -> Verdict:
    """SQL through mysql -e "…": the statements decide."""
    found = parse_arguments(list(simple.words[1:]), _MYSQL)
    warnings = _password_warning(found, [], "-p", "--password")
    texts = _statements(found, "-e", "--execute")
    if found.problem or len(found.operands) > 1:
        return manual(f"mysql: {found.problem or 'more than one database is not understood'}").but(
            warnings=warnings
        )
    if not texts:
        reason = (
            "mysql without -e opens a session" if texts is not None else "the SQL is only known when it runs"
        )
        return manual(reason).but(warnings=warnings)
    verdict = _sql_verdict([_DISPLAY.sub("", t) for t in texts], "mysql", {})
    if verdict.risk is not Risk.READ:
        verdict = verdict.but(risk=Risk.DESTRUCTIVE)
    argv = [w.json() for w in simple.words]
    leaf: dict[str, object] = {"op": "exec", "argv": argv} | _named_env(simple)
    return verdict.but(kind=Kind.EXEC, leaf=leaf, warnings=warnings)


@dataclass(frozen=True, slots=True)
class _Redis:
    flags: dict[str, Flag]
    read: frozenset[str]
    pairs: frozenset[str]
    config_get: frozenset[str]
    mutating: frozenset[str]
    never: frozenset[str]


@cache
def _redis_table() -> _Redis:
    raw = tomllib.loads(files("runbook").joinpath("programs/redis.toml").read_text(encoding="utf-8"))
    lists = {k: frozenset(raw[k].split()) for k in ("read", "read_pairs", "config_get", "mutating", "never")}
    return _Redis(
        flags_of(raw["flags"]),
        lists["read"],
        lists["read_pairs"],
        lists["config_get"],
        lists["mutating"],
        lists["never"],
    )


def _redis_class(command: list[str | None]) -> Verdict:  # noqa: PLR0911 one return for each class
    table = _redis_table()
    first = (command[0] or "").lower()
    pair = f"{first}_{(command[1] or '').lower()}" if len(command) > 1 else first
    said = pair.replace("_", " ").upper()
    if first in table.never:
        return manual(f"{first.upper()} is never run from chat", never=True)
    if first in table.read:
        return Verdict(Risk.READ, f"{first.upper()} only reads")
    if pair in table.pairs:
        return Verdict(Risk.READ, f"{said} only reads")
    if pair == "config_get":
        asked = [(c or "?").lower() for c in command[2:]]
        if asked and all(a in table.config_get for a in asked):
            return Verdict(Risk.READ, "CONFIG GET of settings that hold no secret")
        return Verdict(Risk.MANUAL, "CONFIG GET of these settings may show a password")
    if first in table.mutating or pair in table.mutating:
        return Verdict(Risk.MUTATING, f"{said} changes something, but no data")
    return Verdict(Risk.DESTRUCTIVE, f"{first.upper() or 'this'} is not known to only read")


def redis(simple: Simple, _program: Program) -> Verdict:
    """redis-cli with a command: the command decides."""
    words = list(simple.words[1:])
    head = parse_arguments(words, _redis_table().flags, stop=1)
    found = head
    warnings = _password_warning(head, [], "-a", "--pass")
    if head.problem:
        return manual(f"redis-cli: {head.problem}").but(warnings=warnings)
    if not head.operands:
        return manual("redis-cli without a command opens a session").but(warnings=warnings)
    command = words[head.places[0] :]
    if any(w.glob or w.tilde for w in command):
        return manual("its arguments hold a pattern that only a shell expands").but(warnings=warnings)
    verdict = _redis_class([w.literal for w in command])
    if command[0].literal is None or (
        len(command) > 1 and command[1].literal is None and verdict.risk is not Risk.READ
    ):
        return manual("the Redis command is only known when it runs")
    if verdict.never:
        return verdict
    flag = next((w.shown for w in command[1:] if re.match(r"-(?![\d]|$)", w.leading)), "")
    if flag:
        verdict = Verdict(Risk.MANUAL, f"{flag} looks like a flag, and Redis commands have none")
    secret = next((secret_in(w) for w in command if secret_in(w)), "")
    if secret:
        verdict = Verdict(Risk.MANUAL, f"Redis would show or keep {secret}")
    names = {
        "host": ("-h",),
        "port": ("-p",),
        "database": ("-n",),
        "url": ("-u",),
        "user": ("--user",),
        "password": ("-a", "--pass"),
    }
    leaf = {
        "op": "redis",
        "command": [w.json() for w in command],
        "connection": _connection(found, names) | _named_env(simple),
    }
    return verdict.but(kind=Kind.REDIS, leaf=leaf, warnings=warnings)


def mongosh(simple: Simple, _program: Program) -> Verdict:
    """A mongosh that evaluates one of a few expressions known to read; all other JavaScript stays with a person."""
    found = parse_arguments(list(simple.words[1:]), _MONGO)
    warnings = _password_warning(found, found.operands, "-p", "--password")
    texts = _statements(found, "--eval")
    if (
        found.problem
        or any(w.glob or w.tilde or w.wholly_unknown for w in found.operands)
        or len(found.operands) > 1
    ):
        return manual(f"mongosh: {found.problem or 'its arguments are not understood'}").but(warnings=warnings)
    if found.operands and not (
        found.operands[0].leading.startswith("mongodb") or "." not in found.operands[0].shown
    ):
        return manual("mongosh runs whatever the file holds").but(warnings=warnings)
    if not texts or not all(_MONGO_READS.fullmatch(t.strip()) for t in texts):
        return manual("mongosh runs JavaScript, which is not known to only read").but(warnings=warnings)
    leaf: dict[str, object] = {"op": "exec", "argv": [w.json() for w in simple.words]} | _named_env(simple)
    return Verdict(Risk.READ, "the expression only shows something", Kind.EXEC, leaf, warnings=warnings)
