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


def in_command(taken_at: datetime | None, taken_by: Who, handed: Sequence[Mapping[str, Any]]) -> Who:
    """Whoever command was handed to last since it was taken, else whoever took it; by time, not by order of hearing."""
    since = [each for each in handed if taken_at is not None and _moment(each, "at") >= taken_at]
    last = max(since, key=lambda each: _moment(each, "at"), default=None)
    return Who.from_json(last.get("to")) if last else taken_by


def not_before(due: datetime | None, taken_at: datetime | None, asked: Mapping[str, Any]) -> datetime | None:
    """When to ask, if it was asked or put off since it was taken: not again before that has run out."""
    if due is None or taken_at is None or not asked or _moment(asked, "at") < taken_at:
        return due
    return max(due, _moment(asked, "until"))


def _moment(value: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(str(value[name]))


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
