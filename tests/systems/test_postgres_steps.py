"""The runbook's SQL on a real PostgreSQL (S14, S26; hazards 17 to 25)."""

import psycopg
import pytest

from bot.targets import Target
from bot.targets.steps import Outcome
from tests.systems.conftest import TargetOf
from tests.systems.daemon import until
from tests.systems.health import line
from tests.systems.servers.postgres import MOST, OWNER_PASSWORD, Postgres
from tests.systems.steps import guard, output, run, verified


@pytest.fixture
def app(trading: Postgres, target: TargetOf) -> Target:
    """As the application's role."""
    return target(database_url=trading.url(), reserved_database_url=trading.owner_url)


@pytest.fixture
def owner(trading: Postgres, target: TargetOf) -> Target:
    """As a role that may change the server."""
    return target(database_url=trading.owner_url)


def alive(trading: Postgres, name: str) -> bool:
    with trading.owner() as connection:
        query = "select count(*) from pg_stat_activity where application_name = %s"
        return connection.execute(query, [name]).fetchone() == (1,)


async def test_the_connections_are_counted_by_state(trading: Postgres, app: Target) -> None:
    """The step's table has the states, without the server's own workers (hazard 21)."""
    with psycopg.connect(trading.url()) as held:
        held.execute("select 1")
        result = await run(app, "postgres.connections-by-state")
    assert result.ok, result
    assert ("idle in transaction", "1") in result.parts[0].rows
    assert all(state for state, _count in result.parts[0].rows)


async def test_a_full_pool_is_diagnosed_on_the_reserved_connection(trading: Postgres, app: Target) -> None:
    """Hazard 18: while the application is refused, the same steps answer on the superuser's share, and say so."""
    with trading.exhausted() as held:
        result = await run(app, "postgres.connections-by-state")
        assert result.ok, result
        assert ("idle in transaction", str(len(held))) not in result.parts[0].rows
        assert ("idle", str(len(held))) in result.parts[0].rows
        assert "reserved connection" in output(result) + result.parts[0].command
        assert OWNER_PASSWORD not in repr(result)


async def test_a_full_pool_without_a_reserved_connection_says_what_to_set(
    trading: Postgres, target: TargetOf
) -> None:
    """Hazard 18: the failure names the setting that would have let us in."""
    with trading.exhausted():
        result = await run(target(database_url=trading.url()), "postgres.connections")
    assert result.outcome is Outcome.FAILED
    assert "connections exhausted" in output(result)
    assert "reserved_database_url" in output(result)


async def test_only_forgotten_transactions_of_this_database_are_ended(trading: Postgres, owner: Target) -> None:
    """Hazard 20: idle in a transaction over five minutes, here, and no backup; whoever else there is stays."""

    def session(name: str, *, database: str = "trading", busy: str = "select 1") -> psycopg.Connection:
        opened = psycopg.connect(trading.url(database=database), application_name=name)
        opened.execute(busy)
        return opened

    old = [
        session("forgotten"),
        session("pg_dump"),
        session("elsewhere", database="other"),
    ]
    trading.later(minutes=6)
    young = session("working")
    idle = psycopg.connect(trading.url(), application_name="pooled")
    listed = await run(owner, "postgres.idle-in-transaction")
    names = [row[2] for row in listed.parts[0].rows]
    assert "forgotten" in names
    assert "working" not in names
    assert (await guard(owner, "postgres.terminate-idle")).holds
    result = await run(owner, "postgres.terminate-idle")
    assert result.ok, result
    until(lambda: not alive(trading, "forgotten"), "the forgotten transaction has ended")
    for name in ("pg_dump", "elsewhere", "working", "pooled"):
        assert alive(trading, name), f"{name} was ended"
    assert len(result.parts[0].rows) == 1
    assert (await verified(owner, "postgres.terminate-idle")).holds
    for connection in (*old, young, idle):
        connection.close()


async def test_with_nothing_to_end_the_guard_holds_back(trading: Postgres, owner: Target) -> None:
    """A transaction that is younger than five minutes is no reason to end anything."""
    with psycopg.connect(trading.url()) as held:
        held.execute("select 1")
        assert not (await guard(owner, "postgres.terminate-idle")).holds


async def test_an_old_idle_transaction_is_a_warning_in_the_health_report(
    trading: Postgres, target: TargetOf
) -> None:
    """Ten minutes idle in a transaction stand out, though the pool is nearly empty."""
    with psycopg.connect(trading.url()) as held:
        held.execute("select 1")
        trading.later(minutes=10)
        found = await line(target(database_url=trading.url()), "database")
    assert found.status.value == "warning", found
    assert "10 min" in found.value


async def test_a_raised_limit_is_pending_until_the_server_restarts(trading: Postgres, owner: Target) -> None:
    """Hazard 17: the step succeeds and is verified in the file, and then read as pending."""
    assert (await guard(owner, "postgres.max-connections")).holds
    assert (await run(owner, "postgres.max-connections")).ok
    assert (await verified(owner, "postgres.max-connections")).holds
    assert (await run(owner, "postgres.reload-conf")).ok
    pending = await run(owner, "postgres.pending-restart")
    until(lambda: _pending(trading), "the reload was noticed")
    pending = await run(owner, "postgres.pending-restart")
    assert [row[:2] for row in pending.parts[0].rows] == [("max_connections", str(MOST))]
    assert pending.parts[0].rows[0][2] in {"t", "true", "True"}
    trading.clean()


def _pending(trading: Postgres) -> bool:
    with trading.owner() as connection:
        query = "select pending_restart from pg_settings where name = 'max_connections'"
        return connection.execute(query).fetchone() == (True,)


async def test_the_applications_role_may_not_change_the_server(trading: Postgres, target: TargetOf) -> None:
    """Hazard 19: refused for lack of rights, in words, and nothing has changed."""
    result = await run(target(database_url=trading.url()), "postgres.max-connections")
    assert result.outcome is Outcome.FAILED
    assert "no permission" in output(result)
    assert not _changed(trading)


async def test_what_the_application_may_not_do_the_operations_role_does_and_says_so(
    trading: Postgres, app: Target
) -> None:
    """Hazard 19: with a role for operations configured, ALTER SYSTEM goes through it, visibly."""
    result = await run(app, "postgres.max-connections")
    assert result.ok, result
    assert "reserved connection" in output(result) + result.parts[0].command
    assert _changed(trading)
    assert OWNER_PASSWORD not in repr(result)


def _changed(trading: Postgres) -> bool:
    with trading.owner() as connection:
        query = (
            "select count(*) from pg_file_settings where name = 'max_connections' and sourcefile like '%auto%'"
        )
        return connection.execute(query).fetchone() == (1,)


async def test_the_logging_of_slow_statements_goes_on_and_off_again(trading: Postgres, owner: Target) -> None:
    """Hazard 25: the temporary setting has its way back; both reach the running server."""
    assert (await run(owner, "postgres.log-slow")).ok
    until(lambda: _setting(trading, "log_min_duration_statement") == "1s", "it is on")
    assert (await run(owner, "postgres.log-slow-off")).ok
    until(lambda: _setting(trading, "log_min_duration_statement") == "-1", "it is off")


def _setting(trading: Postgres, name: str) -> str:
    with trading.owner() as connection:
        return str((connection.execute(f"show {name}".encode()).fetchone() or ("",))[0])


async def test_the_statistics_are_there_before_the_reset_and_gone_after(
    trading: Postgres, owner: Target
) -> None:
    """Hazard 25: what is destroyed can be read first, by the step that the runbook names for it."""
    with psycopg.connect(trading.url()) as connection:
        connection.execute("select pg_sleep(0.01) as evidence")
    before = await run(owner, "postgres.slow-queries")
    assert any("pg_sleep" in row[0] for row in before.parts[0].rows), before
    assert (await run(owner, "postgres.statistics-reset")).ok
    after = await run(owner, "postgres.slow-queries")
    assert not any("pg_sleep" in row[0] for row in after.parts[0].rows), after


async def test_the_newest_migrations_come_first(app: Target) -> None:
    """S26: the last five of schema_migrations, as a table."""
    result = await run(app, "postgres.migrations")
    assert result.parts[0].columns == ("version",)
    assert [row[0] for row in result.parts[0].rows] == [f"2026110{n}" for n in (7, 6, 5, 4, 3)]


async def test_no_table_of_migrations_is_said(trading: Postgres, target: TargetOf) -> None:
    """A database without the table: failed, with PostgreSQL's own word for it."""
    result = await run(target(database_url=trading.url(database="other")), "postgres.migrations")
    assert result.outcome is Outcome.FAILED
    assert '"schema_migrations" does not exist' in output(result)


async def test_without_timescale_the_steps_say_so(app: Target) -> None:
    """Hazard 23, S15: a plain PostgreSQL has no hypertables; the failure names what is missing."""
    result = await run(app, "timescale.hypertables")
    assert result.outcome is Outcome.FAILED
    assert "timescaledb_information" in output(result)
