"""Showing work while it goes on: soon what is there, seldom in between, at once when it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

FIRST: Final = 0.6  # seconds until what has answered is shown; people wait for it
EVERY: Final = 2.5  # seconds between changes of the same message: Slack takes about one message a second


async def paced(
    work: Coroutine[Any, Any, None], publish: Callable[[], Awaitable[None]], *, first: float = FIRST
) -> None:
    """Carry out the work; `publish` is called while it goes on, and once more when it has ended."""
    task = asyncio.create_task(work)
    wait = first
    try:
        while not (await asyncio.wait({task}, timeout=wait))[0]:
            await publish()
            wait = EVERY
        task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    await publish()
