"""An incident's status from its history, whatever order the history arrives in and however often.

What is told of an incident is kept as a set of moves. The status is a fold over the set in the order of PagerDuty's
own times, so that any order and repetition of the same webhooks, log entries and answers ends in the same state.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.domain.people import NOBODY, Who

_RANK: Final = {"triggered": 0, "acknowledged": 1, "resolved": 2}
KEPT: Final = 200  # moves of one incident; the oldest of a flapping one are forgotten
_SAME: Final = timedelta(seconds=1)  # by which a webhook's time and the log's whole seconds may differ


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that was told about the status."""

    status: str  # "triggered" | "acknowledged" | "resolved"
    at: datetime
    by: Who = NOBODY
    # "said": the event itself set it. "seen": how it stood at that moment, which is news only if it differs.
    # "raised": an alert came in, which triggers again what was resolved and nothing else.
    how: str = "said"
    exact: bool = True  # False: of the REST API, whose times are cut to whole seconds

    def as_json(self) -> dict[str, Any]:
        """Short, for an incident keeps many."""
        short = {"s": self.status, "at": self.at.isoformat(), "how": self.how}
        return short | ({"by": self.by.as_json()} if self.by else {}) | ({} if self.exact else {"cut": True})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Move":
        return cls(
            str(value["s"]),
            datetime.fromisoformat(str(value["at"])),
            Who.from_json(value.get("by")),
            str(value.get("how") or "said"),
            not value.get("cut"),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an incident stands, and since when."""

    status: str
    status_at: datetime
    triggered_at: datetime
    rearmed_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: Who = NOBODY
    resolved_at: datetime | None = None
    resolved_by: Who = NOBODY


def joined(known: Iterable[Move], *new: Move) -> tuple[Move, ...]:
    """The set with the new moves; one that only repeats a more exact one in whole seconds is left out.

    What was asked for through us in the name of somebody else stays theirs who asked.
    """
    every: dict[tuple[datetime, int, str, bool, str], Move] = {}
    for move in (*known, *new):
        other = every.setdefault(_key(move), move)
        every[_key(move)] = max(move, other, key=_known_of)
    exact, cut = ([move for move in every.values() if move.exact is wanted] for wanted in (True, False))
    kept = [_by_the_known(move, cut) for move in exact]
    kept += [m for m in cut if not any(_repeats(m, other) for other in exact)]
    return tuple(sorted(kept, key=_key)[-KEPT:])


def _by_the_known(exact: Move, cut: Iterable[Move]) -> Move:
    same = [m for m in cut if m.by.pd_id and m.by.pd_id == exact.by.pd_id and _repeats(m, exact)]
    return replace(exact, by=max((exact, *same), key=_known_of).by)


def _key(move: Move) -> tuple[datetime, int, str, bool, str]:
    return move.at, _RANK[move.status], move.how, move.exact, move.by.pd_id or move.by.name


def _known_of(move: Move) -> tuple[str, str]:
    return move.by.slack_id, move.by.name  # of the same person, who is known in Slack too


def _repeats(cut: Move, exact: Move) -> bool:
    near = abs(exact.at.replace(microsecond=0) - cut.at.replace(microsecond=0)) <= _SAME
    same = not cut.by.pd_id or not exact.by.pd_id or cut.by.pd_id == exact.by.pd_id
    return near and same and cut.status == exact.status


def fold(moves: Iterable[Move], *, triggered_at: datetime) -> Progress:
    """Where all that happened leaves the incident."""
    progress = Progress("triggered", triggered_at, triggered_at)
    for move in _in_order(moves):
        progress = _after(progress, move)
    return progress


def _in_order(moves: Iterable[Move]) -> Sequence[Move]:
    """By time; of two at the same instant the further one counts.

    A time in whole seconds may be any instant of its second: it stands behind what it follows on
    (triggered < acknowledged < resolved) and before the rest of that second.
    """
    every = list(moves)
    ordered = sorted((m for m in every if m.exact), key=_key)
    for move in sorted((m for m in every if not m.exact), key=_key):
        ordered.insert(_place(ordered, move), move)
    return ordered


def _place(ordered: Sequence[Move], move: Move) -> int:
    second = move.at.replace(microsecond=0)
    place = sum(1 for other in ordered if other.at.replace(microsecond=0) < second)
    for index in range(place, len(ordered)):
        other = ordered[index]
        if other.at.replace(microsecond=0) > second:
            break
        if _RANK[other.status] <= _RANK[move.status]:
            place = index + 1
    return place


def _after(before: Progress, move: Move) -> Progress:
    if move.status == "triggered":
        return _triggered(before, move)
    if move.status == before.status:
        return _named(before, move)
    if move.status == "acknowledged":
        began = replace(before, resolved_at=None, resolved_by=NOBODY)
        return replace(began, status="acknowledged", status_at=move.at, acked_at=move.at, acked_by=move.by)
    return replace(before, status="resolved", status_at=move.at, resolved_at=move.at, resolved_by=move.by)


def _named(before: Progress, move: Move) -> Progress:
    """The same again: it may tell who it was, if that was not known."""
    if move.status == "acknowledged" and not before.acked_by:
        return replace(before, acked_by=move.by)
    if move.status == "resolved" and not before.resolved_by:
        return replace(before, resolved_by=move.by)
    return before


def _triggered(before: Progress, move: Move) -> Progress:
    if move.how == "raised" and before.status != "resolved":
        return before
    if move.how == "seen" and before.status == "triggered":
        return before
    return replace(
        before, status="triggered", status_at=move.at, rearmed_at=move.at, acked_at=None, acked_by=NOBODY,
        resolved_at=None, resolved_by=NOBODY,
    )  # fmt: skip


def of_answer(status: str, at: datetime | None, *, now: datetime, by: Who) -> Move:
    """What the answer to a REST call of ours tells: its time is cut to whole seconds, or missing."""
    return Move(
        status, at or now.astimezone(UTC), by, how="seen" if status == "triggered" else "said", exact=False
    )
