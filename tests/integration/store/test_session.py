"""One transaction: state, timeline and jobs together, or nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.errors import UnreachableError
from bot.operations import clock, timeline
from bot.store.migrate import HEAD, current_version, migrate
from bot.store.session import CARD_QUEUE, Store


async def count(store: Store, table: str, where: str = "true") -> int:
    async with store.transaction() as tx:
        query = f"select count(*) from {table} where {where}"  # noqa: S608 - our own words
        return int((await tx.session.execute(text(query))).scalar_one())


async def test_a_failure_leaves_neither_state_nor_timeline_nor_job(store: Store) -> None:
    """What was written and deferred before the failure is gone with it."""

    async def fail() -> None:
        async with store.transaction() as tx:
            await timeline.append(tx, None, "note", "a")
            await tx.defer("deliver", channel="#x")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await fail()
    assert await count(store, "timeline") == 0
    assert await count(store, "procrastinate_jobs") == 0


async def test_a_transaction_drains_each_channel_once_and_keeps_every_other_job(store: Store) -> None:
    """Ten messages in two channels are two jobs; what is asked for twice otherwise is two."""
    async with store.transaction() as tx:
        for n in range(10):
            await tx.defer("deliver", queue=CARD_QUEUE, channel=f"#{n % 2}")
        await tx.defer("deliver", queue=CARD_QUEUE, at=tx.now + timedelta(hours=1), channel="#0")
        await tx.defer("enrich", incident_id=1)
        await tx.defer("enrich", incident_id=1)
    assert await count(store, "procrastinate_jobs", "task_name = 'deliver' and scheduled_at is null") == 2
    assert await count(store, "procrastinate_jobs", "task_name = 'deliver'") == 3
    assert await count(store, "procrastinate_jobs", "task_name = 'enrich'") == 2


async def test_moving_the_clock_moves_time_and_every_pending_job_together(store: Store) -> None:
    """What was due in an hour is due now, for everybody who looks."""
    async with store.transaction() as tx:
        before = tx.now
        await tx.defer("remind", at=tx.now + timedelta(hours=1), incident_id=1, level=0)
    async with store.transaction() as tx:
        await clock.advance(tx, timedelta(hours=1))
    async with store.transaction() as tx:
        assert timedelta(hours=1) <= tx.now - before < timedelta(hours=1, minutes=1)
    assert await count(store, "procrastinate_jobs", "scheduled_at <= now()") == 1


async def test_the_clock_never_moves_back(store: Store) -> None:
    """Reminders that fired cannot be unfired."""
    with pytest.raises(ValueError, match="forward"):
        async with store.transaction() as tx:
            await clock.advance(tx, timedelta(seconds=-1))


async def test_a_database_that_is_not_there_is_said_in_a_sentence() -> None:
    """Unreachable, and retryable."""
    store = Store("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(UnreachableError, match="does not answer") as caught:
        async with store.transaction():
            pass
    assert caught.value.retryable
    await store.close()


async def test_migrating_again_changes_nothing(store: Store) -> None:
    """A migrated database is left alone."""
    assert current_version(store.url) == HEAD
    assert migrate(store.url) is False
