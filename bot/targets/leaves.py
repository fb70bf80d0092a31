"""One leaf of a step's program (see runbook/lower.py), run on the target: what it gave, for people and for checks."""

import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_plus

from bot.errors import AtsError, RejectedError
from bot.targets import arguments
from bot.targets.answers import KEPT, HttpAnswer, PipeAnswer, SqlAnswer, Stage
from bot.targets.kept import Progress, is_binary, plain
from bot.targets.shown import shown
from bot.targets.sql import Session
from bot.targets.target import Target
from runbook.model import Risk
from runbook.sql import classify, split

Leaf = Mapping[str, Any]
_PIPED = 2 * 1024 * 1024  # bytes of an answer that go into the next program
_ROWS = 100
_MATCHING = frozenset({"grep", "egrep", "fgrep", "zgrep"})
_BROKEN_PIPE = (-13, 141)


@dataclass(frozen=True, slots=True)
class Part:
    """One command, statement or request of a step."""

    command: str  # what ran, resolved and redacted, for people
    ok: bool
    exit: int | None  # exit status, or HTTP status
    output: str  # redacted, no ANSI, at most KEPT bytes (head and tail)
    columns: tuple[str, ...] = ()  # SQL
    rows: tuple[tuple[str, ...], ...] = ()  # SQL, redacted texts
    took: float = 0.0  # seconds
    truncated: bool = False
    error: str = ""  # in words, when it could not be run or asked


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a leaf, a pipe or a whole program."""

    parts: tuple[Part, ...] = ()
    true: bool = True  # as the shell's && and || see it
    fine: bool = True  # as a person does: a grep without a match is fine
    unknown: bool = False  # it may have happened all the same
    value: object = field(default=None, repr=False)  # the bare answer, for conditions; never shown


@dataclass(frozen=True, slots=True)
class Running:
    """What the leaves of one step share."""

    target: Target
    ends: float  # on time.monotonic()
    reading: bool  # the whole step is proved to read
    progress: Progress | None = None

    def remaining(self, leaf: Leaf) -> float:
        """Seconds that are left for a leaf: the step's, or less when the leaf has a time of its own."""
        left = max(self.ends - time.monotonic(), 0.0)
        own = leaf.get("timeout")
        return min(left, float(own)) if own else left


async def run_leaf(running: Running, leaf: Leaf) -> Ran:
    """Run one leaf; never raises for what the system does."""
    match leaf["op"]:
        case "http" if leaf.get("websocket"):
            return await _guarded(running, leaf, _websocket)
        case "http":
            return await _guarded(running, leaf, _http)
        case "sql":
            return await _sql(running, leaf)
        case "redis":
            return await _guarded(running, leaf, _redis)
        case _:
            return await run_pipe(running, [leaf])


async def _guarded(running: Running, leaf: Leaf, ask: Callable[[Running, Leaf], Awaitable[Ran]]) -> Ran:
    began = time.perf_counter()
    try:
        return await ask(running, leaf)
    except AtsError as error:
        return failed(running, leaf, error, time.perf_counter() - began)


def failed(running: Running, leaf: Leaf, error: AtsError, took: float) -> Ran:
    """What could not be asked, or was refused; an HTTP status is told from the words that begin with it."""
    said = running.target.redact(str(error))
    code = said[:3] if said[:3].isdigit() and said[3:4] == ":" else ""
    part = Part(
        _shown(running, leaf), ok=False, exit=int(code) if code else None, output="", took=took, error=said
    )
    unclear = error.begun or (code in {"502", "504"})  # a gateway lost the line for us
    return Ran((part,), true=False, fine=False, unknown=unclear and not running.reading)


def _shown(running: Running, leaf: Leaf) -> str:
    return running.target.redact(shown(leaf))


# HTTP


async def _http(running: Running, leaf: Leaf) -> Ran:
    answer = await _ask(running, leaf, KEPT)
    text = _headers(answer) if leaf["method"] == "HEAD" else answer.text
    output = _readable(running, f"{text}\n… the rest left out …" if answer.truncated else text)
    part = Part(
        _shown(running, leaf),
        ok=True,
        exit=answer.status,
        output=output,
        took=answer.took,
        truncated=answer.truncated,
    )
    return Ran((part,), value=answer.text)


async def _ask(running: Running, leaf: Leaf, keep: int) -> HttpAnswer:
    headers, content = _sent(leaf)
    return await running.target.http(
        leaf["method"],
        _address(leaf),
        deadline=running.remaining(leaf),
        headers=headers,
        content=content,
        redirects=bool(leaf.get("redirects")),
        insecure=bool(leaf.get("insecure")),
        keep=keep,
    )


def _address(leaf: Leaf) -> str:
    """The address, with what `curl -G -d` adds to it."""
    url, query = str(leaf["url"]), "&".join(leaf.get("query", ()))
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _sent(leaf: Leaf) -> tuple[dict[str, str], bytes | None]:
    """Headers and body as curl would send them."""
    headers: dict[str, str] = {}
    for line in leaf.get("headers", ()):
        name, _, value = line.partition(":")
        headers[name.strip()] = value.strip()
    if leaf.get("user"):
        headers["Authorization"] = "Basic " + base64.b64encode(str(leaf["user"]).encode()).decode()
    body, kind = _body(leaf)
    if body is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = kind
    return headers, None if body is None else body.encode()


def _body(leaf: Leaf) -> tuple[str | None, str]:
    form = "application/x-www-form-urlencoded"
    given = leaf.get("data") or (
        [{"option": "-d", "value": leaf["body"]}] if leaf.get("body") is not None else []
    )
    if not given:
        return None, form
    if any(str(one["value"]).startswith("@") for one in given):
        raise RejectedError(
            "not supported: it sends a file. Write what it sends into the runbook.", code="file"
        )
    if any(one["option"] == "--json" for one in given):
        return "".join(str(one["value"]) for one in given), "application/json"
    return "&".join(_encoded(one["option"], str(one["value"])) for one in given), form


def _encoded(option: str, value: str) -> str:
    if option != "--data-urlencode":
        return value
    name, equals, rest = value.partition("=")
    return f"{name}={quote_plus(rest)}" if equals and name else quote_plus(rest if equals else value)


def _headers(answer: HttpAnswer) -> str:
    return "".join(f"{name}: {value}\n" for name, value in answer.headers.items())


def _readable(running: Running, text: str) -> str:
    if is_binary(text):
        return f"(binary, {len(text):,} characters: not shown)"
    return running.target.redact(plain(text))


async def _websocket(running: Running, leaf: Leaf) -> Ran:
    headers, _ = _sent(leaf)
    deadline = running.remaining(leaf)
    got = await running.target.websocket(str(leaf["url"]), deadline=deadline, headers=headers)
    part = Part(_shown(running, leaf), ok=True, exit=101, output="", took=got.connected + (got.first or 0))
    connected = f"connected in {got.connected * 1000:.0f} ms"
    if got.first is None:
        silent = f"{connected}, but no message came within {deadline - got.connected:.0f} s"
        return Ran((replace(part, ok=False, error=silent, took=deadline),), true=False, fine=False, value="")
    told = f"{connected}, first message after {got.first * 1000:.0f} ms:\n{_readable(running, got.text)}"
    return Ran((replace(part, output=told),), value=got.text)


# SQL


async def _sql(running: Running, leaf: Leaf) -> Ran:
    """Reads each on a connection of its own and read-only; as soon as one changes something, all in one session."""
    statements = [one for text in leaf["sql"] for one in split(text)]
    dialect = str(leaf.get("dialect", "postgres"))
    if dialect != "postgres":
        error = RejectedError(f"not supported: {dialect} is not spoken. Run it by hand.", code="dialect")
        return failed(running, leaf, error, 0.0)
    if all(classify(one, dialect).risk is Risk.READ for one in statements):
        return await _reads(running, leaf, statements)
    return await _session(running, leaf, statements, reading=False)


async def _reads(running: Running, leaf: Leaf, statements: Sequence[str]) -> Ran:
    ran = Ran()
    for statement in statements:
        one = await _session(running, leaf, [statement], reading=True)
        ran = replace(one, parts=(*ran.parts, *one.parts))
        if not one.true:
            break
    return ran


async def _session(running: Running, leaf: Leaf, statements: Sequence[str], *, reading: bool) -> Ran:
    began, connection = time.perf_counter(), arguments.connection(leaf)
    session = Session(statements, reading, _ROWS, running.remaining(leaf), connection)
    problem: AtsError | None = None
    try:
        await running.target.session(session)
    except AtsError as error:
        problem = error
    parts = [_rows(running, *both) for both in zip(statements, session.answers, strict=False)]
    answered = session.answers[-1] if session.answers else None
    value = answered.rows[0][0] if answered is not None and answered.rows and answered.rows[0] else None
    if problem is None:
        return Ran(tuple(parts), value=value)
    took = time.perf_counter() - began - sum(p.took for p in parts)
    bad = failed(running, {**leaf, "sql": [statements[len(parts)]]}, problem, max(took, 0.0))
    return replace(bad, parts=(*parts, *bad.parts))


def _rows(running: Running, statement: str, answer: SqlAnswer) -> Part:
    redact = running.target.redact
    rows = tuple(tuple(plain(redact(_cell(cell))) for cell in row) for row in answer.rows)
    note = " (on the reserved connection)" if answer.reserved else ""
    more = ", more are left out" if answer.truncated else ""
    output = (
        f"{len(rows) or 'no'} row{'' if len(rows) == 1 else 's'}{more}{note}"
        if answer.columns or not answer.said
        else answer.said + note
    )
    return Part(
        redact(statement),
        ok=True,
        exit=0,
        output=output,
        columns=answer.columns,
        rows=rows,
        took=answer.took,
        truncated=answer.truncated,
    )


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return json.dumps(value, default=str, ensure_ascii=False)
        case bytes() | bytearray() | memoryview():
            return f"\\x{bytes(value)[:32].hex()}"
        case _:
            return str(value)


# Redis


async def _redis(running: Running, leaf: Leaf) -> Ran:
    began = time.perf_counter()
    url = arguments.redis_url(running.target.settings, arguments.connection(leaf))
    answer = await running.target.redis(*leaf["command"], deadline=running.remaining(leaf), url=url)
    text = _readable(running, _reply(answer))
    part = Part(_shown(running, leaf), ok=True, exit=0, output=text, took=time.perf_counter() - began)
    return Ran((part,), value=_reply(answer))


def _reply(answer: object) -> str:
    """A Redis answer as redis-cli prints it to a pipe; PING and the like come as booleans from the client."""
    match answer:
        case None:
            return "(nil)"
        case True:
            return "OK"
        case False:
            return "0"
        case dict():
            return "\n".join(f"{key}: {_reply(value)}" for key, value in answer.items())
        case list() | tuple() | set() | frozenset():
            return "\n".join(_reply(one) for one in answer) or "(empty)"
        case _:
            return str(answer)


# Programs


async def run_pipe(running: Running, leaves: Sequence[Leaf]) -> Ran:
    """Run programs wired one into the next; the first may be a request instead, whose answer goes into the second."""
    began = time.perf_counter()
    whole = {"op": "pipe", "items": leaves} if len(leaves) > 1 else leaves[0]
    given: bytes | None = None
    try:
        if leaves[0]["op"] != "exec":
            first, text = await _producer(running, leaves[0])
            if not first.true:
                return first
            given, leaves = text.encode(), leaves[1:]
        stages = [_stage(running, leaf) for leaf in leaves]
        deadline = min(running.remaining(leaf) for leaf in leaves)
        ran = await running.target.pipe(
            stages, deadline=deadline, keep=KEPT, given=given, progress=running.progress
        )
    except AtsError as error:
        return failed(running, whole, error, time.perf_counter() - began)
    return _ended(running, whole, stages, ran)


async def _producer(running: Running, leaf: Leaf) -> tuple[Ran, str]:
    """What a request gives to the program behind it."""
    if leaf["op"] == "http" and not leaf.get("websocket"):
        answer = await _ask(running, leaf, _PIPED)
        return Ran(), answer.text
    ran = await run_leaf(running, leaf)
    lines = ["\t".join(row) for part in ran.parts for row in part.rows]
    return ran, "".join(f"{line}\n" for line in lines) or "".join(f"{p.output}\n" for p in ran.parts)


def _stage(running: Running, leaf: Leaf) -> Stage:
    argv, env = arguments.safe(running.target.settings, leaf["argv"], leaf.get("env", {}))
    return Stage(argv, env, str(leaf.get("stdout", "")), str(leaf.get("stderr", "")))


def _ended(running: Running, whole: Leaf, stages: Sequence[Stage], ran: PipeAnswer) -> Ran:
    silent = [_no_match(stage, code) for stage, code in zip(stages, ran.exits, strict=True)]
    broken = [
        code
        for code, none in zip(ran.exits[:-1], silent[:-1], strict=True)
        if code not in {0, *_BROKEN_PIPE} and not none
    ]
    last = ran.exits[-1]
    bad = broken[0] if broken else 0 if silent[-1] else last
    output = _readable(running, _both(ran.stdout, ran.stderr))
    if any(silent) and not output.strip():
        output = "no match"
    part = Part(
        _shown(running, whole),
        ok=bad == 0,
        exit=broken[0] if broken else last,
        output=output,
        took=ran.took,
        truncated=ran.truncated,
        error=_why(bad) if bad else "",
    )
    return Ran((part,), true=last == 0 and not broken, fine=bad == 0, value=ran.stdout.strip())


def _no_match(stage: Stage, code: int) -> bool:
    return code == 1 and stage.argv[0].rsplit("/", 1)[-1] in _MATCHING


def _both(out: str, err: str) -> str:
    """Output, then what was said on standard error."""
    return out + ("\n" if out and err and not out.endswith("\n") else "") + err


def _why(code: int) -> str:
    number = -code if code < 0 else code - 128 if 128 < code <= 128 + 31 else 0  # noqa: PLR2004 - as a shell tells
    return f"killed by signal {number}" if number else f"ended with status {code}"
