"""SQL to a PostgreSQL under care, on a connection that lives no longer than what is asked."""

import asyncio
import contextlib
import os
import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.generators import execute

from bot.errors import AbsentError, AtsError, ConfigError, ServerError, UnauthorizedError
from bot.targets import trouble
from bot.targets.answers import SqlAnswer
from bot.targets.line import Line
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings

_GRACE = 0.1  # seconds that an abandoned query gets to end; it needs a millisecond
_MARGIN = 0.9  # of the deadline: the server gives up a little before we do, and so says why
# What the application's own role may not do, and a role for operations may.
_OPERATIONS = re.compile(r"(?i)^\s*alter\s+system\b|\bpg_(?:reload_conf|terminate_backend|stat_\w*reset)\s*\(")
_SOCKETS, _PORT = "/var/run/postgresql", 5432  # where libpq looks when an address names neither
_NO_RESERVE = (
    "Set reserved_database_url under [target] to a role that may use the reserved connections "
    "(pg_use_reserved_connections, or a superuser): nobody can look inside a full server without one."
)


@dataclass(slots=True)
class Session:
    """What is asked on one connection, and how far it got."""

    statements: Sequence[str]
    reading: bool  # one statement, in a read-only transaction
    rows: int
    deadline: float
    connection: Mapping[str, str] = field(
        default_factory=dict
    )  # as a step says it: dsn, host, port, user, database
    line: Line | None = None  # how the server is reached; None: from here
    answers: list[SqlAnswer] = field(default_factory=list)
    begun: bool = False  # the server may have got the first statement
    opened: list[psycopg.AsyncConnection] = field(default_factory=list)


async def query(
    settings: TargetSettings, statement: str, *, deadline: float, rows: int, line: Line | None = None
) -> SqlAnswer:
    """Run one statement of the target's database in a read-only transaction and return its first rows.

    A read-only transaction is not a sandbox (ALTER SYSTEM ignores it): whoever calls this has proved that the
    statement reads. Several statements in one text are refused by the protocol that is used.
    """
    session = Session((statement,), reading=True, rows=rows, deadline=deadline, line=line)
    await run(settings, session)
    return session.answers[0]


async def run(settings: TargetSettings, session: Session) -> None:
    """Run a session's statements; `session.answers` has those of the statements that succeeded."""
    began = time.perf_counter()
    ordinary = conninfo(settings, session.connection)
    try:
        await _within(settings, session, ordinary, reserved=False)
    except AtsError as error:
        if not _reserve_helps(error, session):
            raise
        if not settings.reserved_database_url or _place_of(ordinary) != _place_of(settings.database_url):
            raise _advised(error) from error
        session.deadline -= time.perf_counter() - began
        session.begun = False
        session.opened.clear()
        await _within(settings, session, settings.reserved_database_url, reserved=True)


def _reserve_helps(error: AtsError, session: Session) -> bool:
    """Whether another role would get further, and nothing has happened yet."""
    if session.answers or session.deadline <= 0:
        return False
    if isinstance(error, ServerError):
        return str(error).startswith(trouble.EXHAUSTED)
    refused = isinstance(error, UnauthorizedError) and session.begun
    return refused and bool(_OPERATIONS.search(session.statements[0]))


def _advised(error: AtsError) -> AtsError:
    """The same error, with what to configure."""
    if isinstance(error, ServerError):
        error.args = (f"{str(error).rstrip('.')}. {_NO_RESERVE}",)
    return error


def conninfo(settings: TargetSettings, connection: Mapping[str, str]) -> str:
    """Where a step's SQL goes: what it names, over the target's own database."""
    given = {k: v for k, v in connection.items() if k in {"host", "port", "user", "password"}}
    dsn = connection.get("dsn", "")
    if not dsn and not given:
        dsn = settings.database_url
    if not dsn and not given:
        raise AbsentError("not configured: the target has no DATABASE_URL. Set it under [target].")
    if dsn and "=" not in dsn and "://" not in dsn:
        dsn, given["dbname"] = "", dsn
    if connection.get("database"):
        given["dbname"] = connection["database"]
    return make_conninfo(dsn, **given) if given else dsn


def _place_of(url: str) -> tuple[object, ...]:
    """Which database an address means."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return (url,)
    return tuple(parts.get(name) for name in ("host", "port", "dbname"))


def _not_ours() -> dict[str, str]:
    """Options that outweigh the PG… variables of the bot's own environment, which mean another database."""
    given = (o for o in psycopg.pq.Conninfo.get_defaults() if o.envvar and o.keyword != b"service")
    return {
        o.keyword.decode(): (o.compiled or b"").decode()
        for o in given
        if o.envvar and os.environ.get(o.envvar.decode())
    }


async def _within(settings: TargetSettings, session: Session, where: str, *, reserved: bool) -> None:
    named = place(where)
    task = asyncio.create_task(_run(settings, session, where, named, reserved=reserved))
    try:
        done, _ = await asyncio.wait({task}, timeout=session.deadline)
        if done:
            return task.result()
        raise trouble.timed_out(session.deadline, begun=session.begun)
    finally:
        await _abandon(task, session.opened)


async def _abandon(task: asyncio.Task[None], opened: list[psycopg.AsyncConnection]) -> None:
    """End a query now. Cancelling one would wait seconds for a server that does not answer."""
    if task.done():
        return
    if opened:
        _cut(opened[0])
    else:
        task.cancel()
    await asyncio.wait({task}, timeout=_GRACE)
    if task.done() and not task.cancelled():
        task.exception()  # it is the connection that we cut


async def _run(settings: TargetSettings, session: Session, where: str, named: str, *, reserved: bool) -> None:
    began = time.perf_counter()
    ask = _read if session.reading else _change
    try:
        connection = await _connect(session, where)
        session.opened.append(connection)
        try:
            for statement in session.statements:
                session.begun = True
                answer = await ask(connection, statement, session, began)
                session.answers.append(replace(answer, reserved=reserved))
                began = time.perf_counter()
        finally:
            _hang_up(connection)
    except psycopg.Error as error:
        raise _translated(error, settings, session, named) from error


async def _connect(session: Session, where: str) -> psycopg.AsyncConnection:
    """Connect from here, or from the target; a server that wants TLS is reached by a port, for sockets have none."""
    parts = conninfo_to_dict(where)
    options: dict[str, Any] = {k: v for k, v in _not_ours().items() if k not in parts}
    options |= {"application_name": "ats-bot", "prepare_threshold": None, "autocommit": not session.reading}
    if session.line is None:
        return await psycopg.AsyncConnection.connect(where, **options)
    host, port = str(parts.get("host") or _SOCKETS), int(parts.get("port") or _PORT)
    tls = not host.startswith("/") and str(parts.get("sslmode", "")) in {"require", "verify-ca", "verify-full"}
    async with session.line.door(host, port, tcp=tls) as door:
        place = {"hostaddr": "127.0.0.1", "port": door.port} if tls else {"host": door.folder, "port": port}
        return await psycopg.AsyncConnection.connect(where, **{**options, "hostaddr": "", **place})


def _translated(error: psycopg.Error, settings: TargetSettings, session: Session, where: str) -> AtsError:
    said = redact(str(error), settings.known_secrets())
    told = trouble.from_postgres(said, error.sqlstate, where, session.deadline)
    lost = error.sqlstate is None or error.sqlstate[:2] in {"08", "57"}
    told.begun = session.begun and lost
    return told


async def _read(
    connection: psycopg.AsyncConnection, statement: str, session: Session, began: float
) -> SqlAnswer:
    """Stream the rows, so that a million of them are not received for a hundred."""
    await connection.set_read_only(True)
    await connection.execute(_timeout("SET LOCAL", session.deadline))
    cursor = connection.cursor()
    kept: list[tuple[object, ...]] = []
    stream = cursor.stream(statement.encode())
    async for row in stream:
        kept.append(row)
        if len(kept) > session.rows:
            _hang_up(connection)  # cheaper for both sides than to drain or cancel
            break
    with contextlib.suppress(psycopg.Error):
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator; psycopg says "iterator"
    columns = (
        tuple(c.name for c in cursor.description or ()) if kept else await _described(connection, statement)
    )
    cut = len(kept) > session.rows
    said = cursor.statusmessage or ""
    return SqlAnswer(columns, tuple(kept[: session.rows]), time.perf_counter() - began, cut, said)


async def _described(connection: psycopg.AsyncConnection, statement: str) -> tuple[str, ...]:
    """The columns' names of a statement that gave no rows, of which a stream tells nothing; it is not run again."""

    def ask() -> PQGen[list[psycopg.pq.abc.PGresult]]:
        connection.pgconn.send_prepare(b"", statement.encode())
        yield from execute(connection.pgconn)
        connection.pgconn.send_describe_prepared(b"")
        results: list[psycopg.pq.abc.PGresult] = yield from execute(connection.pgconn)
        return results

    try:
        answered = (await connection.wait(ask()))[-1]
    except psycopg.Error:
        return ()
    return tuple((answered.fname(i) or b"?").decode(errors="replace") for i in range(answered.nfields))


async def _change(
    connection: psycopg.AsyncConnection, statement: str, session: Session, began: float
) -> SqlAnswer:
    """Run one statement by itself, outside of a transaction: ALTER SYSTEM works in none."""
    if not session.answers:
        await connection.execute(_timeout("SET", session.deadline))
    cursor = await connection.execute(statement.encode())
    columns = tuple(c.name for c in cursor.description or ())
    kept = await cursor.fetchmany(session.rows + 1) if columns else []
    cut = len(kept) > session.rows
    said = cursor.statusmessage or ""
    return SqlAnswer(columns, tuple(kept[: session.rows]), time.perf_counter() - began, cut, said)


def _timeout(command: str, deadline: float) -> bytes:
    return f"{command} statement_timeout = {max(1, int(deadline * _MARGIN * 1000))}".encode()


def _hang_up(connection: psycopg.AsyncConnection) -> None:
    """Say goodbye and close, without waiting for anything."""
    connection.pgconn.finish()


def _cut(connection: psycopg.AsyncConnection) -> None:
    """End the conversation under a query that waits; it wakes up and closes the connection itself."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def place(url: str) -> str:
    """Where a database URL points, for people: never its user or password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigError(
            "not configured: the target's DATABASE_URL is not one. Correct it under [target]."
        ) from error
    host = str(parts.get("host") or "")
    return "the local socket" if not host or host.startswith("/") else f"{host}:{parts.get('port', 5432)}"
