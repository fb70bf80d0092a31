"""What has fallen due: found in the incidents' rows, many at a time, and fired."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.errors import AtsError
from bot.jobs.work import Work
from bot.operations import ladder, storms
from bot.operations.ladder import Fired, Rota
from bot.store.session import Tx

log = structlog.get_logger(__name__)

BATCH: Final = 50  # incidents in one transaction


@dataclass(frozen=True, slots=True)
class Pace:
    """How the clock goes: what it is moved by in drills, and what it was moved over since the last look."""

    offset: timedelta
    excused: tuple[datetime, datetime] | None = None


class MovedError(Exception):
    """The clock was moved since the look began: what is due is for the next look, which knows of it."""


async def remind(work: Work, pace: Pace) -> list[Fired]:
    """Fire every reminder that is due now."""
    fired: list[Fired] = []
    tried: set[int] = set()
    try:
        while True:
            async with at_pace(work, pace) as tx:
                ids = [i for i in await ladder.due(tx, limit=BATCH + len(tried)) if i not in tried]
                # After looking, so that each of them that belongs to a storm is known to before it is asked about.
                gathered = await storms.gather(tx, work.rules)
            if not ids or not gathered:
                return fired
            tried.update(ids)
            fired += await _fire(work, ids, Rota(await work.duty.duties(), pace.excused), pace)
    except MovedError:
        return fired


@asynccontextmanager
async def at_pace(work: Work, pace: Pace) -> AsyncIterator[Tx]:
    """A transaction, unless the clock was moved since the look began: then it raises MovedError."""
    async with work.store.transaction(reserved=True) as tx:
        if tx.offset != pace.offset:
            raise MovedError
        yield tx


async def _fire(work: Work, ids: Sequence[int], rota: Rota, pace: Pace) -> list[Fired]:
    try:
        async with at_pace(work, pace) as tx:
            return await ladder.fire(tx, work.rules, ids, rota)
    except (AtsError, MovedError):
        raise  # the database is away: for all of them
    except Exception:
        if len(ids) == 1:
            log.exception("reminder failed", incident=ids[0])
            return []
        log.exception("a batch of reminders failed; one by one instead")
    return [each for one in ids for each in await _fire(work, [one], rota, pace)]
