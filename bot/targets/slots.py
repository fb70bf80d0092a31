"""How many programs may run at once, wherever they run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.errors import RejectedError


class Slots:
    """So many places; whoever needs several waits for them in turn, so that nobody waits for ever."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = asyncio.Semaphore(most)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def taken(self, count: int) -> AsyncIterator[None]:
        """Hold `count` places."""
        if count > self._most:
            raise RejectedError(
                f"too many programs: the pipe has {count}, and [target] max_processes is {self._most}",
                code="too_many",
            )
        held = 0
        try:
            async with self._turn:
                while held < count:
                    await self._free.acquire()
                    held += 1
            yield
        finally:
            for _ in range(held):
                self._free.release()
