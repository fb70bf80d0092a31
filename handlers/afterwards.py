"""What follows an acknowledgement.

Bolt's own way (lazy listeners) copies the whole request, which costs more than the acknowledgement itself, and
begins at once, in the way of the acknowledgements that are still owed to others.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from bot.errors import AtsError

log = structlog.get_logger(__name__)

CALM: Final = 0.005  # seconds without another command before the answers begin
PATIENCE: Final = 0.1  # seconds after which an answer begins however many commands still come


class Afterwards:
    """Works on so many answers at once; the rest wait, acknowledged already."""

    def __init__(self, *, at_once: int) -> None:
        self._busy = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop itself holds them weakly
        self._last = 0.0

    def start(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Do this as soon as nobody waits for an acknowledgement; what goes wrong is logged."""
        self._last = time.monotonic()
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Callable[[], Awaitable[Any]]) -> None:
        await self._calm()
        async with self._busy:
            try:
                await work()
            except AtsError as error:
                log.warning("not answered", error=str(error))
            except Exception:  # an edge: nobody awaits this task
                log.exception("not answered")

    async def _calm(self) -> None:
        began = time.monotonic()
        while (now := time.monotonic()) - self._last < CALM and now - began < PATIENCE:  # noqa: ASYNC110 - a pause
            await asyncio.sleep(CALM)
