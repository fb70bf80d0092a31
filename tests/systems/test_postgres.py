"""Health and hazards of a real PostgreSQL (S14; hazards 17 to 24)."""

import psycopg
import pytest

from bot.domain.health import Status
from bot.errors import RejectedError, ServerError
from bot.targets import trouble
from tests.systems.conftest import TargetOf
from tests.systems.daemon import free_port, until
from tests.systems.health import line
from tests.systems.servers.postgres import APP_PASSWORD, MOST, RESERVED, Postgres

_PENDING = "select name, setting, pending_restart from pg_settings where name = 'max_connections'"


async def test_a_quiet_server_is_ok(trading: Postgres, target: TargetOf) -> None:
    """Connections used of those that there are, against the runbook's table."""
    found = await line(target(database_url=trading.url()), "database")
    assert found.status is Status.OK, found
    assert f"of {MOST - RESERVED}" in found.value
    assert found.normal == "< 80 % of max"


async def test_background_workers_are_not_counted_as_connections(trading: Postgres, target: TargetOf) -> None:
    """Hazard 21: `count(*)` of pg_stat_activity counts the server's own workers; the probe counts clients."""
    with trading.owner() as owner:
        rows = owner.execute("select count(*), count(*) filter (where datid is not null) from pg_stat_activity")
        everything, clients = rows.fetchone() or (0, 0)
        assert everything > clients
        found = await line(target(database_url=trading.url()), "database")
    assert f"({clients + 1} of {MOST - RESERVED}," in found.value, found


async def test_many_connections_are_a_warning_before_they_are_an_outage(
    trading: Postgres, target: TargetOf
) -> None:
    """At 90 % of the limit, the reserved ones included, the line is no longer ok."""
    held = [psycopg.connect(trading.url()) for _ in range(MOST - 4)]
    owners = [psycopg.connect(trading.owner_url) for _ in range(2)]
    try:
        found = await line(target(database_url=trading.url()), "database")
    finally:
        for connection in (*held, *owners):
            connection.close()
    assert found.status is not Status.OK, found


async def test_an_exhausted_pool_is_told_from_a_server_that_is_down(
    trading: Postgres, target: TargetOf
) -> None:
    """Hazard 18: the pool is really full, the server refuses without a sqlstate, and the line says what it is."""
    with trading.exhausted():
        found = await line(target(database_url=trading.url()), "database")
        with pytest.raises(ServerError, match=trouble.EXHAUSTED):
            await target(database_url=trading.url()).sql("select 1")
    assert found.status is Status.CRITICAL, found
    again = await line(target(database_url=trading.url()), "database")
    assert again.status is Status.OK, again


async def test_a_young_idle_transaction_is_no_alarm(trading: Postgres, target: TargetOf) -> None:
    """A session that has just begun its transaction is at work."""
    with psycopg.connect(trading.url()) as held:
        held.execute("select 1")
        found = await line(target(database_url=trading.url()), "database")
    assert "idle for" not in found.value, found


async def test_a_wrong_password_says_so_and_is_not_shown(trading: Postgres, target: TargetOf) -> None:
    """`no permission`, and neither the right password nor the wrong one in any text."""
    found = await line(target(database_url=trading.url(password="not-the-password")), "database")
    assert found.status is Status.CRITICAL
    assert found.value.startswith("no permission"), found
    assert "not-the-password" not in repr(found)
    assert APP_PASSWORD not in repr(found)


async def test_a_server_that_is_not_there_is_refused(target: TargetOf) -> None:
    """Nothing listens: refused, with the address, and no password."""
    port = free_port()
    found = await line(target(database_url=f"postgresql://ats:geheim@127.0.0.1:{port}/trading"), "database")
    assert found.value == f"refused: nothing listens on 127.0.0.1:{port}"
    assert "geheim" not in repr(found)


async def test_a_database_that_is_not_there_is_named(trading: Postgres, target: TargetOf) -> None:
    """The server's own word for a database that does not exist."""
    found = await line(target(database_url=trading.url(database="gone")), "database")
    assert 'database "gone" does not exist' in found.value, found


async def test_a_server_that_hangs_costs_its_deadline_only(trading: Postgres, target: TargetOf) -> None:
    """The postmaster stops: connections are accepted by the kernel, and nobody answers."""
    trading.daemon.pause()
    try:
        found = await line(target(database_url=trading.url()), "database", deadline=2)
    finally:
        trading.daemon.go_on()
    assert found.value == "timed out after 2 s", found


async def test_a_query_that_waits_for_a_lock_is_ended_on_the_server_too(
    trading: Postgres, target: TargetOf
) -> None:
    """After the deadline the statement is gone from the server as well."""
    with psycopg.connect(trading.url()) as holder, trading.owner() as owner:
        holder.execute("lock table orders in access exclusive mode")
        owner.execute("grant select on orders to ats")
        with pytest.raises(Exception, match="timed out"):
            await target(database_url=trading.url()).sql("select * from orders", deadline=1)
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        until(lambda: owner.execute(waiting).fetchone() == (0,), "the statement has ended on the server")


async def test_max_connections_is_only_pending_until_a_restart(trading: Postgres, target: TargetOf) -> None:
    """Hazard 17: after ALTER SYSTEM and a reload the value is the old one, and pending_restart says so."""
    with trading.owner() as owner:
        owner.execute("alter system set max_connections = 200")
        owner.execute("select pg_reload_conf()")
        answer = await target(database_url=trading.url()).sql(_PENDING)
        for _ in range(200):  # the reload is a signal
            if answer.rows[0][2]:
                break
            answer = await target(database_url=trading.url()).sql(_PENDING)
    assert answer.rows == (("max_connections", str(MOST), True),)


async def test_the_reading_path_cannot_change_the_servers_settings(trading: Postgres, target: TargetOf) -> None:
    """Hazard 22: even with a superuser's URL, ALTER SYSTEM does not get through where a read is expected."""
    with pytest.raises(RejectedError, match="transaction block"):
        await target(database_url=trading.owner_url).sql("alter system set log_min_duration_statement = 1000")
    with trading.owner() as owner:
        assert owner.execute("show log_min_duration_statement").fetchone() == ("-1",)


def test_a_read_only_transaction_is_no_protection(trading: Postgres) -> None:
    """Hazard 22, shown: with rights, ALTER SYSTEM succeeds in a read-only session."""
    with psycopg.connect(trading.owner_url, autocommit=True) as owner:
        owner.execute("set default_transaction_read_only = on")
        owner.execute("alter system set log_min_duration_statement = 1000")
        owner.execute("select pg_reload_conf()")
        row = owner.execute("select count(*) from pg_file_settings where name = 'log_min_duration_statement'")
        assert row.fetchone() == (1,)


async def test_a_write_is_refused_in_the_reading_path(trading: Postgres, target: TargetOf) -> None:
    """What a probe or reading step sends can change no row."""
    with pytest.raises(RejectedError, match="read-only transaction"):
        await target(database_url=trading.url()).sql("insert into orders (symbol) values ('BTC')")


async def test_two_statements_in_one_text_are_refused(trading: Postgres, target: TargetOf) -> None:
    """A second statement behind a semicolon never reaches the server's executor."""
    with pytest.raises(RejectedError, match="multiple commands"):
        await target(database_url=trading.url()).sql("select 1; commit")


async def test_the_slowest_statements_are_read_from_the_extension(trading: Postgres, target: TargetOf) -> None:
    """pg_stat_statements, as the runbook asks for it, has what ran."""
    with psycopg.connect(trading.url()) as app:
        app.execute("select pg_sleep(0.01), 'spot' from orders right join (values (1)) one (n) on true")
    answer = await target(database_url=trading.url()).sql(
        "SELECT query, mean_exec_time, calls FROM pg_stat_statements ORDER BY mean_exec_time DESC LIMIT 10;"
    )
    assert answer.columns == ("query", "mean_exec_time", "calls")
    assert any("pg_sleep" in str(row[0]) for row in answer.rows)


async def test_without_the_extension_the_word_is_what_is_missing(trading: Postgres, target: TargetOf) -> None:
    """Hazard 24: a database without pg_stat_statements refuses in words, with its code."""
    with pytest.raises(RejectedError, match='"pg_stat_statements" does not exist') as refused:
        await target(database_url=trading.url(database="other")).sql("select * from pg_stat_statements")
    assert refused.value.code == "42P01"
