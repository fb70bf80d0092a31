"""A storm: many incidents of one kind, in one card with a count, and a list in its thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.people import Who
from bot.render.blocks import Block, actions, button, confirm_dialog, context, header, section, sections
from bot.render.message import Message, message
from bot.render.text import Md, bold, code, count, date, joined, lines, link, md, one_line, prose
from bot.render.views import OnCallView
from bot.render.words import (
    cautions,
    entry_cautions,
    first_command,
    name,
    oncall_line,
    sentence,
    severity,
)  # fmt: skip
from runbook.model import Entry

STEPS = 3
_SIGN = {"triggered": "🔔", "acknowledged": "👀", "resolved": "✅"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StormView:
    """All that a storm's card shows."""

    id: int
    number: int  # of the incident that speaks for all
    title: str
    severity: str
    since: datetime
    service: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    entry: Entry | None = None
    entry_link: str = ""
    oncall: tuple[OnCallView, ...] = ()
    next_reminder: tuple[datetime, str] | None = None
    reminders: tuple[str, ...] = ()
    pages: bool = True

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One incident of a storm."""

    number: int
    title: str
    status: str
    triggered_at: datetime
    by: Who | None = None
    url: str = ""


def storm_card(view: StormView, *, now: datetime, marker: str = "") -> Message:
    """One card for all: how many, how many of them nobody has, what the runbook says, one button for all."""
    what = view.entry.title if view.entry else view.title
    waiting = view.counts.get("triggered", 0)
    blocks: list[Block | None] = [
        header(f"{severity(view.severity)} · {view.total} × {one_line(what, 110)}"),
        *sections(_situation(view, now)),
        *(sections(cautions(entry_cautions(view.entry))) if view.entry else []),
        actions(_acknowledge(view), _runbook(view)) if waiting else None,
        _steps(view),
        context(*_footer(view)),
    ]
    return message(_summary(view, what), blocks, marker=marker)


def _summary(view: StormView, what: str) -> Md:
    return md("{} storm: {} × {}, {}", view.severity, view.total, one_line(what, 150), _numbers(view))


def _numbers(view: StormView) -> str:
    said = (("triggered", "not acknowledged"), ("acknowledged", "acknowledged"), ("resolved", "resolved"))
    return ", ".join(f"{view.counts[key]} {word}" for key, word in said if view.counts.get(key))


def _situation(view: StormView, now: datetime) -> Md:
    first, *_ = view.oncall or (None,)
    mention = view.pages and bool(view.counts.get("triggered"))
    return lines(
        md("🌩 *{}* within minutes: {}.", count(view.total, "incident"), _numbers(view)),
        md("Since {}. All of them are in the thread.", date(view.since, now)),
        md("*Impact:* {}", sentence(view.entry.impact)) if view.entry and view.entry.impact else "",
        md("*Service:* {}", one_line(view.service, 100)) if view.service else "",
        md("*On call* – {}", oncall_line(first, now, mention=mention)) if first else "",
        _next(view, now),
    )


def _next(view: StormView, now: datetime) -> Md:
    if not view.next_reminder or not view.counts.get("triggered"):
        return Md("")
    at, role = view.next_reminder
    return md("*Next:* {} is reminded at {}, once for all of them.", one_line(role, 60), date(at, now))


def _acknowledge(view: StormView) -> Block | None:
    waiting = view.counts.get("triggered", 0)
    sure = confirm_dialog(
        f"Acknowledge {waiting}?",
        "Each of them is acknowledged in PagerDuty, as you.",
        "Acknowledge",
        "Not yet",
    )
    return button(f"Acknowledge all {waiting}", "storm_ack", str(view.id), style="primary", confirm=sure)


def _runbook(view: StormView) -> Block | None:
    return button("Runbook", "incident_runbook", str(view.number)) if view.entry else None


def _steps(view: StormView) -> Block | None:
    if view.entry is None or not view.entry.steps:
        return None
    rows = []
    for number, step in enumerate(view.entry.steps[:STEPS], 1):
        command = first_command(step.source)
        title = md("{}. {}", number, prose(one_line(step.title, 120)))
        rows.append(joined(" ", (title, code(command, 70) if command else "")))
    return section(lines(md("📖 *First steps* – {}", one_line(view.entry.title, 100)), *rows))


def _footer(view: StormView) -> list[Md]:
    where = link(view.entry_link, "Runbook entry") if view.entry_link else Md("")
    did = lines(*(md("• {}", one_line(text, 200)) for text in view.reminders))
    return [text for text in (where, did) if text] or [Md("One card, one list, one ladder for all of them.")]


def storm_list(rows: Sequence[MemberRow], *, first: int, now: datetime, marker: str = "") -> Message:
    """A page of the list in the thread."""
    head = md("*{}–{} of this storm*", first, first + len(rows) - 1)
    text = lines(head, *(_line(row, now) for row in rows))
    return message(head, sections(text), marker=marker)


def _line(row: MemberRow, now: datetime) -> Md:
    number = link(row.url, f"#{row.number}") if row.url else bold(f"#{row.number}")
    by = md(" – {}", name(row.by)) if row.by and row.status != "triggered" else Md("")
    return md(
        "{} {} {} {}{}",
        _SIGN.get(row.status, "•"),
        number,
        date(row.triggered_at, now),
        one_line(row.title, 70),
        by,
    )


def all_acknowledged(who: Who, number: int, *, marker: str = "") -> Message:
    """Said once for all of them."""
    text = md("👀 {} acknowledged all {} of this storm. Reminders stop.", name(who, "Somebody"), number)
    return message(text, [section(text)], marker=marker)


def pointer(number: int, title: str, state: str, card_link: str, *, marker: str = "") -> Message:
    """What is left of a card whose incident has become part of a storm."""
    there = link(card_link, "the storm’s card") if card_link else Md("the storm’s card below")
    text = md("🌩 #{} {} is part of a storm: go on at {}.", number, one_line(title, 150), there)
    said = md("#{} {}: part of a storm, {}", number, one_line(title, 150), state)
    return message(said, [section(text)], marker=marker)
