"""Presses that come at the same moment are kept in one transaction, and acknowledged when it is committed.

The first of them does not wait: those that come while its transaction is under way are the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Gathers what is to be kept; `keep` keeps several at once, or raises."""

    def __init__(self, keep: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        self._keep = keep
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._keeper: asyncio.Task[None] | None = None

    async def add(self, one: T) -> None:
        """Return once it is kept; raises what keeping it raises."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, kept))
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_all())
        await kept

    async def _keep_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._keep_batch(batch)
        finally:
            self._keeper = None

    async def _keep_batch(self, batch: Sequence[tuple[T, "asyncio.Future[None]"]]) -> None:
        try:
            await self._keep([one for one, _ in batch])
        except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
            problem: Exception | None = error
        else:
            problem = None
        for _, kept in batch:
            if kept.done():  # whoever waited has given up
                continue
            if problem is None:
                kept.set_result(None)
            else:
                kept.set_exception(problem)
