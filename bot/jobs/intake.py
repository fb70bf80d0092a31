"""Apply the webhooks that were only kept because too many came at once."""

from collections.abc import Sequence
from typing import Final

import structlog

from bot.errors import AtsError
from bot.jobs.work import Work
from bot.operations import intake

log = structlog.get_logger(__name__)

BATCH: Final = 20  # in one transaction, which holds their incidents for a fraction of a second


async def take_in(work: Work) -> None:
    """Until none waits any more."""
    while await _some(work):
        pass


async def _some(work: Work) -> bool:
    """A batch; False if none waits, or another worker is at it."""
    oncall = work.directory.rota_known()
    ids: list[int] = []
    try:
        async with work.store.transaction() as tx:
            ids = await intake.waiting(tx, limit=BATCH)
            if ids:
                await intake.apply(tx, work.rules, ids, oncall=oncall)
    except AtsError:
        raise  # the database is away: for all of them
    except Exception:
        log.exception("a batch of webhooks was not applied; one by one instead")
        await _one_by_one(work, ids)
    return bool(ids)


async def _one_by_one(work: Work, ids: Sequence[int]) -> None:
    for each in ids:
        try:
            async with work.store.transaction() as tx:
                await intake.apply(tx, work.rules, [each], oncall=work.directory.rota_known())
        except AtsError:
            raise
        except Exception as error:
            log.exception("webhook not applied; the next comparison with PagerDuty makes up for it", inbox=each)
            async with work.store.transaction() as tx:
                await intake.set_aside(tx, each, f"{type(error).__name__}: {error}")
