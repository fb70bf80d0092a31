"""The timeline in the database: append-only, chained, verifiable."""

import asyncio

import psycopg
import pytest

from bot.domain.people import Who
from bot.operations import timeline
from bot.store.session import Store, Tx
from bot.store.tables import Incident


async def written(store: Store, *texts: str) -> None:
    async with store.transaction() as tx:
        for text in texts:
            await timeline.append(tx, None, "note", text, actor=Who(slack_id="U1", name="Ω"), data={"n": 1.5})


@pytest.mark.parametrize(
    "statement",
    [
        "update timeline set text = 'x'",
        "delete from timeline",
        "truncate timeline",
        "truncate timeline cascade",
    ],
)
async def test_the_database_itself_refuses_to_change_the_timeline(store: Store, statement: str) -> None:
    """Not our code but a trigger says no: to an owner, in any session."""
    await written(store, "a")
    with psycopg.connect(store.url) as connection, pytest.raises(psycopg.Error, match="append-only"):
        connection.execute(statement)
    async with store.transaction() as tx:
        assert await timeline.verify(tx) == []


async def test_an_altered_entry_is_found_although_the_trigger_was_switched_off(store: Store) -> None:
    """Whoever gets around the trigger is betrayed by the chain."""
    await written(store, "a", "b", "c")
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("update timeline set text = 'x' where text = 'b'")
    async with store.transaction() as tx:
        assert len(await timeline.verify(tx)) == 1


async def test_a_removed_entry_is_found(store: Store) -> None:
    """The one that followed it points into nothing."""
    await written(store, "a", "b", "c")
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from timeline where text = 'b'")
    async with store.transaction() as tx:
        assert len(await timeline.verify(tx)) == 1


async def test_entries_written_at_the_same_moment_make_one_chain(store: Store) -> None:
    """Twenty writers at once: no fork in the chain."""
    await asyncio.gather(*(written(store, f"e{n}") for n in range(20)))
    async with store.transaction() as tx:
        assert await timeline.verify(tx) == []


async def test_lines_of_many_incidents_at_once_go_on_with_each_ones_chain(store: Store) -> None:
    """Written together with others, or alone: each incident's chain is whole, and in the order of the lines."""
    async with store.transaction() as tx:
        ids = [await _incident(tx, n) for n in (1, 2, 3)]
        await timeline.append(tx, ids[0], "note", "alone")
    async with store.transaction() as tx:
        await timeline.append_all(
            tx, [timeline.Line(each, "note", f"{word} {each}") for word in ("a", "b") for each in ids]
        )
        await timeline.append(tx, ids[1], "note", "alone again")
    async with store.transaction() as tx:
        assert await timeline.verify(tx) == []
        texts = [[row.text for row in await timeline.rows(tx, each)] for each in ids]
    a, b, c = ids
    assert sorted(texts[0]) == sorted(["alone", f"a {a}", f"b {a}"])
    assert texts[1:] == [[f"a {b}", f"b {b}", "alone again"], [f"a {c}", f"b {c}"]]


async def _incident(tx: Tx, number: int) -> int:
    row = Incident(
        pd_id=f"Q{number}",
        number=number,
        status_at=tx.now,
        triggered_at=tx.now,
        seen_at=tx.now,
        created_at=tx.now,
    )
    tx.session.add(row)
    await tx.session.flush()
    assert row.id is not None
    return row.id
