"""Modals. The incident's number travels as `private_metadata`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.render.blocks import (
    Block,
    context,
    divider,
    grouped_select,
    input_block,
    option,
    section,
    sections,
    text_input,
)
from bot.render.message import View, modal
from bot.render.pages import entry_blocks
from bot.render.replies import timeline_line
from bot.render.text import Md, count, lines, link, md, one_line
from bot.render.views import TimelineRow
from runbook.model import Entry

NOTE: Final = 2000


def runbook_modal(entry: Entry, *, number: int | None = None, reason: str = "", url: str = "") -> View:
    """An entry of the runbook: impact, trigger, cautions first, then each step with its commands."""
    why = md("Chosen because: {}", one_line(reason, 300)) if reason else ""
    where = link(url, "Open in the runbook") if url else ""
    foot = [context(why, where)] if why or where else []
    return modal(
        "Runbook", [*entry_blocks(entry), *foot], private_metadata="" if number is None else str(number)
    )


def no_entry_modal(number: int) -> View:
    """There is no entry for this incident."""
    text = md("*No runbook entry is chosen for #{}.*\nChoose one on the card, or under … → More….", number)
    return modal("Runbook", [section(text)], private_metadata=str(number))


def note_modal(number: int, title: str = "", *, text: str = "") -> View:
    """A note for an incident."""
    about = [section(md("*{}*", f"#{number} {one_line(title, 150)}"))] if title else []
    field = text_input(
        "note",
        "text",
        "Note",
        maximum=NOTE,
        initial=text,
        placeholder="What you saw, tried or decided",
        hint="It goes to PagerDuty, the incident's thread and its timeline.",
    )
    return modal(
        "Add a note",
        [*about, field],
        submit="Add",
        close="Cancel",
        callback_id="note_submit",
        private_metadata=str(number),
    )


def resolve_modal(number: int, title: str = "") -> View:
    """Resolving, with a word on what it was if there is time."""
    about = section(
        md(
            "Resolve *{}*?\nIt is closed in PagerDuty too, and reminders stop.",
            f"#{number} {one_line(title, 150)}",
        )
    )
    field = text_input(
        "note",
        "text",
        "What was it?",
        maximum=NOTE,
        optional=True,
        placeholder="Cause, and what helped",
        hint="May stay empty. Else it is kept as a note.",
    )
    return modal(
        "Resolve",
        [about, field],
        submit="Resolve",
        close="Not yet",
        callback_id="resolve_submit",
        private_metadata=str(number),
    )


def entry_modal(number: int, entries: Sequence[Entry], *, current: str = "") -> View:
    """The choice of a runbook entry for an incident, grouped, alerts first."""
    menu = grouped_select("choice", "Choose an entry", _groups(entries), initial=current)
    if menu is None:
        return modal("Runbook entry", [section("The runbook has no entries.")], private_metadata=str(number))
    return modal(
        "Runbook entry",
        [input_block("entry", f"Which entry fits #{number}?", menu)],
        submit="Choose",
        close="Cancel",
        callback_id="entry_submit",
        private_metadata=str(number),
    )


def _groups(entries: Sequence[Entry]) -> Mapping[str, list[Block | None]]:
    groups: dict[str, list[Block | None]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.kind != "alert", entry.severity or "P9")):
        label = (
            f"{entry.severity} alerts".strip()
            if entry.kind == "alert"
            else " › ".join(entry.path[-1:]) or "Procedures"
        )
        groups.setdefault(label, []).append(option(entry.title, entry.id))
    return groups


def timeline_modal(number: int, title: str, rows: Sequence[TimelineRow], *, now: datetime) -> View:
    """What happened to an incident, oldest first; the newest rows when there are too many."""
    shown = [timeline_line(row, now, 2000) for row in rows[-200:]]
    left = len(rows) - len(shown)
    body = sections(lines(*shown)) or [section(Md("Nothing is recorded yet."))]
    return modal(
        "Timeline",
        [
            section(md("*{}*", f"#{number} {one_line(title, 150)}")),
            divider(),
            *body,
            context(md("{} left out here; the whole is kept.", count(left, "older line"))) if left else None,
        ],
        private_metadata=str(number),
    )
