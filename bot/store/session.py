"""The transaction scope: state, timeline and jobs are committed together, or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import procrastinate
from procrastinate.jobs import Job
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from bot.clock import utcnow
from bot.errors import UnreachableError

# A generic plan cached on an empty queue table makes a burst of 1,000 jobs 30 times slower (DESIGN.md).
_OPTIONS = "-c plan_cache_mode=force_custom_plan -c statement_timeout=8000 -c timezone=UTC"

CARD_QUEUE = "delivery"  # Slack messages and reminders: never behind a slow far side
EFFECT_QUEUE = "effects"  # PagerDuty, look-ups
LOOK_QUEUE = "looks"  # health and diagnoses: seconds each, so that neither a card nor a click waits behind them
RUN_QUEUE = "runs"  # steps of the runbook that take their time: never in the way of the other two
FIRST = "deliver"  # a card before the reminder in its thread, which the same transaction may have enqueued


RESERVED = 11  # connections: two for the ticker, the others for webhooks (handlers.intake)


class Tx:
    """One transaction and the instant it happens at."""

    def __init__(self, session: AsyncSession, jobs: procrastinate.App, offset: timedelta) -> None:
        self.session = session
        self.offset = offset
        self.now = utcnow() + offset
        self.tails: dict[int | None, str] = {}  # last hashes of the timeline's chains that it has lengthened
        self._jobs = jobs
        self._wanted: list[Job] = []

    async def _raw(self) -> Any:
        connection = await self.session.connection()
        return (await connection.get_raw_connection()).driver_connection

    async def defer(
        self, task: str, *, at: datetime | None = None, queue: str = EFFECT_QUEUE, **args: Any
    ) -> None:
        """Enqueue a job that exists only if this transaction commits; `at` is application time.

        All of a transaction are written in one statement at its end; to drain a channel, once for each channel.
        """
        scheduled = None if at is None else at - self.offset
        wanted = self._jobs.configure_task(
            task, queue=queue, priority=int(task == FIRST), schedule_at=scheduled
        ).make_new_job(**args)
        if task != FIRST or wanted not in self._wanted:
            self._wanted.append(wanted)

    async def defer_known(self, task: str, *, at: datetime | None = None, **args: Any) -> int:
        """The same at once, for a job that may be cancelled: its id."""
        scheduled = None if at is None else at - self.offset
        deferrer = self._jobs.configure_task(
            task, queue=EFFECT_QUEUE, schedule_at=scheduled, connection=await self._raw()
        )
        return int(await deferrer.defer_async(**args))

    async def cancel(self, job_id: int) -> bool:
        """Cancel a job that has not begun; False if it has, or is gone."""
        return bool(await self._jobs.job_manager.cancel_job_by_id_async(job_id, connection=await self._raw()))

    async def write_jobs(self) -> None:
        """Into the queue with them: the last statement before the commit."""
        wanted, self._wanted = self._wanted, []
        if wanted:
            await self._jobs.job_manager.batch_defer_jobs_async(jobs=wanted, connection=await self._raw())


def _engine(url: str, *, pool_size: int, overflow: int) -> AsyncEngine:
    return create_async_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=overflow,
        pool_timeout=4.0,
        pool_pre_ping=True,
        connect_args={"options": _OPTIONS, "connect_timeout": 4},
    )


class Store:
    """The bot's own database."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.engine = _engine(url, pool_size=pool_size, overflow=6)
        self._reserved = _engine(url, pool_size=RESERVED, overflow=0)
        self.jobs = procrastinate.App(
            connector=procrastinate.PsycopgConnector(
                conninfo=url, min_size=2, max_size=6, timeout=5.0, kwargs={"options": _OPTIONS}
            )
        )

    @asynccontextmanager
    async def transaction(self, *, reserved: bool = False) -> AsyncIterator[Tx]:
        """One transaction; raises UnreachableError when the database is away (nothing was done then).

        `reserved`: on a connection kept for reminders and webhooks, which so never wait for those that a storm
        keeps busy.
        """
        engine = self._reserved if reserved else self.engine
        try:
            async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
                row = await session.execute(text("select offset_seconds from clock where id = 1"))
                tx = Tx(session, self.jobs, timedelta(seconds=row.scalar_one()))
                yield tx
                await tx.write_jobs()
        except PoolTimeoutError as error:
            raise UnreachableError(
                "The bot is too busy: all its connections to its database are in use."
            ) from error
        except (OperationalError, InterfaceError) as error:
            raise UnreachableError(f"The bot's database does not answer: {_short(error)}") from error
        except AssertionError as error:
            if not _of_psycopg(error):
                raise
            raise UnreachableError("The bot's database hung up in the middle of a statement.") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise UnreachableError(f"The bot's database hung up: {_short(error)}") from error
            raise

    async def close(self) -> None:
        await self.engine.dispose()
        await self._reserved.dispose()


def _of_psycopg(error: AssertionError) -> bool:
    """Whether it is all that psycopg says of a connection that broke while it sent many rows."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and str(last.tb_frame.f_globals.get("__name__", "")).startswith("psycopg.")


def _short(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0][:200]
