"""Look twice a second what has fallen due. The table is the truth: there is no timer that could be lost."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.domain.escalation import LATE
from bot.errors import AtsError
from bot.jobs.command import ask_commanders
from bot.jobs.remind import Pace, remind
from bot.jobs.work import Work
from bot.operations import alarms

log = structlog.get_logger(__name__)

TICK: Final = 0.5  # seconds
SLOW: Final = 5.0  # seconds since the last good look after which the ticker counts as sick


class Ticker:
    """Runs in every worker; what two of them see at once is fired by one."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._nudge = asyncio.Event()
        self._seen: tuple[datetime, timedelta] | None = None  # application time and its offset at the last look
        self.beat = 0.0  # monotonic time of the last look that went well

    def nudge(self) -> None:
        """Something may be due at once."""
        self._nudge.set()

    async def run(self) -> None:
        """For ever; outlives the database's restarts."""
        while True:
            await self._once()
            self._nudge.clear()
            try:
                async with asyncio.timeout(TICK):
                    await self._nudge.wait()
            except TimeoutError:
                pass

    async def _once(self) -> None:
        try:
            await self.tick()
            self.beat = time.monotonic()
        except AtsError as error:
            log.warning("nothing could be looked up that may be due", error=str(error))
        except Exception:
            log.exception("tick failed")

    async def tick(self) -> None:
        """One look, and all that is due."""
        pace = await self._pace()
        fired = await remind(self._work, pace)
        asked = await ask_commanders(self._work, pace)
        late = [(f"#{f.number} {f.role or 'everybody again'}", f.late) for f in fired]
        late += [("a question for a status update or postmortem", by) for by in asked]
        late = [each for each in late if each[1] >= LATE]
        if late:
            async with self._work.store.transaction(reserved=True) as tx:
                await alarms.late_reminders(tx, self._work.rules, late)

    async def _pace(self) -> Pace:
        """How the clock goes, and whether a drill or the demo has moved it since the last look."""
        async with self._work.store.transaction(reserved=True) as tx:
            now, offset = tx.now, tx.offset
        before, self._seen = self._seen, (now, offset)
        moved = before is not None and offset != before[1]
        return Pace(offset, (before[0], now) if before and moved else None)
