"""Guided checklists: the message that shows where one stands, and the modals of its buttons."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.checklist import Checklist, Item, Tick, TickState
from bot.render.blocks import (
    Block,
    actions,
    button,
    context,
    header,
    input_block,
    option,
    section,
    sections,
    static_select,
    text_input,
)
from bot.render.message import Message, View, message, modal
from bot.render.run_modals import confirmation_button, one_click_button
from bot.render.text import Md, bold, code, code_block, date, duration, joined, lines, md, one_line, prose
from bot.render.words import cautions, name, person
from runbook.model import Entry

_SHOWN: Final = 40  # items in one message; a longer procedure shows those around the current one
_REASON: Final = 500
_CHOICES: Final = "one of "
_INPUT: Final = "text"  # the field of every block of the modals


def checklist_message(state: Checklist, *, now: datetime, marker: str = "") -> Message:
    """A checklist as it stands: what is done and by whom, and what is next, in full."""
    item = state.current
    blocks: list[Block | None] = [
        header(f"📋 {one_line(state.title, 120)}"),
        section(_standing(state, now)),
        *_at_any_moment(state),
        *sections(lines(*_rows(state, now))),
        *(_turn(state, item, now) if item is not None else []),
        actions(*_buttons(state, now)),
        context(*_foot(state)) if _foot(state) else None,
    ]
    return message(
        joined(" · ", (f"Checklist {one_line(state.title)}", _summary(state))), blocks, marker=marker
    )


def _summary(state: Checklist) -> str:
    done = f"{len(state.ticks)} of {len(state.items)} done"
    if state.given_up:
        return f"given up, {done}"
    return "finished" if state.ended_at else done


def _standing(state: Checklist, now: datetime) -> Md:
    about = f"for #{state.number}" if state.number else ""
    began = md("started by {} at {}", name(state.started_by, "somebody"), date(state.started_at, now))
    return lines(joined(" · ", (bold(_how(state)), about, began)), _end(state, now))


def _how(state: Checklist) -> str:
    done = sum(t.state is TickState.DONE for t in state.ticks.values())
    skipped = len(state.ticks) - done
    words = f"{done} of {len(state.items)} done" + (f", {skipped} skipped" if skipped else "")
    if state.given_up:
        return f"✖️ Given up. {words}"
    return f"✅ Finished. {words}" if state.ended_at else words


def _end(state: Checklist, now: datetime) -> Md:
    if state.ended_at is None:
        by = state.started_at + state.target
        return md("Target: done by {} ({})", date(by, now), duration(state.target)) if state.target else Md("")
    who = name(state.ended_by, "somebody")
    took = duration(state.ended_at - state.started_at)
    aim = f", target {duration(state.target)}" if state.target else ""
    why = md(": {}", one_line(state.given_up, _REASON)) if state.given_up else ""
    return md("Ended by {} at {} after {}{}{}", who, date(state.ended_at, now), took, aim, why)


def _rows(state: Checklist, now: datetime) -> list[Md]:
    first = max(0, (state.current if state.current is not None else len(state.items)) - _SHOWN // 2)
    shown = range(len(state.items))[first : first + _SHOWN]
    rows = [_row(i, state, now) for i in shown]
    left = len(state.items) - len(rows)
    return [*rows, md("… and {} more items", left)] if left else rows


def _row(i: int, state: Checklist, now: datetime) -> Md:
    item, tick = state.items[i], state.ticks.get(i)
    title = one_line(item.title, 140)
    if tick is None:
        return md("▶️ *{}. {}*", i + 1, title) if i == state.current else md("▫️ {}. {}", i + 1, title)
    return md("{} {}. {} – {}", _SIGN[tick.state], i + 1, title, _tick(tick, now))


_SIGN: Final = {TickState.DONE: "✅", TickState.SKIPPED: "⏭️ skipped:"}


def _tick(tick: Tick, now: datetime) -> Md:
    said = md(" ({})", one_line(tick.note, 200)) if tick.note else ""
    return md("{} {}{}", name(tick.by, "somebody"), date(tick.at, now), said)


def _turn(state: Checklist, i: int, now: datetime) -> list[Block | None]:
    """The item whose turn it is: what to be careful with, what to type, what the bot can do of it."""
    item = state.items[i]
    warned = cautions(item.cautions)
    typed = code_block(item.commands) if item.commands else ""
    run = _run(state, item) if not item.by_hand else None
    body = [*sections(warned), *(sections(typed) if typed else []), run]
    return [*body, section(_time(state, i, now)) if item.wait else None]


def _run(state: Checklist, item: Item) -> Block:
    """The bot can do it: the button opens the confirmation, whatever the risk; a person ticks the item afterwards."""
    words = md(
        "The bot can run this: {}. Tick it when you have seen that it is done.", code(f"/ats run {item.id}")
    )
    if item.id in state.protects:
        return section(words, accessory=one_click_button(item.id, item.title, state.number))
    return section(words, accessory=confirmation_button(item.id, item.title, state.number))


def _at_any_moment(state: Checklist) -> list[Block]:
    """What stops trading waits for no item before it."""
    items = [item for i, item in enumerate(state.items) if i not in state.ticks and i != state.current]
    return [
        section(
            md("🛑 At any moment, at one click: *{}*", one_line(item.title, 140)),
            accessory=one_click_button(item.id, item.title, state.number),
        )
        for item in items
        if item.id in state.protects and state.ended_at is None
    ]


def _time(state: Checklist, i: int, now: datetime) -> Md:
    until = state.waits.get(i)
    if until is None:
        return md("⏳ Press Start when the {} begin.", duration(state.items[i].wait))
    return md("⏳ The time is over." if until <= now else "⏳ The time runs until {}.", date(until, now))


def _buttons(state: Checklist, now: datetime) -> Sequence[Block | None]:
    i, last = state.current, state.last
    back = button("Open the last again", "checklist_back", f"{state.id}:{last}") if last is not None else None
    if i is None:
        return [] if state.given_up else [back]
    value, item = f"{state.id}:{i}", state.items[i]
    done = (
        button("Done…", "checklist_fill", value, style="primary")
        if item.params
        else button("Done", "checklist_done", value, style="primary")
    )
    if item.wait and i not in state.waits:
        done = button(f"Start {duration(item.wait)}", "checklist_wait", value, style="primary")
    elif item.wait and state.waits[i] > now:
        return [button("Skip…", "checklist_skip", value), back, button("Give up…", "checklist_give_up", value)]
    return [
        done, button("Skip…", "checklist_skip", value), back, button("Give up…", "checklist_give_up", value)
    ]  # fmt: skip


def _foot(state: Checklist) -> list[Md]:
    rows = []
    if state.way_back:
        rows.append(md("*To take it back:* {}", prose(state.way_back)))
    if state.edited:
        rows.append(
            Md("⚠️ The runbook's text has changed since this was started; these items are as they were.")
        )
    return rows


def checklist_time_over(state: Checklist, i: int) -> Message:
    """An item's time is over: whoever started the checklist is mentioned."""
    item = state.items[i]
    words = md(
        "⏰ {}: the {} of item {} are over. *{}* Look, then tick it.",
        person(state.started_by, "Somebody"), duration(item.wait), i + 1, one_line(item.title, 150),
    )  # fmt: skip
    return message(words, [section(words)])


def checklist_skip_modal(state: Checklist, i: int) -> View:
    """Why an item is skipped: nothing is left out without a word."""
    about = md("*{}.* {}", i + 1, one_line(state.items[i].title, 200))
    return _reason(state, i, "Skip an item", about, "Skip", callback_id="checklist_skip_submit")


def checklist_give_up_modal(state: Checklist, i: int) -> View:
    """Why the whole is given up."""
    return _reason(state, i, "Give up", bold(state.title), "Give up", callback_id="checklist_give_up_submit")


def _reason(state: Checklist, i: int, title: str, about: Md, submit: str, *, callback_id: str) -> View:
    why = text_input("why", "text", "Why?", maximum=_REASON, hint="It is kept in the timeline.")
    return modal(
        title, [section(about), why], submit=submit, close="Not yet", callback_id=callback_id,
        private_metadata=f"{state.id}:{i}",
    )  # fmt: skip


def checklist_fill_modal(state: Checklist, i: int) -> View:
    """What an item asks for before it counts as done."""
    item = state.items[i]
    return modal(
        "Done",
        [
            section(md("*{}.* {}", i + 1, one_line(item.title, 200))),
            *(_field(n, k) for n, k in item.params.items()),
        ],
        submit="Done",
        close="Not yet",
        callback_id="checklist_fill_submit",
        private_metadata=f"{state.id}:{i}",
    )


def _field(label: str, kind: str) -> Block:
    words = label.replace("_", " ").capitalize()
    if kind.startswith(_CHOICES):
        menu = static_select(_INPUT, "Choose", [option(c, c) for c in kind.removeprefix(_CHOICES).split("|")])
        if menu:
            return input_block(label, words, menu)
    return text_input(label, "text", words, multiline=False, maximum=250, hint=kind.partition(" from ")[0])


def checklists_message(running: Sequence[Checklist], offered: Sequence[Entry]) -> Message:
    """What is under way, and what can be started."""
    rows = [md("• *{}*: {}{}", c.title, _summary(c), f" (#{c.number})" if c.number else "") for c in running]
    menu = static_select(
        "checklist_start", "Start one …", [option(e.title, e.id, description=_size(e)) for e in offered]
    )
    return message(
        "Checklists",
        [
            section(lines(Md("*Checklists under way*"), *(rows or [Md("none")]))),
            actions(menu),
            context(
                Md("For an incident: `/ats checklist WORDS for N`. Each item is ticked by a person, in order.")
            ),
        ],
    )


def _size(entry: Entry) -> str:
    return f"{len(entry.steps)} steps"
