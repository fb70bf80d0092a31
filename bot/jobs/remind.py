"""What has fallen due: found in the incidents' rows, many at a time, and fired."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from bot.errors import AtsError
from bot.jobs.work import Work
from bot.operations import ladder
from bot.operations.ladder import Fired, Rota

log = structlog.get_logger(__name__)

BATCH: Final = 50  # incidents in one transaction


async def remind(work: Work, *, excused: tuple[datetime, datetime] | None = None) -> list[Fired]:
    """Fire every reminder that is due now; `excused`: a stretch that the clock was moved over meanwhile."""
    fired: list[Fired] = []
    tried: set[int] = set()
    while True:
        async with work.store.transaction() as tx:
            ids = [i for i in await ladder.due(tx, limit=BATCH + len(tried)) if i not in tried]
        if not ids:
            return fired
        tried.update(ids)
        rota = Rota(await work.duty.duties(), excused)
        fired += await _fire(work, ids, rota)


async def _fire(work: Work, ids: Sequence[int], rota: Rota) -> list[Fired]:
    try:
        async with work.store.transaction() as tx:
            return await ladder.fire(tx, work.rules, ids, rota)
    except AtsError:
        raise  # the database is away: for all of them
    except Exception:
        if len(ids) == 1:
            log.exception("reminder failed", incident=ids[0])
            return []
        log.exception("a batch of reminders failed; one by one instead")
    return [each for one in ids for each in await _fire(work, [one], rota)]
