"""The conditions of guards and verifications: small, and provably reads.

    http GET http://localhost:3001/status .blocked == true
    http GET http://localhost:3100/ready within 90s
    sql 'SELECT count(*) FROM pg_stat_activity' < 190
    exec 'git diff --quiet HEAD~1 -- ecosystem.config.cjs'
    exec 'aws s3api list-objects-v2 --bucket b --query …' age < 15m within 60s

Several are joined by `&&`. Without a comparison, success is enough (2xx, or exit status 0).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook.durations import parse_duration
from runbook.lower import lower_all
from runbook.model import Risk
from runbook.shell import Statement, parse
from runbook.sql import classify

_TOKEN = re.compile(r"""\s*(?:"((?:\\.|[^"\\])*)"|'((?:''|[^'])*)'|(\S+))""")
_PATH = re.compile(r"\.|(?:\.[A-Za-z_][\w-]*|\[\d{1,6}\]|\.\[\d{1,6}\])+")
_OPERATORS = frozenset({"==", "!=", "<", "<=", ">", ">=", "contains"})
_LONGEST = 2_000


class CheckError(ValueError):
    """A condition that is not understood, or that is not provably a read."""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition: what is asked, and what the answer must be."""

    kind: str  # "http" | "sql" | "exec"
    program: Mapping[str, Any]  # how it is asked, as in `Step.program`
    text: str  # as written
    path: str = ""  # ".blocked" in a JSON answer; "age": how old a time is; "": the whole answer
    op: str = ""  # "" means that success is enough
    value: object = None  # the value compared with; seconds when `path` is "age"
    within: float = 0.0  # seconds during which it is tried again

    def holds(self, answer: object) -> bool:
        """Whether a measured answer satisfies the comparison; False when the two cannot be compared."""
        return compare(answer, self.op, self.value)


def compare(answer: object, op: str, value: object) -> bool:
    """Compare as JSON does: no coercion between kinds, except that numbers may come as text."""
    if op == "contains":
        return isinstance(answer, str) and isinstance(value, str) and value in answer
    if isinstance(value, int | float) and not isinstance(value, bool) and isinstance(answer, str):
        try:
            answer = float(answer.strip())
        except ValueError:
            return op == "!="
    same = type(answer) is type(value) or (_number(answer) and _number(value))
    if op in {"==", "!="}:
        return (same and answer == value) == (op == "==")
    if not same or not _number(answer) or not _number(value):
        return False
    left, right = float(str(answer)), float(str(value))
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}.get(op, False)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    quoted: bool


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise CheckError("a quote is not closed")
        double, single, bare = match.groups()
        if double is not None:
            found.append(_Token(re.sub(r"\\(.)", r"\1", double), quoted=True))
        elif single is not None:
            found.append(_Token(single.replace("''", "'"), quoted=True))
        else:
            if bare.startswith(("'", '"')):
                raise CheckError("a quote is not closed")
            found.append(_Token(bare, quoted=False))
        at = match.end()
    return found


def parse_checks(text: str) -> tuple[Check, ...]:
    """The conditions of a guard or verification.

    Raises:
        CheckError: one of them is not understood, or is not provably a read.
    """
    if len(text) > _LONGEST:
        raise CheckError(f"it is longer than {_LONGEST} characters")
    groups: list[list[_Token]] = [[]]
    for token in _tokens(text):
        if token.text == "&&" and not token.quoted:
            groups.append([])
        else:
            groups[-1].append(token)
    return tuple(_check(group, text) for group in groups)


def _check(tokens: list[_Token], text: str) -> Check:
    if len(tokens) < 2:  # noqa: PLR2004 a kind and what it asks
        raise CheckError('write "http GET URL …", "sql \'SELECT …\' == 0" or "exec \'command\'"')
    kind, rest = tokens[0].text, tokens[1:]
    rest, within = _within(rest)
    match kind:
        case "http":
            program, rest = _http(rest)
        case "sql":
            program, rest = _sql(rest)
        case "exec":
            program, rest = _exec(rest)
        case _:
            raise CheckError(f"“{kind}” is not one of http, sql, exec")
    path, op, value = _comparison(rest)
    if kind == "sql" and not op:
        raise CheckError("a sql condition needs a comparison, such as == 0")
    return Check(kind, program, text, path, op, value, within)


def _within(tokens: list[_Token]) -> tuple[list[_Token], float]:
    if len(tokens) > 1 and tokens[-2].text == "within" and not tokens[-2].quoted:
        span = parse_duration(tokens[-1].text)
        if span is None or not 0 < span.total_seconds() <= 3600:  # noqa: PLR2004 an hour
            raise CheckError(f"“within {tokens[-1].text}” is no time of at most an hour")
        return tokens[:-2], span.total_seconds()
    return tokens, 0.0


def _proved(command: str) -> Mapping[str, Any]:
    statements = parse(command)
    nodes = [s.node for s in statements if isinstance(s, Statement)]
    if len(nodes) != 1 or len(statements) != 1:
        raise CheckError("it must be one command")
    verdict = lower_all(nodes)
    if verdict.risk is not Risk.READ or verdict.leaf is None:
        raise CheckError(f"it is not provably a read: {verdict.reason}")
    return verdict.leaf


def _http(tokens: list[_Token]) -> tuple[Mapping[str, Any], list[_Token]]:
    if len(tokens) < 2 or tokens[0].text not in {"GET", "HEAD"}:  # noqa: PLR2004 a method and an address
        raise CheckError("an http condition is GET or HEAD and an address")
    url = tokens[1].text
    if not re.fullmatch(r"https?://[^\s'\"\\`;|<>()]+", url):
        raise CheckError(f"“{url}” is no http address")
    head = " -I" if tokens[0].text == "HEAD" else ""
    return _proved(f'curl -sSf{head} "{url}"'), tokens[2:]


def _sql(tokens: list[_Token]) -> tuple[Mapping[str, Any], list[_Token]]:
    verdict = classify(tokens[0].text)
    if verdict.risk is not Risk.READ:
        raise CheckError(f"it is not provably a read: {verdict.reason}")
    connection = {"dsn": [{"var": "DATABASE_URL"}]}
    return {"op": "sql", "dialect": "postgres", "sql": [tokens[0].text], "connection": connection}, tokens[1:]


def _exec(tokens: list[_Token]) -> tuple[Mapping[str, Any], list[_Token]]:
    return _proved(_quoted(tokens[0].text)), tokens[1:]


def _quoted(command: str) -> str:
    """A command as written; the query language of `--query` has brackets and & that are no shell syntax here."""
    return re.sub(r"(--query )(\S*[(&]\S*)", r"\1'\2'", command)


def _comparison(tokens: list[_Token]) -> tuple[str, str, object]:
    if not tokens:
        return "", "", None
    path = ""
    if not tokens[0].quoted and tokens[0].text not in _OPERATORS:
        path = tokens[0].text
        if path != "age" and not _PATH.fullmatch(path):
            raise CheckError(f"“{path}” is no path such as .blocked")
        tokens = tokens[1:]
    if len(tokens) != 2 or tokens[0].text not in _OPERATORS:  # noqa: PLR2004 an operator and a value
        raise CheckError("a comparison is a path, one of == != < <= > >= contains, and one value")
    return path, tokens[0].text, _value(tokens[1], path)


def _value(token: _Token, path: str) -> object:
    if path == "age":
        span = parse_duration(token.text)
        if span is None:
            raise CheckError(f"“{token.text}” is no age such as 15m")
        return span.total_seconds()
    if token.quoted:
        return token.text
    try:
        value = json.loads(token.text)
    except ValueError:
        return token.text
    return value if isinstance(value, str | int | float | bool) or value is None else token.text
