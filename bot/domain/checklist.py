"""A guided checklist: a procedure of the runbook that people carry out, item by item. Pure.

The items are copied when it is started: an edit of the runbook does not change a checklist under way. Only the
next open item can be ticked, so that nothing is done before what it depends on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from bot.domain.people import NOBODY, Who
from runbook import FillError, check_parameter, parse_duration
from runbook.model import Entry, Kind, Step

_TIME: Final = r"(\d{1,3})[ -]?(s|sec|second|m|min|minute|h|hour)s?\b"
_WAIT: Final = re.compile(rf"\b(?:watch|wait|monitor|observe)\b[^.;:\n]{{0,60}}?\bfor\s+{_TIME}", re.IGNORECASE)
_TARGET: Final = re.compile(rf"\btarget:\s*{_TIME}|\b{_TIME}\s+target\b", re.IGNORECASE)
_WAY_BACK: Final = re.compile(r"^\W*rollback\**:\**\s+(.+)$", re.IGNORECASE | re.MULTILINE)
_NUMBERED: Final = re.compile(r"^\s*#?\s*\d{1,2}[.)]\s+(.+)$", re.MULTILINE)
_ASIDE: Final = re.compile(r"(?:rollback|schedule|next)\**:", re.IGNORECASE)  # said about it, not to be ticked
_BY_HAND: Final = frozenset({Kind.MANUAL, Kind.CHECKLIST})


class TickState(StrEnum):
    """How an item was left behind."""

    DONE = "done"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do."""

    id: str  # of the runbook's step
    title: str
    commands: str = ""  # to copy; empty for an instruction
    cautions: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)  # asked for when it is ticked: name -> type
    wait: timedelta = timedelta()  # that the item says to wait or watch
    by_hand: bool = True  # False: the bot can run it (`/ats run`)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "title": self.title, "commands": self.commands, "cautions": list(self.cautions),
            "params": dict(self.params), "wait": self.wait.total_seconds(), "by_hand": self.by_hand,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Item":
        wait = timedelta(seconds=value["wait"])
        return cls(**{**value, "cautions": tuple(value["cautions"]), "wait": wait})


@dataclass(frozen=True, slots=True)
class Tick:
    """Who left an item behind, when, and how."""

    state: TickState
    by: Who
    at: datetime
    note: str = ""  # why it was skipped, or what was filled in


@dataclass(frozen=True, slots=True)
class Checklist:
    """A checklist under way, or over."""

    id: int
    title: str
    items: tuple[Item, ...]
    started_at: datetime
    started_by: Who = NOBODY
    ticks: Mapping[int, Tick] = field(default_factory=dict)
    waits: Mapping[int, datetime] = field(default_factory=dict)  # item -> when its time is over
    ended_at: datetime | None = None
    ended_by: Who = NOBODY
    given_up: str = ""  # why, when it was ended before its last item
    target: timedelta = timedelta()  # that the runbook gives the whole of it
    way_back: str = ""  # how to undo it, as the runbook says
    protects: frozenset[str] = frozenset()  # ids of items that stop trading, by the runbook as it is now
    number: int = 0  # of its incident
    edited: bool = False  # the runbook's entry is not what it was at the start

    @property
    def current(self) -> int | None:
        """The item whose turn it is; None when it is over."""
        if self.ended_at is not None:
            return None
        return next((i for i in range(len(self.items)) if i not in self.ticks), None)

    @property
    def last(self) -> int | None:
        """The item that was left behind last."""
        return max(self.ticks, default=None)


def items_of(entry: Entry) -> tuple[Item, ...]:
    """What there is to do for an entry of the runbook, in its order."""
    return tuple(item for step in entry.steps for item in _items(step) if not _ASIDE.match(item.title))


def _items(step: Step) -> tuple[Item, ...]:
    """One item, or one for each numbered line of a comment that is a list by itself."""
    numbered = _NUMBERED.findall(step.source) if step.kind is Kind.CHECKLIST else []
    if len(numbered) < 2:  # noqa: PLR2004 - one line is no list
        return (_item(step),)
    own = _item(step)
    return tuple(
        replace(own, id=f"{step.id}.{i}", title=line.strip(), wait=_time(_WAIT.search(line)))
        for i, line in enumerate(numbered, 1)
    )


def _item(step: Step) -> Item:
    by_hand = step.kind in _BY_HAND or not step.unlocked
    return Item(
        id=step.id,
        title=step.title,
        commands="" if step.kind is Kind.CHECKLIST else step.source,
        cautions=step.cautions,
        params=dict(step.params) if by_hand else {},
        wait=_time(_WAIT.search(step.title)),
        by_hand=by_hand and not (step.risk == "read" and step.program is not None),
    )


def _time(found: re.Match[str] | None) -> timedelta:
    if found is None:
        return timedelta()
    count, unit = [group for group in found.groups() if group]
    return parse_duration(f"{count}{unit[0].lower()}") or timedelta()


def target_of(entry: Entry) -> timedelta:
    """What the entry's text gives the whole procedure ("Target: 30 minutes"), nothing if it does not say."""
    return _time(_TARGET.search(entry.text))


def way_back_of(entry: Entry) -> str:
    """The line of the entry that says how to take it back, "" if there is none."""
    found = _WAY_BACK.search(entry.text)
    return found[1].strip().strip("*") if found else ""


def guided(entry: Entry) -> bool:
    """Whether an entry is for people, and so offered as a checklist: it has something to do by hand."""
    return any(item.by_hand for item in items_of(entry))


def refusal(checklist: Checklist, item: int, *, now: datetime, skip: bool = False) -> str:
    """Why this item cannot be left behind now, "" if it can."""
    if checklist.ended_at is not None:
        return f"This checklist is over: {checklist.given_up or 'every item is done'}."
    if item in checklist.ticks:
        tick = checklist.ticks[item]
        return f"Item {item + 1} is {tick.state} already, by {tick.by.name or 'somebody'}."
    if item != checklist.current:
        return f"Item {(checklist.current or 0) + 1} comes first."
    return "" if skip or not checklist.items[item].wait else _not_yet(checklist.waits.get(item), now)


def _not_yet(until: datetime | None, now: datetime) -> str:
    if until is None:
        return "Its time has not been started: press Start first, or Skip and say why."
    if now < until:
        return f"Its time is not over before {until:%H:%M} UTC. Skip it, and say why, if it must be shorter."
    return ""


def filled(item: Item, values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What was filled in as one line, or what is wrong with each value."""
    problems: dict[str, str] = {}
    for name, kind in item.params.items():
        try:
            check_parameter(name, kind, values.get(name, "").strip())
        except FillError as error:
            problems[name] = str(error)
    return ", ".join(f"{n} = {values[n].strip()}" for n in item.params if n in values), problems


def ticked(checklist: Checklist, item: int, tick: Tick) -> Checklist:
    """With one more item left behind; over when it was the last."""
    after = replace(checklist, ticks={**checklist.ticks, item: tick})
    return after if after.current is not None else replace(after, ended_at=tick.at, ended_by=tick.by)


def choose(entries: Sequence[Entry], words: str) -> Entry | None:
    """The entry with steps that these words name: its id, its title, or words that only one of them has."""
    wanted = words.strip().lower()
    offered = [entry for entry in entries if entry.steps]
    exact = [entry for entry in offered if wanted in {entry.id, entry.title.lower()}]
    parts = wanted.split()
    close = [e for e in offered if parts and all(part in f"{e.id} {e.title}".lower() for part in parts)]
    found = exact or close
    return found[0] if len(found) == 1 else None
