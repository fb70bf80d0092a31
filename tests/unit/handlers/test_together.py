"""What comes at the same moment is kept together, and each knows what became of its own."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.errors import UnreachableError
from handlers.together import Together


class Book:
    """Keeps numbers, slowly; while `away`, it does not."""

    def __init__(self) -> None:
        self.kept: list[list[int]] = []
        self.away = False
        self.may = asyncio.Event()
        self.may.set()

    async def keep(self, numbers: Sequence[int]) -> None:
        await self.may.wait()
        if self.away:
            raise UnreachableError("away")
        self.kept.append(list(numbers))


async def test_the_first_waits_for_nobody_and_the_others_share_the_next() -> None:
    """Five hundred at one moment are two transactions, in their order, and none is lost."""
    book = Book()
    book.may.clear()
    together = Together(book.keep)
    adding = [asyncio.create_task(together.add(n)) for n in range(500)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not any(task.done() for task in adding)  # nothing is acknowledged before it is kept
    book.may.set()
    await asyncio.gather(*adding)
    assert [n for batch in book.kept for n in batch] == list(range(500))
    assert len(book.kept) <= 2


async def test_what_cannot_be_kept_is_told_to_each_and_the_next_is_tried_anew() -> None:
    """Nobody is told that it worked; nobody is left waiting."""
    book = Book()
    together = Together(book.keep)
    book.away = True
    said = await asyncio.gather(*(together.add(n) for n in range(3)), return_exceptions=True)
    assert all(isinstance(each, UnreachableError) for each in said)
    book.away = False
    await together.add(7)
    assert book.kept == [[7]]


async def test_whoever_gives_up_waiting_keeps_nobody_else_from_it() -> None:
    """Slack's patience may be over for one of them."""
    book = Book()
    book.may.clear()
    together = Together(book.keep)
    one, two = asyncio.create_task(together.add(1)), asyncio.create_task(together.add(2))
    await asyncio.sleep(0)
    one.cancel()
    book.may.set()
    await two
    with pytest.raises(asyncio.CancelledError):
        await one
    assert sorted(n for batch in book.kept for n in batch) == [1, 2]
