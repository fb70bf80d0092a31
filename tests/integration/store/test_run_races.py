"""Approve, deny, cancel, expire and begin at the very same moment: one of them wins, and all agree which."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from bot.domain.runs import State
from bot.operations import approving, clock, execution, runs
from bot.operations.runs import Ask
from bot.store.session import Store
from bot.store.tables import TimelineEntry
from tests.integration.store.test_run_histories import RULES, access, looked

ENDS = {"run_denied", "run_cancelled", "run_expired", "run_voided"}


async def waiting(store: Store, key: str) -> int:
    """A request that waits for one approval, a moment before it expires."""
    async with store.transaction() as tx:
        run_id = await runs.submit(tx, RULES, Ask("hard", "U1", key))
    assert run_id is not None
    async with store.transaction() as tx:
        await runs.prepared(tx, RULES, run_id, looked("hard", "U1", holds=True, edited=False))
    return run_id


async def approve(store: Store, run_id: int) -> bool:
    """With what follows an approval in one transaction; whether it was begun."""
    async with store.transaction() as tx:
        found = looked("hard", "U1", holds=True, edited=False)
        run, _ = await approving.approved(tx, RULES, run_id, access("U3"), found)
        return run is not None and await execution.claim(tx, RULES, run, execution.Ready("w"))


async def deny(store: Store, run_id: int) -> bool:
    async with store.transaction() as tx:
        return await approving.denied(tx, RULES, run_id, access("U2"), "not now") == ""


async def cancel(store: Store, run_id: int) -> bool:
    async with store.transaction() as tx:
        return await approving.cancelled(tx, RULES, run_id, access("U1")) == ""


async def expire(store: Store, run_id: int) -> bool:
    async with store.transaction() as tx:
        return await runs.expire(tx, RULES, run_id)


Act = Callable[[Store, int], Awaitable[bool]]


@pytest.mark.parametrize("others", list(itertools.combinations([deny, cancel, expire], 2)))
@pytest.mark.parametrize("late", [False, True])
async def test_of_what_happens_at_one_moment_one_wins(
    store: Store, others: tuple[Act, Act], late: bool
) -> None:
    """Whoever was first: it ran and was neither denied nor expired, or it ended and never ran; told once each."""
    for number in range(4):
        run_id = await waiting(store, f"k{number}")
        if late:
            async with store.transaction() as tx:
                await clock.advance(tx, timedelta(minutes=10, seconds=1))
        acts: list[Act] = [approve, *others, approve]
        begun = (await asyncio.gather(*(act(store, run_id) for act in acts)))[:: len(acts) - 1]
        async with store.transaction() as tx:
            run = await runs.get(tx, run_id)
            query = select(col(TimelineEntry.kind)).where(col(TimelineEntry.data)["run"].as_integer() == run_id)
            kinds = list((await tx.session.execute(query)).scalars())
        assert run is not None
        ends = [kind for kind in kinds if kind in ENDS]
        assert kinds.count("run_intent") == sum(begun) <= 1
        if run.state == State.RUNNING:
            assert (ends, sum(begun), late) == ([], 1, False)
        else:
            assert (len(ends), sum(begun)) == (1, 0)
            assert run.state in {State.DENIED, State.CANCELLED, State.EXPIRED}
        async with store.transaction() as tx:
            found = await runs.hold(tx, run_id)
            assert found is not None
            found.system = ""  # the next round is not to wait for this one
