"""The worker: procrastinate's jobs, and the net under them.

Procrastinate wakes us within milliseconds; the tables are the truth. So a sweep looks every other second for
messages that no job took care of (a kill in between), and gives stalled jobs back. What falls due is found by
the ticker.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

import procrastinate
import structlog
from procrastinate.jobs import Job

from bot.clock import utcnow
from bot.ending import end
from bot.errors import AtsError
from bot.jobs import asked, examine, presses, runs
from bot.jobs.act import act
from bot.jobs.checklists import checklist, checklist_time
from bot.jobs.command import order, tell_shifts
from bot.jobs.declare import declare
from bot.jobs.deliver import deliver
from bot.jobs.diagnose import diagnosis, step
from bot.jobs.enrich import adopt, enrich
from bot.jobs.execute import execute
from bot.jobs.files import upload
from bot.jobs.intake import take_in
from bot.jobs.linking import link
from bot.jobs.plots import plot
from bot.jobs.storms import storm_ack
from bot.jobs.summon import summon
from bot.jobs.ticker import SLOW, Ticker
from bot.jobs.work import Work
from bot.operations import execution, outbox
from bot.store.session import CARD_QUEUE, EFFECT_QUEUE, LOOK_QUEUE, RUN_QUEUE

log = structlog.get_logger(__name__)

POLL: Final = 1.0  # seconds; a lost notification delays a job by that much
SWEEP: Final = 2.0
REAP: Final = 10.0
PURGE: Final = 3600.0
STALLED: Final = 30.0  # seconds without a heartbeat; less, and a blocked event loop would run a job twice
KEEP_HOURS: Final = 24
GRACE: Final = 3  # seconds that work under way has to end when the process stops
_AFTER_CARD: Final = {  # begun by the webhook that begins a card, which people wait for
    "diagnosis",
    "plot",
    "enrich",
    "summon",
}
_NOT_TWICE: Final = {"act", "run_note"}
# What was begun is never begun again by the queue: the sweep and the claim see to it.
_ONCE: Final = {"run_execute"}
_PAUSE: Final = 0.05  # seconds that these leave to the card
_RETRY = procrastinate.RetryStrategy(max_attempts=8, exponential_wait=2)

TASKS: dict[str, tuple[Callable[..., Awaitable[None]], str]] = {
    "deliver": (deliver, CARD_QUEUE),
    "summon": (summon, EFFECT_QUEUE),
    "act": (act, EFFECT_QUEUE),
    "declare": (declare, EFFECT_QUEUE),
    "order": (order, EFFECT_QUEUE),
    "link": (link, EFFECT_QUEUE),
    "storm_ack": (storm_ack, EFFECT_QUEUE),
    "enrich": (enrich, EFFECT_QUEUE),
    "adopt": (adopt, EFFECT_QUEUE),
    "health": (examine.health, LOOK_QUEUE),
    "watch": (examine.watch, LOOK_QUEUE),
    "diagnosis": (diagnosis, LOOK_QUEUE),
    "step": (step, LOOK_QUEUE),
    "plot": (plot, LOOK_QUEUE),
    "upload": (upload, EFFECT_QUEUE),
    "checklist": (checklist, EFFECT_QUEUE),
    "checklist_time": (checklist_time, EFFECT_QUEUE),
    "run_prepare": (asked.prepare, EFFECT_QUEUE),
    "run_press": (presses.press, EFFECT_QUEUE),
    "run_note": (runs.note, EFFECT_QUEUE),
    "run_execute": (execute, RUN_QUEUE),
    "run_review": (runs.review, EFFECT_QUEUE),
    "run_expire": (runs.expire, CARD_QUEUE),
    "run_remind": (runs.remind, CARD_QUEUE),
    "run_revert_due": (runs.revert_due, CARD_QUEUE),
}


def register(work: Work) -> None:
    """Tell the job queue which function carries out which task."""
    for name, (function, queue) in TASKS.items():
        retry: procrastinate.RetryStrategy | bool = False if name in _ONCE else _RETRY
        work.store.jobs.task(name=name, queue=queue, retry=retry, pass_context=True)(
            _bound(work, name, function)
        )


def _bound(
    work: Work, name: str, function: Callable[..., Awaitable[None]]
) -> Callable[..., Coroutine[Any, Any, None]]:
    async def run(context: procrastinate.JobContext, **args: Any) -> None:
        if name in _NOT_TWICE:  # an earlier run, cut off or failed, may have reached PagerDuty
            args["again"] = context.job.attempts > 0
        if name in _AFTER_CARD:
            await asyncio.sleep(_PAUSE)
        await function(work, **args)

    run.__name__ = getattr(function, "__name__", "job")
    return run


class Worker:
    """Runs until it is stopped; outlives restarts of PostgreSQL."""

    def __init__(self, work: Work, *, concurrency: int = 10) -> None:
        self._work, self._concurrency = work, concurrency
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.ticker = Ticker(work)
        self._told: list[dict[str, str]] = []  # the rota that open incidents know of
        self.beat = 0.0  # monotonic time of the last sweep that went well

    @property
    def alive(self) -> bool:
        """Whether the last sweep, and the last look at what is due, are recent."""
        now = time.monotonic()
        return now - self.beat < 3 * SWEEP + POLL and now - self.ticker.beat < SLOW

    def start(self) -> None:
        queues = (CARD_QUEUE, EFFECT_QUEUE, RUN_QUEUE)
        looks = self._jobs(LOOK_QUEUE, self._work.rules.looks.at_once)
        loops = (*(self._jobs(queue) for queue in queues), looks, self._sweeps(), self.ticker.run())
        self._work.soon.open = True
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """Let running jobs end for a moment, then cancel them; what is cut off is done again later."""
        self._stopping = True
        await asyncio.gather(end(self._tasks, again=2 * GRACE), self._work.soon.close(GRACE))

    async def _jobs(self, queue: str, concurrency: int = 0) -> None:
        """Procrastinate's worker returns normally when PostgreSQL restarts: start it again."""
        while not self._stopping:
            with contextlib.suppress(Exception):  # an edge: it has logged it, and the sweep sees the rest
                await self._work.store.jobs.run_worker_async(
                    queues=[queue],
                    concurrency=concurrency or self._concurrency,
                    fetch_job_polling_interval=POLL,
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=GRACE,
                    update_heartbeat_interval=5,
                    stalled_worker_timeout=STALLED,
                )
            if not self._stopping:  # a cancellation may come out as the failure to sign off from the database
                log.warning("worker stopped; starting again", queue=queue)
                await asyncio.sleep(POLL)

    async def _sweeps(self) -> None:
        reaped = purged = 0.0
        while True:
            try:
                await self._sweep()
                if time.monotonic() - reaped > REAP:
                    reaped = time.monotonic()
                    await self._reap()
                if time.monotonic() - purged > PURGE:
                    purged = time.monotonic()
                    await self._purge()
                self.beat = time.monotonic()
            except AtsError as error:
                log.warning("sweep failed", error=str(error))
            except Exception:
                log.exception("sweep failed")
            await asyncio.sleep(SWEEP)

    async def _sweep(self) -> None:
        async with self._work.store.transaction() as tx:
            channels = await outbox.waiting_channels(tx, now=utcnow())
            ready = await execution.left_over(tx)
        for channel in channels:
            self._work.soon.start(f"deliver {channel}", partial(deliver, self._work, channel))
        self._work.soon.start("intake", partial(take_in, self._work))
        self._work.soon.start("rota", self._rota)
        for run_id in ready:  # it waited for another change, or its job was lost
            self._work.soon.start(f"run {run_id}", partial(execute, self._work, run_id))
        await runs.sweep(self._work)
        self._work.soon.start("sample", partial(examine.sample, self._work))

    async def _rota(self) -> None:
        """Who is on call; what has changed is told where an incident is open."""
        await self._work.duty.refresh()
        rows = self._work.duty.rows
        if rows and rows != self._told:
            await tell_shifts(self._work, rows)
            self._told = rows

    def hurry(self, channel: str, *, kept: bool = False) -> None:
        """Drain a channel now, in this process; the job that was deferred for it finds it done, or does it.

        `kept`: a webhook waits to be applied first.
        """
        if self._work.soon.open:
            self.ticker.nudge()
            if kept:
                self._work.soon.start("intake", partial(take_in, self._work))
            self._work.soon.start(f"deliver {channel}", partial(deliver, self._work, channel))

    async def _reap(self) -> None:
        """Give back the jobs of dead workers; the failure of one must not keep the others."""
        manager = self._work.store.jobs.job_manager
        stalled: list[Job] = list(await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED))
        for job in stalled:
            try:
                await manager.retry_job(job)
                log.warning("job of a dead worker given back", job=job.id, task=job.task_name)
            except Exception as error:  # noqa: BLE001 - the next one must have its turn
                log.warning("stalled job not given back", job=job.id, error=str(error))

    async def _purge(self) -> None:
        await self._work.store.jobs.job_manager.delete_old_jobs(
            nb_hours=KEEP_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )
        await examine.purge(self._work)
