"""What others have told, kept for a while."""

from types import SimpleNamespace

import pytest

from bot.clients import remembered
from bot.clients.remembered import MOST, Remembered
from bot.errors import UnreachableError

AGES = (30.0, 300.0)  # fresh, oldest


class Far:
    """The far side: counts how often it is asked, and can be away."""

    def __init__(self) -> None:
        self.asked, self.away = 0, False

    async def __call__(self) -> int:
        if self.away:
            raise UnreachableError
        self.asked += 1
        return self.asked


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The module's clock, moved by hand."""
    moved = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(remembered, "time", SimpleNamespace(time=lambda: moved.now))
    return moved


async def test_what_is_fresh_is_not_asked_again(clock: SimpleNamespace) -> None:
    """Within the first age the answer is the known one, with its age; after it, a new one."""
    known, far = Remembered(), Far()
    assert await known.get("k", AGES, far) == (1, 0.0)
    clock.now += 29
    assert await known.get("k", AGES, far) == (1, 29.0)
    clock.now += 1
    assert await known.get("k", AGES, far) == (2, 0.0)


async def test_what_decides_is_asked_anew_but_not_twice_in_a_burst(clock: SimpleNamespace) -> None:
    """`anew` accepts an answer of just now only."""
    known, far = Remembered(), Far()
    await known.get("k", AGES, far)
    clock.now += 4
    assert (await known.get("k", AGES, far, anew=True))[0] == 1
    clock.now += 1
    assert (await known.get("k", AGES, far, anew=True))[0] == 2


async def test_the_last_known_answer_counts_while_the_far_side_is_away(clock: SimpleNamespace) -> None:
    """Up to the second age; after it the failure is told."""
    known, far = Remembered(), Far()
    await known.get("k", AGES, far)
    far.away = True
    clock.now += 299
    assert await known.get("k", AGES, far) == (1, 299.0)
    assert await known.peek("k", 300.0) == 1
    clock.now += 1
    assert await known.peek("k", 300.0) is None
    with pytest.raises(UnreachableError):
        await known.get("k", AGES, far)


async def test_the_oldest_goes_when_there_are_too_many(clock: SimpleNamespace) -> None:
    """Memory is bounded: the first answer of 10,001 is forgotten, the second is not."""
    known, far = Remembered(), Far()
    for number in range(MOST + 1):
        await known.get(f"k{number}", AGES, far)
    assert await known.peek("k0", 300.0) is None
    assert await known.peek("k1", 300.0) == 2
