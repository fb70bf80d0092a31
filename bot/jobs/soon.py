"""Work that begins at once in this process: for what a person waits for.

Nothing is entrusted to it alone. Whatever it does is named by a row or a job in the database, by which another
process finds it if this one dies.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog

from bot.ending import end
from bot.errors import AtsError

log = structlog.get_logger(__name__)


class Soon:
    """Tasks by what they are about: never two of the same."""

    def __init__(self) -> None:
        self.open = False  # only in a process that works
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._tasks

    def start(self, about: str, work: Callable[[], Awaitable[Any]]) -> bool:
        """Begin, unless that is under way here already; False if this process does not work (any more)."""
        if self.open and about not in self._tasks:
            task = self._tasks[about] = asyncio.create_task(_run(about, work))
            task.add_done_callback(partial(self._done, about))
        return self.open

    def _done(self, about: str, _task: "asyncio.Task[None]") -> None:
        self._tasks.pop(about, None)

    async def close(self, grace: float) -> None:
        """Begin nothing more; give what is under way a moment to end, then cancel it."""
        self.open = False
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            await end(late)


async def _run(about: str, work: Callable[[], Awaitable[Any]]) -> None:
    try:
        await work()
    except AtsError as error:
        log.warning("work failed", about=about, error=str(error))
    except Exception:  # an edge: nobody awaits it; the net under it does it again
        log.exception("work failed", about=about)
