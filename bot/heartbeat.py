"""The watcher watched: a sign of life while all is well, and only then; an alert and alarms when it is not."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from bot import clock
from bot.clients.heartbeat import Beats
from bot.errors import AtsError
from bot.operations import alarms
from bot.operations.rules import Rules
from bot.store.session import Store
from bot.web.state import Figures

log = structlog.get_logger(__name__)

STARTING: Final = 10.0  # seconds in which Slack and the worker may still come up
SOON: Final = 0.25
SICK: Final = 3  # looks in a row before somebody is called: a restart of PostgreSQL is no reason


class Heartbeat:
    """Looks at the same parts as /readyz."""

    def __init__(
        self,
        beats: Beats,
        parts: Callable[[], Awaitable[Mapping[str, str]]],
        *,
        store: Store,
        rules: Callable[[], Rules],
        figures: Figures,
        every: float,
    ) -> None:
        self._beats, self._parts, self._store, self._rules = beats, parts, store, rules
        self._figures, self._every = figures, every
        self._sick = 0
        self._alerted = False

    async def run(self) -> None:
        """For ever; what is not up yet in the first seconds is no sickness, and looked at again soon."""
        started = time.monotonic()
        while True:
            starting, well = time.monotonic() - started < STARTING, True
            try:
                well = await self.beat(starting=starting)
            except AtsError as error:
                log.warning("heartbeat failed", error=str(error))
            except Exception:
                log.exception("heartbeat failed")
            await asyncio.sleep(self._every if well or not starting else SOON)

    async def beat(self, *, starting: bool = False) -> bool:
        """One look: a sign of life if all is well, nothing if not; whether it is."""
        parts = await self._parts()
        sick = {name: said for name, said in parts.items() if said != "ok"}
        if sick and starting:
            return False
        if sick:
            log.warning("not well: no heartbeat", **sick)
        elif self._beats.url:
            await self._beats.ping()
        self._sick = self._sick + 1 if sick else 0
        await self._call(sick)
        if "database" not in sick:
            await self._alarm()
        return not sick

    async def _call(self, sick: Mapping[str, str]) -> None:
        if not self._beats.alerts:
            return
        if self._sick >= SICK:
            await self._beats.alert("ats-bot is sick: " + "; ".join(f"{k}: {v}" for k, v in sick.items()))
            self._alerted = True
        elif not sick and self._alerted:
            await self._beats.well()
            self._alerted = False

    async def _alarm(self) -> None:
        """What people must know and no incident tells."""
        if by := clock.step():
            async with self._store.transaction() as tx:
                await alarms.clock_set(tx, self._rules(), by)
        count = self._figures.bad_signatures
        if count:
            async with self._store.transaction() as tx:
                if await alarms.bad_signatures(tx, self._rules(), count):
                    self._figures.bad_signatures -= count
