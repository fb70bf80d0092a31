import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.store import embedded
from sandbox.clock import SandboxClock
from sandbox.platform import Platform, troubles
from sandbox.platform.database import seed_database
from sandbox.platform.sessions import NAME, SESSIONS

HELD = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name = %s"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """An empty PostgreSQL of this module's own."""
    folder = Path(tempfile.mkdtemp(prefix="ats-pg-"))
    folder.chmod(0o711)
    server = embedded.start(folder, durable=False, timeout=60)
    yield server.url
    embedded.stop(folder, mode="immediate")
    cluster = folder / "cluster"
    if cluster.is_symlink():
        shutil.rmtree(cluster.readlink().parent)
    shutil.rmtree(folder)


@pytest.fixture
async def platform(clock: SandboxClock, database_url: str) -> AsyncIterator[Platform]:
    """A platform that holds real sessions on that database."""
    await seed_database(database_url)
    platform = Platform(clock=clock, database_url=database_url)
    await platform.start()
    yield platform
    await platform.close()


async def ask(url: str, statement: str, *values: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return await (await connection.execute(statement.encode(), values or None)).fetchall()


async def held(url: str) -> int:
    return int((await ask(url, HELD, NAME))[0][0])


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what PostgreSQL will notice soon."""
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 (another process: there is no event to wait for)
            await asyncio.sleep(0.01)


async def nobody_holds(url: str) -> None:
    async def none_left() -> bool:
        return await held(url) == 0

    await until(none_left)


async def test_seeding_twice_changes_nothing(database_url: str) -> None:
    """The demo seeds at each start; rows are neither doubled nor lost."""
    await asyncio.gather(seed_database(database_url), seed_database(database_url))
    trades = "SELECT count(*), min(executed_at) FROM trades"
    before = await ask(database_url, trades)
    await seed_database(database_url)
    assert await ask(database_url, trades) == before
    assert before[0][0] == 400
    versions = await ask(database_url, "SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 5")
    assert len(versions) == 5
    assert await ask(database_url, "SELECT count(*) FROM positions") == [(3,)]


async def test_an_exhausted_pool_is_seen_in_the_database(platform: Platform, database_url: str) -> None:
    """The diagnosis finds sessions idle in transaction, from the moment the scenario is raised."""
    assert await held(database_url) == 0
    troubles.exhaust_pool(platform.state)
    await platform.settled()
    assert await held(database_url) == SESSIONS
    troubles.free_pool(platform.state)
    await platform.settled()
    await nobody_holds(database_url)


async def test_terminating_the_sessions_frees_the_pool(platform: Platform, database_url: str) -> None:
    """The runbook's step helps: when the last of them has been terminated the API works again."""
    troubles.exhaust_pool(platform.state)
    await platform.settled()
    before = platform.state.pool_exhausted
    ended = await ask(database_url, TERMINATE)
    assert ended == [(True,)] * SESSIONS

    async def freed() -> bool:
        return not platform.state.pool_exhausted

    await until(freed)
    assert before
    assert await held(database_url) == 0


async def test_closing_leaves_no_session(clock: SandboxClock, database_url: str) -> None:
    """The sandbox's end does not leave locks behind."""
    await seed_database(database_url)
    platform = Platform(clock=clock, database_url=database_url)
    await platform.start()
    troubles.exhaust_pool(platform.state)
    await platform.settled()
    await platform.close()
    await nobody_holds(database_url)


async def test_a_database_that_is_away_does_not_stop_the_scenario(clock: SandboxClock, tmp_path: Path) -> None:
    """Without the database the pool is exhausted all the same, and nothing fails."""
    platform = Platform(clock=clock, database_url=f"postgresql:///nothing?host={tmp_path}")
    await platform.start()
    troubles.exhaust_pool(platform.state)
    await platform.settled()
    assert platform.state.pool_exhausted
    await platform.close()
