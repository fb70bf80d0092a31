"""What others have told, for a while: a cache in this process, or in Redis, which replicas share."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol, TypeVar

from bot.errors import TemporaryError, UnreachableError

T = TypeVar("T")
MOST: Final = 10_000  # answers kept in this process

# Seconds; what decides about a change is asked anew if it is older (a burst of presses asks once).
JUST_NOW = 5.0
PATIENCE = 3.0  # seconds that such a question may take before what is known counts
_ONLY_KNOWN: ContextVar[bool] = ContextVar("only_known", default=False)


@contextmanager
def only_known() -> Iterator[None]:
    """In here nobody is asked: what is known and not too old counts, the rest is not known."""
    token = _ONLY_KNOWN.set(True)
    try:
        yield
    finally:
        _ONLY_KNOWN.reset(token)


class Remembered:
    """A cache that keeps the last known answer for when asking fails."""

    def __init__(self, url: str = "mem://") -> None:
        self._cache: _Cache = _Here() if url == "mem://" else _shared(url)
        self._asking: dict[str, asyncio.Lock] = {}

    async def get(
        self, key: str, ages: tuple[float, float], ask: Callable[[], Awaitable[T]], *, anew: bool = False
    ) -> tuple[T, float]:
        """(answer, its age in seconds); raises what `ask` raises when nothing young enough is known.

        `anew`: ask unless that was done just now, but not for long.
        """
        fresh, oldest = (min(JUST_NOW, ages[0]), ages[1]) if anew else ages
        known = await self._known(key)
        if known is not None and time.time() - known[0] < fresh:
            return known[1], time.time() - known[0]
        if _ONLY_KNOWN.get():
            if known is not None and time.time() - known[0] < oldest:
                return known[1], time.time() - known[0]
            raise UnreachableError("no answer yet, and it could not be waited for")
        async with self._asking.setdefault(key, asyncio.Lock()):
            known = await self._known(key)
            if known is not None and time.time() - known[0] < fresh:
                return known[1], time.time() - known[0]
            try:
                answer = await (_briefly(ask) if anew else ask())
            except TemporaryError:
                if known is not None and time.time() - known[0] < oldest:
                    return known[1], time.time() - known[0]
                raise
            await self._keep(key, answer, oldest)
            return answer, 0.0

    async def peek(self, key: str, oldest: float) -> Any:
        """What is known without asking, or None."""
        known = await self._known(key)
        return known[1] if known is not None and time.time() - known[0] < oldest else None

    async def _known(self, key: str) -> tuple[float, Any] | None:
        try:
            known: tuple[float, Any] | None = await self._cache.get(key)
        except OSError:  # the shared cache is away: as if it were empty
            return None
        return known

    async def _keep(self, key: str, answer: Any, oldest: float) -> None:
        try:
            await self._cache.set(key, (time.time(), answer), expire=oldest)
        except OSError:
            return

    async def close(self) -> None:
        await self._cache.close()


class _Cache(Protocol):
    async def get(self, key: str) -> Any: ...
    async def set(self, key: str, value: Any, *, expire: float) -> Any: ...
    async def clear(self) -> Any: ...
    async def close(self) -> None: ...


class _Here:
    """In this process; what is too old is judged by who reads it, the oldest goes when there are too many."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    async def get(self, key: str) -> Any:
        return self._kept.get(key)

    async def set(self, key: str, value: Any, *, expire: float) -> None:
        del expire
        self._kept.pop(key, None)
        self._kept[key] = value
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]

    async def clear(self) -> None:
        self._kept.clear()

    async def close(self) -> None:
        await self.clear()


def _shared(url: str) -> _Cache:
    from cashews import Cache  # loads Redis's driver, which takes 23 MB and a third of a second

    cache = Cache()
    cache.setup(url)
    return cache


async def _briefly(ask: Callable[[], Awaitable[T]]) -> T:
    try:
        async with asyncio.timeout(PATIENCE):
            return await ask()
    except TimeoutError:
        raise UnreachableError(f"no answer within {PATIENCE:.0f} s") from None
