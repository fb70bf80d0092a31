"""SQL to a PostgreSQL under care: one statement, in a read-only transaction, on a connection of its own."""

import asyncio
import contextlib
import os
import socket
import time

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bot.errors import AbsentError, ConfigError
from bot.targets import trouble
from bot.targets.answers import SqlAnswer
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings

_GRACE = 0.1  # seconds that an abandoned query gets to end; it needs a millisecond
_MARGIN = 0.9  # of the deadline: the server gives up a little before we do, and so says why


async def query(settings: TargetSettings, statement: str, *, deadline: float, rows: int) -> SqlAnswer:
    """Run one statement and return its first rows.

    A read-only transaction is not a sandbox (ALTER SYSTEM ignores it): whoever calls this has proved that the
    statement reads. Several statements in one text are refused by the protocol that is used.
    """
    if not settings.database_url:
        raise AbsentError("not configured: the target has no DATABASE_URL. Set it under [target].")
    opened: list[psycopg.AsyncConnection] = []
    where = place(settings.database_url)
    task = asyncio.create_task(_query(settings, statement, where, opened, deadline=deadline, rows=rows))
    try:
        done, _ = await asyncio.wait({task}, timeout=deadline)
        if done:
            return task.result()
        raise trouble.timed_out(deadline)
    finally:
        await _abandon(task, opened)


async def _abandon(task: asyncio.Task[SqlAnswer], opened: list[psycopg.AsyncConnection]) -> None:
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


async def _query(
    settings: TargetSettings,
    statement: str,
    where: str,
    opened: list[psycopg.AsyncConnection],
    *,
    deadline: float,
    rows: int,
) -> SqlAnswer:
    began = time.perf_counter()
    try:
        connection = await psycopg.AsyncConnection.connect(
            settings.database_url, application_name="ats-bot", prepare_threshold=None
        )
        opened.append(connection)
        try:
            return await _read(connection, statement, deadline=deadline, rows=rows, began=began)
        finally:
            _hang_up(connection)
    except psycopg.Error as error:
        said = redact(str(error), settings.known_secrets())
        raise trouble.from_postgres(said, error.sqlstate, where, deadline) from error


async def _read(
    connection: psycopg.AsyncConnection, statement: str, *, deadline: float, rows: int, began: float
) -> SqlAnswer:
    """Stream the rows, so that a million of them are not received for a hundred."""
    await connection.set_read_only(True)
    milliseconds = int(deadline * _MARGIN * 1000)
    await connection.execute(f"SET LOCAL statement_timeout = {milliseconds}".encode())
    cursor = connection.cursor()
    kept: list[tuple[object, ...]] = []
    stream = cursor.stream(statement.encode())
    async for row in stream:
        kept.append(row)
        if len(kept) > rows:
            _hang_up(connection)  # cheaper for both sides than to drain or cancel
            break
    with contextlib.suppress(psycopg.Error):
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator; psycopg says "iterator"
    columns = tuple(c.name for c in cursor.description or ())
    return SqlAnswer(columns, tuple(kept[:rows]), time.perf_counter() - began, len(kept) > rows)


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
