"""SQL classed: a plain read is proved three times over, everything else is not read.

1. The text, strings blanked, holds no word that changes something, no comment, no variable and no escape.
2. Every name that is called stands in the list of functions known to read (`programs/sql.toml`).
3. sqlglot types the statement as a query made of nothing but known parts.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from runbook.model import Risk

LONGEST = 10_000  # characters
_DEEPEST = 60  # brackets

_STRING = re.compile(r"'(?:[^']|'')*'")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_STRANGE = re.compile(
    r"\\|/\*|--|\$\$|\$\w|@@?\w*\s*:=|:=|(?<!:):(?![:])\s*['\"A-Za-z_]|#|`|[{}]|[^\x00-\x7f]|\x00"
)
_PREFIXED = re.compile(r"(?i)\b(?:e|u&|b|x|n)''")
_CALL = re.compile(r'((?:[A-Za-z_][\w$]*|"")(?:\s*\.\s*(?:[A-Za-z_][\w$]*|""))*)\s*\(')
_SECRET = re.compile(
    r"(?i)\b(?:pg_shadow|pg_authid|pg_user_mappings?|rolpassword|passwd|passwords?|authentication_string|secrets?|api_?keys?"
    r"|(?:access_|auth_|refresh_)?tokens?|credentials?|private_keys?)\b|(?<!count\()\*\s*from\s+mysql\.user\b"
)
_QUERY = re.compile(r"(?i)[\s(]*(?:select|with|values|table)\b")
_ORACLE = re.compile(r"(?i)\bfrom\s+(?:sys\s*\.\s*)?dual\b")
_LOCKING = re.compile(r"(?i)\bfor\s+(?:update|share|no\s+key|key\s+share)\b|\block\s+in\s+share\b")
_DOES = {  # what people should read instead of “not known”; it changes nothing about the verdict
    "pg_terminate_backend": "pg_terminate_backend() ends other sessions, and rolls back what they were doing",
    "pg_cancel_backend": "pg_cancel_backend() stops what other sessions are running",
    "pg_stat_statements_reset": "pg_stat_statements_reset() throws the collected statistics away",
}
_EXPLAIN = re.compile(r"(?i)^\s*explain\b\s*(?:\(([^()]{0,200})\)|((?:(?:analyze|verbose|extended)\s+)*))\s*")
_SHOW = re.compile(
    r"(?i)^\s*show\s+(?:all|[a-z_][\w.]{0,80}|transaction\s+isolation\s+level|time\s+zone|session\s+authorization)\s*$"
)
_SHOW_MYSQL = re.compile(
    r"(?i)^\s*(?:show\s+(?:full\s+|global\s+|session\s+|open\s+|extended\s+)?(?:processlist|status|variables|tables|databases"
    r"|schemas|columns|fields|index(?:es)?|keys|engines?|engine\s+innodb\s+status|(?:slave|replica)\s+status"
    r"|(?:master|binary\s+log)\s+status|(?:slave|replica)\s+hosts|replicas|binary\s+logs|master\s+logs|warnings|errors|plugins|events|triggers|table\s+status"
    r"|create\s+table\s+[\w.]+)(?:\s+(?:from|in)\s+[\w.]+)?(?:\s+(?:like|where)\s+[\w\s'%=<>_.]+)?"
    r"|(?:describe|desc)\s+[\w.]+)\s*$"
)
_ALTER_SYSTEM = re.compile(r"(?i)^\s*alter\s+system\s+(?:set|reset)\s+([a-z_][\w.]*)\b")


@dataclass(frozen=True, slots=True)
class Verdict:
    risk: Risk
    reason: str


@dataclass(frozen=True, slots=True)
class _Lists:
    functions: frozenset[str]
    keywords: frozenset[str]
    changing: re.Pattern[str]
    mutating_functions: frozenset[str]
    mutating_settings: tuple[str, ...]
    mutating_statements: re.Pattern[str]


@cache
def _lists() -> _Lists:
    raw = tomllib.loads(files("runbook").joinpath("programs/sql.toml").read_text(encoding="utf-8"))
    return _Lists(
        functions=frozenset(" ".join(raw["read_functions"].values()).split()),
        keywords=frozenset(raw["keywords_before_brackets"].split()),
        changing=re.compile(r"(?i)\b(?:" + "|".join(raw["changing_words"].split()) + r")\b"),
        mutating_functions=frozenset(raw["mutating_functions"].split()),
        mutating_settings=tuple(raw["mutating_settings"].split()),
        mutating_statements=re.compile(r"(?i)^\s*(?:" + "|".join(raw["mutating_statements"]) + r")"),
    )


def _blank(sql: str) -> str:
    return _QUOTED.sub('""', _STRING.sub("''", sql))


def split(sql: str) -> list[str]:
    """The statements of a text, split at semicolons outside quotes."""
    parts, last, at = [], 0, 0
    for found in re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|;", sql):
        if found[0] == ";":
            at = found.start()
            parts.append(sql[last:at])
            last = at + 1
    parts.append(sql[last:])
    return [p.strip() for p in parts if p.strip()]


def without_comment_lines(sql: str) -> str:
    """The text without lines that are only a `--` comment."""
    return "\n".join(line for line in sql.split("\n") if not line.lstrip().startswith("--")).strip()


def _called(blank: str) -> list[str]:
    return [re.sub(r"\s+", "", name).lower() for name in _CALL.findall(blank)]


def _unknown_call(blank: str) -> str | None:
    lists = _lists()
    for name in _called(blank):
        bare = name.removeprefix("pg_catalog.")
        if bare not in lists.functions and bare not in lists.keywords:
            return bare
    return None


def _depth(text: str) -> int:
    depth = most = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        most = max(most, depth)
    return most


def _why_not_read(sql: str, dialect: str) -> str | None:  # noqa: PLR0911 one return for each reason
    """Why a single statement is no proved read; None when it is one."""
    blank = _blank(sql)
    if len(sql) > LONGEST or _depth(blank) > _DEEPEST:
        return "the statement is too long or nested too deeply to be proved"
    strange = _STRANGE.search(blank) or _PREFIXED.search(blank)
    if "'" in blank.replace("''", "") or strange or "\\" in sql:
        return "the statement holds a comment, a variable or an escape"
    if dialect == "mysql" and ('"' in sql or "!" in blank.replace("!=", "")):
        return "the statement holds quotes that MySQL may read in two ways"
    shown = _SHOW_MYSQL if dialect == "mysql" else _SHOW
    if shown.match(blank):
        return None
    explained = _EXPLAIN.match(blank)
    if explained:
        return _why_not_explain(sql, explained, dialect)
    changing = _lists().changing.search(blank)
    if changing or _LOCKING.search(blank):
        return f"“{(changing or _LOCKING.search(blank))[0].upper()}” changes or locks something"  # type: ignore[index]
    secret = _SECRET.search(blank)
    if secret:
        return f"“{secret[0]}” may show secrets"
    unknown = _unknown_call(blank)
    if unknown is not None:
        return _DOES.get(unknown.lower()) or f"the function {unknown}() is not known to only read"
    return _why_not_typed(sql, dialect)


def _why_not_explain(sql: str, explained: re.Match[str], dialect: str) -> str | None:
    rest = sql[
        explained.end() :
    ]  # blanking keeps nothing after the prefix in place, so the prefix has no strings
    options = explained[1] or ""
    if not re.fullmatch(r"[\w\s,]*", options):
        return "the options of EXPLAIN are not understood"
    return _why_not_read(rest, dialect) if rest.strip() else "EXPLAIN of nothing"


_NODES = """
Select From Join Where Group Having Order Ordered Limit Offset Fetch Column Identifier Table TableAlias Alias Star
Literal Boolean Null Paren Tuple Binary Unary Predicate Between In Case If Cast TryCast DataType DataTypeParam
Interval Var Func Window WindowSpec SetOperation Subquery CTE With Distinct Filter Lateral Values Array Bracket
AtTimeZone Collate Not Neg Any All Exists Aliases WithinGroup IntervalSpan Dot JSONPath JSONPathRoot JSONPathKey
JSONPathSubscript Cube Rollup GroupingSets Slice JSONExtract JSONExtractScalar Condition NamedWindow
"""


@cache
def _allowed_nodes() -> tuple[type, ...]:
    from sqlglot import exp

    names = _NODES.split()
    return tuple(getattr(exp, name) for name in names if hasattr(exp, name))


def _why_not_typed(sql: str, dialect: str) -> str | None:  # noqa: PLR0911 one return for each reason
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if not _QUERY.match(sql):
        return "the statement is not a query"  # of which sqlglot would complain on the standard error
    try:
        trees = sqlglot.parse(sql, read=dialect)
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return "the statement cannot be parsed"
    if len(trees) != 1 or not isinstance(trees[0], exp.Select | exp.SetOperation | exp.Subquery | exp.Values):
        return "the statement is not a query"
    allowed = _allowed_nodes()
    for node in trees[0].walk():
        if not isinstance(node, allowed) or isinstance(node, exp.Command | exp.Into | exp.Lock | exp.DML):
            return f"the statement holds {type(node).__name__.lower()}, which is not known to only read"
        if isinstance(node, exp.Column) and _ORACLE.search(sql):
            return "a name that is asked of DUAL may be a function of Oracle, which has no brackets"
        if isinstance(node, exp.Select) and (node.args.get("into") or node.args.get("locks")):
            return "the statement stores or locks what it finds"
    return None


def _how_bad(sql: str, reason: str) -> Verdict:
    lists = _lists()
    blank = _blank(sql)
    setting = _ALTER_SYSTEM.match(blank)
    if setting and any(re.fullmatch(p, setting[1].lower()) for p in lists.mutating_settings):
        return Verdict(Risk.MUTATING, f"ALTER SYSTEM changes {setting[1].lower()}")
    if setting:
        return Verdict(Risk.DESTRUCTIVE, f"ALTER SYSTEM changes {setting[1].lower()} for the whole server")
    if lists.mutating_statements.match(blank):
        return Verdict(Risk.MUTATING, reason)
    called = {c.removeprefix("pg_catalog.") for c in _called(blank)} - lists.keywords - lists.functions
    simple = not lists.changing.search(blank) and not _STRANGE.search(blank)
    if called and simple and called <= lists.mutating_functions:
        return Verdict(Risk.MUTATING, f"{', '.join(sorted(called))}() changes something")
    return Verdict(Risk.DESTRUCTIVE, reason)


@lru_cache(maxsize=4096)
def classify(sql: str, dialect: str = "postgres") -> Verdict:
    """The risk of a text of one or more statements; the worst of them decides."""
    statements = split(without_comment_lines(sql))
    if not statements:
        return Verdict(Risk.MANUAL, "there is no statement in it")
    worst = Verdict(Risk.READ, "a plain query")
    order = list(Risk)
    for statement in statements:
        reason = _why_not_read(statement, dialect)
        verdict = Verdict(Risk.READ, "a plain query") if reason is None else _how_bad(statement, reason)
        if order.index(verdict.risk) > order.index(worst.risk):
            worst = verdict
    return worst


CORRECTION = "the view's columns are called hypertable_schema and hypertable_name"
_HYPERTABLES = re.compile(r"(?i)\btimescaledb_information\.hypertables\b")


def corrected(sql: str) -> str:
    """TimescaleDB's view under its present column names; other texts come back as they are."""
    if not _HYPERTABLES.search(sql) or len(sql) > LONGEST:
        return sql
    sql = re.sub(r"(?<![\w.'\"])schema_name(?![\w'\"(])", "hypertable_schema", sql)
    return re.sub(r"(?<![\w.'\"])table_name(?![\w'\"(])", "hypertable_name", sql)
