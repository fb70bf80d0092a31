"""A full PostgreSQL, and roles that may not: what a reserved connection is for."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import psycopg
import pytest

from bot.errors import ServerError, UnauthorizedError
from bot.store import embedded
from bot.targets import Target, TargetSettings
from bot.targets.sql import Session
from bot.targets.steps import Outcome, run_step
from tests.integration.probes.conftest import TargetOf
from tests.unit.runbook.support import steps_of

COUNT = "SELECT count(*) > 5 AS many FROM pg_stat_activity"


@pytest.fixture
def ordinary(postgres: embedded.EmbeddedPostgres) -> str:
    """The URL of a role without any rights."""
    with psycopg.connect(postgres.url, autocommit=True) as connection, contextlib.suppress(psycopg.Error):
        connection.execute("CREATE ROLE trader LOGIN")
    return postgres.url.replace("postgres@", "trader@")


@pytest.fixture
def full(ordinary: str) -> Iterator[None]:
    """Every connection that an ordinary role can have is taken."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(contextlib.closing(psycopg.connect(ordinary)))
        yield


@pytest.fixture
async def reached(postgres: embedded.EmbeddedPostgres, ordinary: str) -> AsyncIterator[Target]:
    """A target with a reserved connection."""
    target = Target(TargetSettings(database_url=ordinary, reserved_database_url=postgres.url))
    yield target
    await target.close()


async def test_a_full_server_is_read_on_the_reserved_connection(reached: Target, full: None) -> None:
    """HAZARDS 18: the diagnosis of an exhausted pool gets in, and says how."""
    (step,) = steps_of(f'psql "$DATABASE_URL" -c "{COUNT}"')
    result = await run_step(reached, step, deadline=30)
    assert result.ok, result
    assert (result.parts[0].rows, result.parts[0].output) == (
        (("true",),),
        "1 row (on the reserved connection)",
    )


async def test_sessions_are_ended_on_a_full_server(reached: Target, full: None) -> None:
    """A change is made on the reserved connection too, when the ordinary one was refused before anything happened."""
    (step,) = steps_of(
        'psql "$DATABASE_URL" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity '
        "WHERE usename = 'trader' LIMIT 1\""
    )
    result = await run_step(reached, step, deadline=30)
    assert result.ok, result
    assert result.parts[0].rows == (("true",),)


async def test_no_connection_is_held(reached: Target, ordinary: str) -> None:
    """Between two statements no connection of ours is open."""
    await reached.sql(COUNT)
    await reached.sql(COUNT)
    found = await reached.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ats-bot' AND pid <> pg_backend_pid() "
        "AND state <> 'active'"
    )
    assert int(str(found.rows[0][0])) <= 1, "at most the one that is just being closed"


async def test_without_one_it_is_said_what_to_configure(target: TargetOf, ordinary: str, full: None) -> None:
    """A full server without a reserved connection is told with the setting that is missing."""
    with pytest.raises(
        ServerError, match=r"^connections exhausted: .*\. Set reserved_database_url under \[target\]"
    ):
        await target(database_url=ordinary).sql(COUNT, deadline=30)


async def test_what_only_operations_may_do(reached: Target, ordinary: str, target: TargetOf) -> None:
    """HAZARDS 19: ALTER SYSTEM goes to the reserved role when the application's lacks the right; a read never."""
    alter = 'psql "$DATABASE_URL" -c "ALTER SYSTEM SET log_min_duration_statement = 1000"'
    (step,) = steps_of(alter)
    result = await run_step(reached, step, deadline=30)
    assert (result.outcome, result.parts[0].output) == (Outcome.OK, "ALTER SYSTEM (on the reserved connection)")
    alone = await run_step(target(database_url=ordinary), step, deadline=30)
    assert alone.parts[0].error.startswith("no permission: ")
    with pytest.raises(UnauthorizedError, match=r"^no permission: permission denied"):
        await reached.sql("SELECT * FROM pg_authid", deadline=30)


async def test_another_database_is_not_reached_by_it(reached: Target, full: None) -> None:
    """A step that names another server or database never lands on the reserved connection of this one."""
    elsewhere = replace(
        reached.settings, database_url=reached.settings.database_url.replace("/ats?", "/postgres?")
    )
    target = Target(elsewhere)
    session = Session(
        (COUNT,), reading=True, rows=1, deadline=30, connection={"dsn": reached.settings.database_url}
    )
    with pytest.raises(ServerError, match=r"^connections exhausted"):
        await target.session(session)
    await target.close()
