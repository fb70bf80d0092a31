"""Compare with PagerDuty what we believe, and repair what its webhooks missed.

At the start, after a gap, and every minute; where no webhook can come in, every ten seconds instead of them. One
replica at a time, within a budget of requests; where it stops, the next look goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import text

from bot.domain import catchup, pagerduty, pagerduty_log
from bot.domain.catchup import Stretch
from bot.domain.pagerduty import Snapshot
from bot.errors import AtsError, PermanentError, RateLimitedError
from bot.jobs.work import Work
from bot.operations import incidents, sync

log = structlog.get_logger(__name__)

EVERY: Final = 60.0  # seconds, with webhooks
POLLING: Final = 10.0  # seconds, without: a change is seen 15 s after it happened at the latest
BUDGET: Final = 120  # requests of one look; PagerDuty allows 960 a minute, and people's clicks come first
PAGES: Final = 10  # of one stretch; more, and it is read in parts
PAGE: Final = 100
LAST_PAGES: Final = 100  # offset + limit may not exceed 10,000
_LOCK: Final = 0x5043  # first key of the advisory lock


@dataclass(slots=True)
class Budget:
    """Requests that this look may still make."""

    left: int = BUDGET

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found."""

    entries: int = 0  # of the log, that no webhook had told
    repaired: int = 0  # incidents that stood differently, or were unknown
    done: bool = True  # False: the budget ended before everything was read


class Reconciler:
    """Looks again and again."""

    def __init__(self, work: Work, *, webhooks: bool) -> None:
        self._work, self._webhooks = work, webhooks
        self.every = EVERY if webhooks else POLLING

    async def run(self) -> None:
        """For ever; what goes wrong is tried again at the next turn."""
        while True:
            pause = await self._turn()
            await asyncio.sleep(pause)

    async def _turn(self) -> float:
        """One look; seconds until the next."""
        try:
            look = await reconcile(self._work, webhooks=self._webhooks)
        except RateLimitedError as error:
            log.warning("reconciliation waits", seconds=error.retry_after)
            return max(error.retry_after, self.every)
        except AtsError as error:
            log.warning("reconciliation failed; trying again", error=str(error))
        except Exception:
            log.exception("reconciliation failed; trying again")
        else:
            return self.every if look is None or look.done else POLLING
        return self.every


@asynccontextmanager
async def _alone(work: Work) -> AsyncIterator[bool]:
    """Hold the lock; False if another replica has it. It falls free with the connection."""
    async with work.store.engine.connect() as opened:
        connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
        got = (await connection.execute(text("select pg_try_advisory_lock(:k, 0)"), {"k": _LOCK})).scalar_one()
        try:
            yield bool(got)
        finally:
            if got:
                await connection.execute(text("select pg_advisory_unlock(:k, 0)"), {"k": _LOCK})


async def reconcile(work: Work, *, webhooks: bool = True, budget: int = BUDGET) -> Look | None:
    """One look; None if another replica looks. Raises bot.errors when PagerDuty does not answer."""
    async with _alone(work) as mine:
        return await _look(work, Budget(budget), webhooks=webhooks) if mine else None


async def _look(work: Work, budget: Budget, *, webhooks: bool) -> Look:
    async with work.store.transaction() as tx:
        known, now = await sync.mark(tx, sync.LOG), tx.now
    if webhooks:
        await _subscriptions_if_shown(work, budget)
    # Incidents first: what is open and unknown is on the channel before its history is told.
    repaired = await _open_incidents(work, budget)
    entries, done = await _log(work, known.at if known else None, now, budget)
    look = Look(entries, repaired, done)
    if known is not None and catchup.is_gap(known.at, now):
        log.info("caught up with PagerDuty", entries=entries, repaired=repaired, done=done)
        async with work.store.transaction() as tx:
            await sync.caught_up(tx, work.rules, away=now - known.at, entries=entries, repaired=repaired)
    return look


# The log


async def _log(work: Work, cursor: datetime | None, now: datetime, budget: Budget) -> tuple[int, bool]:
    """Read on from the cursor; (entries that were news, whether the present was reached)."""
    news = 0
    while True:
        stretch = catchup.next_stretch(cursor, now)
        read = await _read(work, stretch, budget)
        if read is None:
            return news, False
        entries, until = read
        news += await _apply(work, entries, budget)
        async with work.store.transaction() as tx:
            await sync.move(tx, sync.LOG, until)
        if until >= now:
            return news, True
        cursor = until + catchup.OVERLAP  # within one look nothing is read twice


async def _read(work: Work, stretch: Stretch, budget: Budget) -> tuple[list[dict[str, Any]], datetime] | None:
    """All entries of the longest beginning of the stretch that is not too much; None: the budget is used up."""
    while True:
        pages = LAST_PAGES if stretch.narrow else PAGES
        entries: list[dict[str, Any]] = []
        for page in range(pages):
            if not budget.take():
                return None
            found, more = await work.pagerduty.log_page(
                since=stretch.since, until=stretch.until, offset=page * PAGE
            )
            entries += found
            if not more or not found:
                return entries, stretch.until
        if stretch.narrow:
            log.error("more log entries in one second than PagerDuty lists", at=stretch.since.isoformat())
            return entries, stretch.until
        stretch = stretch.halved()


async def _apply(work: Work, raw: list[dict[str, Any]], budget: Budget) -> int:
    told = pagerduty_log.telling(raw)
    by_id = {str(each.get("id")): each for each in raw}
    async with work.store.transaction() as tx:
        unknown = await sync.unknown_of(tx, [entry.incident_id for entry in told])
    for pd_id in unknown:
        await _fetch(work, pd_id, budget)
    news = 0
    for entry in told:
        async with work.store.transaction() as tx:
            news += await sync.apply(tx, work.rules, entry, by_id[entry.id])
    return news


# The incidents


async def _open_incidents(work: Work, budget: Budget) -> int:
    """Every open incident as it stands, then those that are open here only."""
    found = await _open_there(work, budget)
    if found is None:
        return 0
    async with work.store.transaction() as tx:
        odd = await sync.differing(tx, [seen for seen, _ in found])
    repaired = 0
    for seen, raw in found:
        repaired += await _observe(work, raw, budget) if seen.pd_id in odd else 0
    ids = {seen.pd_id for seen, _ in found}
    async with work.store.transaction() as tx:
        closed = [pd_id for pd_id in await sync.open_here(tx) if pd_id not in ids]
    for pd_id in closed:
        repaired += await _fetch(work, pd_id, budget)
    return repaired


async def _open_there(work: Work, budget: Budget) -> list[tuple[Snapshot, dict[str, Any]]] | None:
    """All that are open in PagerDuty; None if the budget does not reach, for a part says nothing about the rest."""
    found: list[tuple[Snapshot, dict[str, Any]]] = []
    for page in range(LAST_PAGES):
        if not budget.take():
            return None
        listed, more = await work.pagerduty.open_page(offset=page * PAGE)
        found += [(pagerduty.snapshot(raw), raw) for raw in listed if pagerduty.text(raw.get("id"))]
        if not more or not listed:
            break
    return found


async def _observe(work: Work, raw: Mapping[str, Any], budget: Budget) -> bool:
    seen = pagerduty.snapshot(raw)
    async with work.store.transaction() as tx:
        outcome = await incidents.observed(tx, work.rules, seen)
    if outcome == "begun":
        await _history(work, seen.pd_id, budget)
    return bool(outcome)


async def _history(work: Work, pd_id: str, budget: Budget) -> None:
    """What happened to an incident before we knew of it: for its timeline, not for its thread."""
    if not budget.take():
        return
    raw = await work.pagerduty.log_entries(pd_id)
    by_id = {str(each.get("id")): each for each in raw}
    for entry in pagerduty_log.telling(raw):
        async with work.store.transaction() as tx:
            await sync.apply(tx, work.rules, entry, by_id[entry.id], quiet=True)


async def _fetch(work: Work, pd_id: str, budget: Budget) -> bool:
    """One incident as it stands; one that PagerDuty does not know (any more) is left as it is."""
    if not budget.take():
        return False
    try:
        return await _observe(work, await work.pagerduty.incident(pd_id), budget)
    except PermanentError as error:  # of one incident: the others must have their turn
        log.warning("incident not shown by PagerDuty", incident=pd_id, error=str(error))
        return False


# The subscription


async def _subscriptions_if_shown(work: Work, budget: Budget) -> None:
    """A token that may not see subscriptions may see the incidents all the same."""
    try:
        await _subscriptions(work, budget)
    except PermanentError as error:
        log.warning("the webhook subscription cannot be looked at", error=str(error))


async def _subscriptions(work: Work, budget: Budget) -> None:
    """Switched off because it was refused: alarm, and switch it on again. Switched off by people: alarm."""
    if not budget.take():
        return
    for found in await work.pagerduty.webhook_subscriptions():
        method = found.get("delivery_method") or {}
        if "/pagerduty/webhooks" not in str(method.get("url")):
            continue
        if method.get("temporarily_disabled"):
            await work.pagerduty.enable_subscription(str(found.get("id")))
            log.error("the webhook subscription was disabled; enabled again", subscription=found.get("id"))
            await _say(work, str(found.get("id")), mended=True, why="")
        elif not found.get("active", True):
            await _say(
                work, str(found.get("id")), mended=False, why="somebody has made the subscription inactive."
            )


async def _say(work: Work, subscription_id: str, *, mended: bool, why: str) -> None:
    async with work.store.transaction() as tx:
        await sync.disabled(tx, work.rules, subscription_id, mended=mended, why=why)
