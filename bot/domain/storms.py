"""Many incidents of one kind at once are one thing to look at: who joins, and who is asked about. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(minutes=5)
MOST: Final = 5  # incidents of one kind within the window that still have a card each
FLAP: Final = timedelta(minutes=10)  # resolved and raised again within that: the same card
REFRESH: Final = timedelta(seconds=3)  # between two updates of a storm's card
PAGE: Final = 60  # incidents in one message of the list


@dataclass(frozen=True, slots=True)
class Fresh:
    """An incident of the last minutes that belongs to no storm yet."""

    id: int
    key: str


def key_of(entry_id: str, service_id: str, service: str) -> str:
    """What makes incidents alike: the runbook's entry, else the service."""
    return entry_id or f"service {service_id or service}"


def gather(fresh: Sequence[Fresh], going_on: Mapping[str, int], *, most: int = MOST) -> dict[str, list[int]]:
    """Who joins, by kind: all of a kind whose storm goes on, and all of one of which there are too many now."""
    alike: dict[str, list[int]] = {}
    for each in fresh:
        alike.setdefault(each.key, []).append(each.id)
    return {key: ids for key, ids in alike.items() if key in going_on or len(ids) > most}


@dataclass(frozen=True, slots=True)
class Member:
    """An unacknowledged incident of a storm, as far as its ladder goes."""

    id: int
    due: bool  # somebody will be asked about it
    level: int
    anchor: datetime


def speaker(members: Sequence[Member]) -> int | None:
    """The one whose ladder speaks for all: the one that was climbed furthest, else the oldest."""
    best = min(members, key=lambda m: (not m.due, -m.level, m.anchor, m.id), default=None)
    return best.id if best else None


def is_flap(resolved_at: datetime | None, raised_at: datetime) -> bool:
    """Whether something that was resolved is back so soon that it is the same thing."""
    return resolved_at is not None and timedelta() <= raised_at - resolved_at <= FLAP
