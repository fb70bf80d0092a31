"""Real sessions that sit idle in transaction on the platform's database while its pool is exhausted."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg

# Enough to be seen, and far from what would exhaust a server that the bot itself may share in a demo.
SESSIONS = 6
NAME = "signal-worker"


class HeldSessions:
    """Opens the sessions when the pool is exhausted, and notices when somebody terminates them.

    Args:
        url: the trading platform's database.
        freed: called when the last session was terminated from outside.
    """

    def __init__(self, url: str, freed: Callable[[], None]) -> None:
        self._url = url
        self._freed = freed
        self._held: list[psycopg.AsyncConnection] = []
        self._wanted = False
        self._busy = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def want(self, exhausted: bool) -> None:
        """Follow the state of the pool; `settled` tells when that has been done."""
        self._wanted = exhausted
        task = asyncio.get_running_loop().create_task(self._follow())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Return when every change asked for has been carried out."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        self._wanted = False
        await self._follow()

    async def _follow(self) -> None:
        async with self._busy:
            if not self._wanted:
                await self._release()
            # A database that is away is trouble enough: nobody has to pretend that its pool is full.
            with suppress(psycopg.OperationalError):
                while self._wanted and len(self._held) < SESSIONS:
                    self._held.append(await self._open())

    async def _open(self) -> psycopg.AsyncConnection:
        session = await psycopg.AsyncConnection.connect(self._url, application_name=NAME)
        await session.execute("SELECT id FROM trades ORDER BY executed_at DESC LIMIT 1")
        # An idle session hears nothing until the server ends it.
        asyncio.get_running_loop().add_reader(session.fileno(), self._ended, session)
        return session

    def _ended(self, session: psycopg.AsyncConnection) -> None:
        asyncio.get_running_loop().remove_reader(session.fileno())
        self._held.remove(session)
        session.pgconn.finish()
        if self._wanted and not self._held:
            self._freed()

    async def _release(self) -> None:
        for session in self._held:
            with suppress(psycopg.Error):
                asyncio.get_running_loop().remove_reader(session.fileno())
                await session.close()
        self._held = []
