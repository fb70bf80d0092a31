"""Shared fixtures: one real PostgreSQL for the session, one clean database for each test."""

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
import structlog

from bot.store import embedded
from bot.store.migrate import migrate
from bot.store.session import Store
from tests.rig import Rig

for _name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
    os.environ.pop(_name, None)

# With every local variable, as is the default, a traceback takes seconds in which no bot of the test answers.
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# No test depends on speed: neither an example nor the making of examples is timed.
hypothesis.settings.register_profile(
    "ats", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("ats")


def pytest_collection_finish() -> None:
    """What is imported and collected lives to the end: to look through it again and again took a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


_EVERY_TABLE = """
select format('delete from %I', tablename) from pg_tables
where schemaname = 'public' and tablename not in ('alembic_version', 'clock')
"""


def clean(connection: psycopg.Connection) -> None:
    """Empty every table; the timeline's own trigger would refuse, as it should."""
    connection.execute("set session_replication_role = replica")
    for (statement,) in connection.execute(_EVERY_TABLE).fetchall():
        connection.execute(statement)
    connection.execute("update clock set offset_seconds = 0")


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.EmbeddedPostgres]:
    """The embedded server, without fsync, in a directory of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ats-test-"))
    server = embedded.start(folder / "pg", durable=False)
    yield server
    embedded.stop(folder / "pg", mode="immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _database(postgres: embedded.EmbeddedPostgres) -> str:
    migrate(postgres.url)
    return postgres.url


@pytest.fixture
def database_url(_database: str) -> str:
    """A migrated, empty database."""
    with psycopg.connect(_database, autocommit=True) as connection:
        clean(connection)
    return _database


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """The bot's store, its job queue open."""
    store = Store(database_url)
    await store.jobs.open_async()
    yield store
    await store.jobs.close_async()
    await store.close()


@pytest.fixture
async def rig(database_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """The bot over Socket Mode, the local Slack and the local PagerDuty, all really running."""
    async with Rig.running(database_url, tmp_path) as rig:
        yield rig


@pytest.fixture
async def http_rig(database_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """The same with Slack in HTTP mode."""
    async with Rig.running(database_url, tmp_path, http_mode=True) as rig:
        yield rig
