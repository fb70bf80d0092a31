import asyncio
import contextlib
import os
import signal

import psycopg
import pytest

from bot.errors import ConfigError, RejectedError, ServerError, UnauthorizedError, UnreachableError
from bot.store import embedded
from tests.integration.probes.conftest import Serve, TargetOf, only, silent, until


@pytest.fixture
def url(postgres: embedded.EmbeddedPostgres) -> str:
    """A table to read or destroy, and an ordinary user."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS trades")
        connection.execute("CREATE TABLE trades AS SELECT n, 'x' || n AS name FROM generate_series(1, 1000) n")
        with contextlib.suppress(psycopg.errors.DuplicateObject):
            connection.execute("CREATE ROLE trader LOGIN")
    return postgres.url


async def test_rows_and_columns(target: TargetOf, url: str) -> None:
    """A query gives its columns and at most as many rows as asked for."""
    answer = await target(database_url=url).sql("SELECT n, name FROM trades ORDER BY n LIMIT 3")
    assert (answer.columns, answer.rows) == (("n", "name"), ((1, "x1"), (2, "x2"), (3, "x3")))
    assert not answer.truncated
    cut = await target(database_url=url).sql("SELECT n FROM trades", rows=10)
    assert (len(cut.rows), cut.truncated) == (10, True)


async def test_columns_without_rows(target: TargetOf, url: str) -> None:
    """A query without rows has its columns all the same."""
    reached = target(database_url=url)
    answer = await reached.sql('SELECT n, name AS "näme" FROM trades WHERE n < 0')
    assert (answer.columns, answer.rows) == (("n", "näme"), ())


async def test_an_endless_result_is_not_received(target: TargetOf, url: str) -> None:
    """A hundred rows of a result without end come at once, and the server is not left computing."""
    reached = target(database_url=url)
    answer = await reached.sql("SELECT generate_series(1, 2000000000), repeat('y', 1000)", deadline=30)
    assert (len(answer.rows), answer.truncated) == (100, True)
    running = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%repeat%' AND state = 'active' "

    async def ended() -> bool:
        return not (await reached.sql(running + "AND pid <> pg_backend_pid()")).rows

    await until(ended)


async def test_per_cent_signs_are_text(target: TargetOf, url: str) -> None:
    """LIKE '%…' and %s in a runbook's query are not taken for parameters."""
    answer = await target(database_url=url).sql(
        "SELECT count(*) FROM trades WHERE name LIKE '%99%' OR name = '%s'"
    )
    assert answer.rows[0] == (19,)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM trades",
        "COMMIT; DELETE FROM trades",
        "SELECT 1; COMMIT; DROP TABLE trades",
        "CREATE TABLE other (n int)",
        "WITH gone AS (DELETE FROM trades RETURNING n) SELECT * FROM gone",
        "SET TRANSACTION READ WRITE; DELETE FROM trades",
    ],
)
async def test_nothing_is_written(target: TargetOf, url: str, statement: str) -> None:
    """Writing statements, and several statements in one text, are refused by PostgreSQL itself."""
    with pytest.raises(RejectedError):
        await target(database_url=url).sql(statement)
    assert (await target(database_url=url).sql("SELECT count(*) FROM trades")).rows == ((1000,),)


async def test_a_slow_statement(target: TargetOf, url: str) -> None:
    """The server cancels what takes too long, and the words say how long that was."""
    with pytest.raises(UnreachableError, match=r"^timed out after 0\.5 s$"):
        await target(database_url=url).sql("SELECT pg_sleep(60)", deadline=0.5)


async def test_a_frozen_backend(target: TargetOf, url: str) -> None:
    """A server process that does not even react to cancelling costs no more than the deadline."""
    loop = asyncio.get_running_loop()
    reached = target(database_url=url)
    began = loop.time()
    task = asyncio.create_task(reached.sql("SELECT pg_sleep(60), 'frozen'", deadline=3))
    find = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%frozen%' AND pid <> pg_backend_pid()"

    async def begun() -> bool:
        return bool((await reached.sql(find)).rows)

    await until(begun)
    pid = int(str((await reached.sql(find)).rows[0][0]))
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(UnreachableError, match=r"^timed out after 3 s$"):
            await task
        assert loop.time() - began < 3 + 5, "psycopg's own cancelling takes 5 s"
        await only()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)


async def test_cancelling_a_query_is_at_once(target: TargetOf, url: str) -> None:
    """A caller that gives up does not wait for the server, and leaves no task behind."""
    task = asyncio.create_task(target(database_url=url).sql("SELECT pg_sleep(60)", deadline=60))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await only()


async def test_a_silent_server(target: TargetOf, serve: Serve) -> None:
    """Something that listens and never speaks is timed out while connecting."""
    port = await serve(silent)
    with pytest.raises(UnreachableError, match=r"^timed out after 0\.3 s$"):
        await target(database_url=f"postgresql://u:geheim@127.0.0.1:{port}/x").sql("SELECT 1", deadline=0.3)


async def test_refusals(target: TargetOf, url: str, closed_port: int) -> None:
    """Refused, unknown name, unknown database, missing right, wrong SQL: each in its class and words."""
    at = f"postgresql://u:geheim@127.0.0.1:{closed_port}/x"
    with pytest.raises(UnreachableError, match=rf"^refused: nothing listens on 127.0.0.1:{closed_port}$"):
        await target(database_url=at).sql("SELECT 1")
    with pytest.raises(UnreachableError, match=r"^DNS: the name no\.such\.host\.invalid is not known$"):
        await target(database_url="postgresql://no.such.host.invalid/x").sql("SELECT 1")
    with pytest.raises(RejectedError, match=r'^refused by PostgreSQL: database "nope" does not exist$'):
        await target(database_url=url.replace("/ats?", "/nope?")).sql("SELECT 1")
    with pytest.raises(UnauthorizedError, match=r"^no permission: permission denied for table trades"):
        await target(database_url=url.replace("postgres@", "trader@")).sql("SELECT * FROM trades")
    with pytest.raises(RejectedError, match=r"^refused by PostgreSQL: syntax error"):
        await target(database_url=url).sql("SELEC 1")
    with pytest.raises(ConfigError, match=r"^not configured"):
        await target().sql("SELECT 1")


async def test_exhausted_connections(target: TargetOf, url: str) -> None:
    """When an ordinary user gets no connection any more, that is told apart from a server that is down."""
    with contextlib.ExitStack() as stack:
        ordinary = url.replace("postgres@", "trader@")
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(contextlib.closing(psycopg.connect(ordinary)))
        with pytest.raises(ServerError, match=r"^connections exhausted: the local socket has none left"):
            await target(database_url=ordinary).sql("SELECT 1")
