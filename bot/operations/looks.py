"""Looks at the systems: asked for, shared by everybody who asks the same, answered."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from zlib import crc32

from sqlalchemy import delete, func, select
from sqlmodel import col

from bot.domain.people import NOBODY, Who
from bot.store.session import LOOK_QUEUE, Tx
from bot.store.tables import Look

SAME = timedelta(seconds=5)  # the same question within this time is answered by the same look
_TASKS = {"health": ("health",), "diagnosis": ("diagnosis", "plot")}
_LOCK = 0x4C4F  # first key of the advisory locks of questions


@dataclass(frozen=True, slots=True)
class Asked:
    """Where somebody asked, and so where the answer goes."""

    channel: str = ""
    response_url: str = ""
    number: int = 0  # of the incident whose thread it goes to
    incident_id: int = 0
    by: Who = NOBODY

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"by": self.by.as_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Asked":
        return cls(**{**value, "by": Who.from_json(value.get("by"))})

    def beside(self, other: "Asked") -> bool:
        """Whether both read the same place."""
        return (self.channel, self.incident_id) == (other.channel, other.incident_id)


async def ask(
    tx: Tx, kind: str, key: str, subject: Mapping[str, Any], asked: Asked, *, automatic: bool = False
) -> int:
    """A look: begun, or joined if the same was asked a moment ago; its id."""
    await tx.session.execute(select(func.pg_advisory_xact_lock(_LOCK, crc32(f"{kind} {key}".encode()) - 2**31)))
    look = await _under_way(tx, kind, key)
    if look is not None and _join(look, asked):
        return look.id or 0
    look = Look(
        key=key,
        kind=kind,
        subject=dict(subject),
        places=[asked.as_json()],
        automatic=automatic,
        asked_at=tx.now,
    )
    tx.session.add(look)
    await tx.session.flush()
    for task in _TASKS[kind]:
        await tx.defer(task, queue=LOOK_QUEUE, look_id=look.id)
    return look.id or 0


async def _under_way(tx: Tx, kind: str, key: str) -> Look | None:
    query = (
        select(Look)
        .where(col(Look.key) == key, col(Look.kind) == kind, col(Look.asked_at) >= tx.now - SAME)
        .order_by(col(Look.id).desc())
        .limit(1)
        .with_for_update()
    )
    return (await tx.session.execute(query)).scalar_one_or_none()


def _join(look: Look, asked: Asked) -> bool:
    """Answer this one too; False if the look has ended and its answer stands elsewhere."""
    beside = next((i for i, place in enumerate(look.places) if asked.beside(Asked.from_json(place))), None)
    if beside is None:
        if look.done_at is not None:
            return False
        look.places = [*look.places, asked.as_json()]
    elif asked.by and asked.by.slack_id != look.places[beside]["by"].get("slack_id"):
        more = {
            **look.places[beside],
            "response_url": asked.response_url or look.places[beside]["response_url"],
        }
        look.places = [*look.places[:beside], more, *look.places[beside + 1 :]]
    return True


async def get(tx: Tx, look_id: int, *, lock: bool = False) -> Look | None:
    query = select(Look).where(col(Look.id) == look_id)
    query = query.with_for_update() if lock else query
    return (await tx.session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


def places(look: Look) -> Sequence[Asked]:
    """Everybody whom it answers, in the order in which they asked."""
    return tuple(Asked.from_json(place) for place in look.places)


async def purge(tx: Tx, *, days: int) -> None:
    """Forget looks that have ended long ago; their messages stay."""
    old = tx.now - timedelta(days=days)
    await tx.session.execute(delete(Look).where(col(Look.done_at) < old))
