"""The figures of the last days: behind trends, and behind deltas such as PM2's restarts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot.domain.health import Sample
from bot.store.session import Tx
from bot.store.tables import Chore, HealthSample, table

RECENT = timedelta(minutes=30)  # each figure; before, the highest of each slice of time
_SLICES = ((timedelta(days=1), 900), (timedelta(days=7), 7200))  # (how far back, seconds of a slice)
History = Mapping[str, tuple[Sample, ...]]


async def keep(tx: Tx, figures: Mapping[str, float], *, at: datetime | None = None) -> None:
    """Keep what was measured."""
    rows = [{"at": at or tx.now, "name": name[:200], "value": value} for name, value in figures.items()]
    if rows:
        await tx.session.execute(insert(table(HealthSample)), rows)


async def recent(tx: Tx) -> History:
    """Every figure of the last half hour, oldest first."""
    query = (
        select(col(HealthSample.name), col(HealthSample.at), col(HealthSample.value))
        .where(col(HealthSample.at) > tx.now - RECENT, col(HealthSample.at) <= tx.now)
        .order_by(col(HealthSample.name), col(HealthSample.at))
    )
    rows = (await tx.session.execute(query)).all()
    return {
        name: tuple(Sample(r.at, r.value) for r in group) for name, group in groupby(rows, lambda r: r.name)
    }


async def older(tx: Tx, *, days: int = 1) -> History:
    """The lowest and the highest figure of each slice of time, oldest first."""
    back, seconds = _SLICES[0] if days <= 1 else _SLICES[1]
    slice_ = func.floor(func.extract("epoch", col(HealthSample.at)) / seconds)
    query = (
        select(
            col(HealthSample.name), func.min(col(HealthSample.at)).label("began"),
            func.max(col(HealthSample.at)).label("ended"),
            func.min(col(HealthSample.value)).label("low"), func.max(col(HealthSample.value)).label("high"),
        )
        .where(col(HealthSample.at) > tx.now - back, col(HealthSample.at) <= tx.now)
        .group_by(col(HealthSample.name), slice_)
        .order_by(col(HealthSample.name), slice_)
    )  # fmt: skip
    rows = (await tx.session.execute(query)).all()
    return {
        name: tuple(s for r in group for s in (Sample(r.began, r.low), Sample(r.ended, r.high)))
        for name, group in groupby(rows, lambda r: r.name)
    }


async def purge(tx: Tx, *, days: int) -> None:
    """Forget what is older."""
    await tx.session.execute(delete(HealthSample).where(col(HealthSample.at) < tx.now - timedelta(days=days)))


_CLAIM = insert(table(Chore))


async def claim(tx: Tx, name: str, every: timedelta) -> bool:
    """Whether a periodic work is due, and this replica's to do; True to one of them."""
    statement = (
        _CLAIM.values(name=name, at=tx.now)
        .on_conflict_do_update(
            index_elements=["name"], set_={"at": tx.now}, where=col(Chore.at) <= tx.now - every
        )
        .returning(col(Chore.name))
    )
    return (await tx.session.execute(statement)).scalar_one_or_none() is not None
