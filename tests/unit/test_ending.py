"""Tasks that run for ever are stopped."""

import asyncio

from bot.ending import end


async def test_a_loop_that_takes_a_cancellation_for_a_failure_ends_all_the_same() -> None:
    """The first cancellation comes out as another error, which the loop survives; the next one ends it."""
    failures = 0

    async def for_ever() -> None:
        nonlocal failures
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if failures:
                    raise
                failures += 1

    task = asyncio.create_task(for_ever())
    await asyncio.sleep(0)
    await end([task], again=0.01)
    assert task.cancelled()
    assert failures == 1


async def test_nothing_to_end_is_no_error() -> None:
    """No tasks, nothing to wait for."""
    await end([])
