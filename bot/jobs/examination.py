"""One look at the systems, as far as it has come."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from bot import probes
from bot.domain.health import HealthReport, Reading, Sample, figures
from bot.domain.trends import Trend, trend
from bot.jobs.work import Work
from bot.operations import history
from bot.probes.examine import chosen, worst_first
from bot.render import HealthView, WatchView

_WEEK = timedelta(days=7)


class Examination:
    """Asks the systems side by side; what has answered can be read at any time.

    Args:
        work: how to reach them.
        only: probes by name; None: all that the settings do not leave out.
        about: what was asked for, for the headline; its trends are shown for the whole week.
    """

    def __init__(self, work: Work, only: Sequence[str] | None = None, about: str = "") -> None:
        self._work, self._only, self._about = work, only, about
        self._found: dict[str, tuple[Reading, ...]] = {}
        self._order: tuple[str, ...] = ()
        self._day: Mapping[str, Sequence[Sample]] = {}
        self._week: Mapping[str, Sequence[Sample]] = {}
        self._now = datetime.now(UTC)
        self._began = time.perf_counter()
        self._took = 0.0

    async def run(self) -> None:
        """Ask them all."""
        context = await self._context()
        self._order = tuple(chosen(probes.PROBES, context, self._work.target.settings.deployment, self._only))
        past = asyncio.create_task(self._look_back())  # while the systems think
        try:
            async with aclosing(probes.examine_each(self._work.target, context, only=self._only)) as answers:
                async for name, readings in answers:
                    self._found[name] = readings
            await past
        finally:
            past.cancel()
        self._took = time.perf_counter() - self._began

    async def keep(self) -> None:
        """Keep the figures for the next look: after people have their answer, who wait for it."""
        async with self._work.store.transaction() as tx:
            await history.keep(tx, figures(self.readings))

    async def _context(self) -> probes.Context:
        async with self._work.store.transaction() as tx:
            recent, self._now = await history.recent(tx), tx.now
        return probes.Context(
            self._work.rules.plan.baseline, self._now, recent, settings=self._work.probe_settings
        )

    async def _look_back(self) -> None:
        async with self._work.store.transaction() as tx:
            self._day = await history.older(tx)
            self._week = await history.older(tx, days=7) if self._about else {}

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Those there are, worst first."""
        return worst_first(r for name in self._order for r in self._found.get(name, ()))

    @property
    def waiting(self) -> tuple[str, ...]:
        """The systems that have not answered yet."""
        return tuple(probes.PROBES[n].system for n in self._order if n not in self._found)

    def view(self, watch: WatchView | None = None) -> HealthView:
        """What is known, for the report."""
        took = self._took or time.perf_counter() - self._began
        return HealthView(
            report=HealthReport(self.readings, took),
            waiting=self.waiting,
            about=self._about,
            trends={r.system: self._trends(r) for r in self.readings},
            watch=watch,
        )

    def _trends(self, reading: Reading) -> tuple[Trend, ...]:
        if reading.number is None:
            return ()
        spans = ((self._day, timedelta(days=1)), (self._week, _WEEK))
        found = [
            trend(samples.get(reading.system, ()), reading.number, reading.unit, now=self._now, span=span)
            for samples, span in spans
        ]
        return tuple({t.span: t for t in found if t is not None}.values())
