"""The bot with a trading platform that has a database of its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from bot.store import embedded
from sandbox.platform.database import seed_database
from tests.rig import Rig
from tests.system.remediation.own import install, write

# The embedded server comes without the extension's library; these have its columns and its way of being reset.
STATEMENTS = """
CREATE TABLE IF NOT EXISTS kept_statements (
    query text, calls bigint, mean_exec_time float8, total_exec_time float8, rows bigint
);
CREATE TABLE IF NOT EXISTS kept_reset (at timestamptz);
CREATE OR REPLACE VIEW pg_stat_statements AS SELECT * FROM kept_statements;
CREATE OR REPLACE VIEW pg_stat_statements_info AS SELECT coalesce(max(at), '2020-01-01') AS stats_reset FROM kept_reset;
CREATE OR REPLACE FUNCTION pg_stat_statements_reset() RETURNS void LANGUAGE sql AS $$
    INSERT INTO kept_reset VALUES (clock_timestamp()); DELETE FROM kept_statements; $$;
"""


def _prepare(url: str) -> None:
    asyncio.run(seed_database(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(STATEMENTS)
        connection.execute("TRUNCATE kept_statements, kept_reset")
        connection.execute("INSERT INTO kept_statements VALUES ('SELECT the_slow_one', 3, 4711.5, 14134.5, 3)")


def _reset(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
async def trading_url(postgres: embedded.EmbeddedPostgres) -> AsyncIterator[str]:
    """The trading platform's database; what a test has changed of the server is taken back."""
    url = await asyncio.to_thread(embedded.create_database, postgres, "remediation_trading")
    await asyncio.to_thread(_prepare, url)
    yield url
    await asyncio.to_thread(_reset, url)


@pytest.fixture
async def trading(database_url: str, trading_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """The bot, and a platform whose every part can be changed."""
    async with Rig.running(database_url, tmp_path, ATS_TARGET__DATABASE_URL=trading_url) as rig:
        yield rig


@pytest.fixture
async def own(database_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """The bot with steps of our own: see own.py."""
    async with Rig.running(database_url, tmp_path, ATS_RUNBOOK=str(write(tmp_path))) as rig:
        install(rig)
        yield rig
