"""Runs that wait for a system which somebody else is changing."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.runs import State
from bot.operations import clock, execution, runs
from bot.operations.execution import Outcome
from bot.operations.rules import Rules
from bot.operations.runs import Ask
from bot.store.session import Store
from runbook.model import Entry, Plan
from tests.integration.store.test_run_histories import looked
from tests.unit.domain.steps import step

OTHER = step("other", argv=(("docker", "restart", "loki"),))
PLAN = Plan("t", "1", "o", "p", "book", entries=(Entry("e", "E", "alert", steps=(step("easy"), OTHER)),))
RULES = Rules(PLAN, "#ops")


async def asked(store: Store, step_id: str, key: str) -> int:
    """Asked for by a responder, and so approved; not begun."""
    async with store.transaction() as tx:
        run_id = await runs.submit(tx, RULES, Ask(step_id, "U1", key))
    assert run_id is not None
    found = looked("easy", "U1", holds=True, edited=False)
    assert found.agreed is not None
    found = replace(found, agreed=replace(found.agreed, resolved=f"pm2 restart {key}"))  # each another change
    async with store.transaction() as tx:
        await runs.prepared(tx, RULES, run_id, found)
    return run_id


async def claimed(store: Store, run_id: int) -> bool:
    async with store.transaction() as tx:
        run = await runs.hold(tx, run_id)
        assert run is not None
        return await execution.claim(tx, RULES, run, execution.Ready("w"))


async def test_of_each_free_system_the_longest_waiting_is_begun(store: Store) -> None:
    """However many wait, the sweep begins one for each system, in their order, and none while it is being changed."""
    first, second, third = [await asked(store, "easy", f"k{n}") for n in range(3)]
    elsewhere = await asked(store, "other", "k4")
    async with store.transaction() as tx:
        assert list(await execution.left_over(tx)) == []  # whoever approved them begins them
        await clock.advance(tx, timedelta(seconds=5))
    async with store.transaction() as tx:
        assert set(await execution.left_over(tx)) == {first, elsewhere}
    assert await claimed(store, first)
    assert not await claimed(store, second)
    async with store.transaction() as tx:
        assert set(await execution.left_over(tx)) == {elsewhere}
        run = await runs.get(tx, second)
        assert run is not None
        assert "Waits for" in run.reason
        await execution.finished(tx, RULES, first, "w", Outcome(State.SUCCEEDED, ""), None)
        assert await execution.following(tx, run.system) == second
    async with store.transaction() as tx:
        assert set(await execution.left_over(tx)) == {second, elsewhere}
    assert await claimed(store, second)
    assert not await claimed(store, third)
