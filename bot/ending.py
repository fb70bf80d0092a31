"""Stop tasks that run for ever."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def end(tasks: Iterable["asyncio.Task[Any]"], *, again: float = 0.5) -> None:
    """Cancel until all have ended, and look at none of their results.

    A cancellation that meets a dying database can come out as another error, which a loop takes for one more
    failure and goes on: so it is asked again every `again` seconds.
    """
    every = list(tasks)
    pending = set(every)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again)
    await asyncio.gather(*every, return_exceptions=True)
