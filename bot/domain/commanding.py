"""What is asked once somebody has an incident: status updates while it lasts, a postmortem once it is over. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.people import Who

SNOOZE = timedelta(minutes=30)


def next_update(
    severity: str, since: datetime, last: datetime | None, every: Mapping[str, timedelta]
) -> datetime | None:
    """When the commander is asked how it stands: so long after the last word, or after it was taken; None: never."""
    wait = every.get(severity)
    return None if wait is None else max(since, last or since) + wait


def next_review(stage: int, resolved_at: datetime, after: Sequence[timedelta]) -> datetime | None:
    """When the postmortem is asked for, for the first time (stage 0), the second, …; None: no more."""
    return resolved_at + after[stage] if 0 <= stage < len(after) else None


@dataclass(frozen=True, slots=True)
class Shift:
    """The on-call of a role has changed."""

    role: str
    before: tuple[Who, ...]
    now: tuple[Who, ...]


def shifts(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> tuple[Shift, ...]:
    """Whose shift ended, and whose began, between two looks at the rota; what was not known before is no change."""
    then, there = _by_role(before), _by_role(now)
    return tuple(
        Shift(role, then[role], people)
        for role, people in there.items()
        if role in then and _ids(people) != _ids(then[role])
    )


def _by_role(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Who, ...]]:
    found: dict[str, tuple[Who, ...]] = {}
    for row in rows:
        who = Who.from_json(row)
        role = str(row.get("role") or "")
        found[role] = (*found.get(role, ()), *((who,) if who else ()))
    return found


def _ids(people: Sequence[Who]) -> set[str]:
    return {who.pd_id or who.name for who in people}
