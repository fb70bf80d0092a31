"""Modals around a run: choosing, filling in, confirming, denying. What was shown travels as `private_metadata`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.render.blocks import (
    Block,
    actions,
    button,
    context,
    input_block,
    option,
    section,
    sections,
    static_select,
    text_input,
)
from bot.render.message import Message, View, message, modal
from bot.render.runs import PreviewView, preview_blocks
from bot.render.text import Md, code, joined, lines, md, one_line, prose
from runbook.model import Risk, Step

REASON: Final = 500
PICK: Final = "value"


def metadata(view: PreviewView) -> str:
    """What the submitted modal says it showed; every word of it is checked again."""
    told = {"s": view.step.id, "n": view.number, "p": view.parameters, "d": view.digest, "u": view.undo_of}
    told |= {"t": view.thread_ts} if view.thread_ts else {}
    return json.dumps(told).replace("<", "\\u003c").replace("@", "\\u0040")


def loading_modal(title: str, *, guard: bool = True) -> View:
    """Opened within Slack's three seconds; the rest follows."""
    doing = "Reading the guard …" if guard else "Looking …"
    return modal("Run a step", [section(md("*{}*\n⏳ {}", one_line(title, 200), doing))], close="Close")


def confirm_modal(view: PreviewView) -> View:
    """Everything there is to know before it runs; the button only when it may."""
    blocks = preview_blocks(view)
    if view.may:
        submit = "Ask for approval" if view.needed else "Run it now"
        return modal(
            "Run a step", blocks, submit=submit, close="Cancel", callback_id="run_submit",
            private_metadata=metadata(view),
        )  # fmt: skip
    if view.denied and view.breakable and view.guard_holds and not view.problem:
        return modal(
            "Break the glass", [*blocks, _glass()], submit="Break the glass", close="Cancel",
            callback_id="run_submit", private_metadata=metadata(view),
        )  # fmt: skip
    return modal("Run a step", blocks, close="Close")


def _glass() -> Block:
    return text_input(
        "glass", "text", "Why must it be now, and by you?", maximum=REASON,
        hint="You go past a policy. Everybody in the channel is told, and it stands in the timeline and in PagerDuty. "
        "A step that needs a second person still needs one.",
    )  # fmt: skip


def parameters_modal(view: PreviewView) -> View:
    """What has to be filled in first, as menus where the live system gives the choices."""
    fields = [_field(view, name, kind) for name, kind in view.step.params.items()]
    head = section(md("*{}*\n{}", one_line(view.step.title, 200), code(view.step.source.splitlines()[-1], 250)))
    trouble = section(md("⚠️ {}", one_line(view.problem, 300))) if view.problem else None
    return modal(
        "Run a step", [head, trouble, *fields], submit="Look", close="Cancel", callback_id="run_params",
        private_metadata=metadata(view),
    )  # fmt: skip


def _field(view: PreviewView, name: str, kind: str) -> Block:
    choices = [option(choice.label, choice.value) for choice in view.choices.get(name, ())]
    menu = static_select(PICK, f"Choose {name}", choices, initial=view.parameters.get(name, ""))
    if menu is not None:
        return input_block(f"param_{name}", name.replace("_", " "), menu)
    return text_input(
        f"param_{name}", PICK, name.replace("_", " "), multiline=False, maximum=REASON,
        initial=view.parameters.get(name, ""), hint=kind or "a name",
    )  # fmt: skip


def trouble_modal(text: str) -> View:
    """Something is wrong, and nothing was run."""
    return modal(
        "Run a step", [section(md("⚠️ *Nothing was run.*\n{}", prose(one_line(text, 1000))))], close="Close"
    )


def deny_modal(run_id: int, digest: str, title: str = "") -> View:
    """No, and why: whoever asked has to know what to do instead."""
    field = text_input("reason", "text", "Why not?", maximum=REASON, placeholder="What should be done instead")
    return modal(
        "Deny", [section(md("*Deny: {}*", one_line(title, 150))), field] if title else [field], submit="Deny",
        close="Cancel", callback_id="run_deny_submit", private_metadata=f"{run_id}:{digest[:16]}",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A step that changes something, and what the asking person may do with it."""

    step: Step
    may: bool
    words: str  # "one click", "after an approval by approver", "the role responder is needed"


def open_value(step_id: str, number: int, undo_of: int = 0) -> str:
    """What a button carries that opens the confirmation of a step."""
    return f"{step_id}|{number}|{undo_of}"


def step_button(step: Step, number: int) -> Block:
    """One click for what protects; else it opens the confirmation."""
    style = "danger" if step.risk in {Risk.PROTECTIVE, Risk.DESTRUCTIVE} else ""
    if step.risk is not Risk.PROTECTIVE:
        return confirmation_button(step.id, step.title, number, style=style)
    return one_click_button(step.id, step.title, number)


def one_click_button(step_id: str, title: str, number: int) -> Block:
    """Does what protects, at once."""
    return button(one_line(title, 70), f"run_now_{step_id}", open_value(step_id, number), style="danger")


def confirmation_button(step_id: str, title: str, number: int, *, style: str = "") -> Block:
    """Opens the confirmation of a step."""
    return button(one_line(f"{title} …", 70), f"run_open_{step_id}", open_value(step_id, number), style=style)


def offers(steps: Sequence[Step], number: int, *, most: int = 5) -> Block | None:
    """The steps of an entry that can be run from Slack, as buttons for its thread; what protects comes first."""
    usable = [s for s in steps if s.unlocked and s.risk not in {Risk.READ, Risk.MANUAL}]
    usable.sort(key=lambda s: s.risk is not Risk.PROTECTIVE)
    return actions(*(step_button(step, number) for step in usable[:most]), block_id=f"offers-{number}")


def actions_modal(title: str, rows: Sequence[ActionRow], number: int) -> View:
    """What can be done about an incident, and what this person may not do and why."""
    blocks: list[Block | None] = [section(md("*{}*", one_line(title, 150)))]
    for row in rows[:40]:
        text = md("*{}*\n{} {}", one_line(row.step.title, 150), Md("✅" if row.may else "⛔"), prose(row.words))
        blocks.append(section(text, accessory=step_button(row.step, number) if row.may else None))
    if not rows:
        blocks.append(
            section(Md("This entry has no step that can be run from Slack. `/ats actions` lists all."))
        )
    blocks.append(context(Md("Every press is checked again: roles, guard, policies.")))
    return modal("Actions", blocks, private_metadata=str(number))


def actions_message(rows: Sequence[ActionRow], *, marker: str = "") -> Message:
    """`/ats actions`: what the asking person may run, and what not and why."""
    may = [_row(row) for row in rows if row.may]
    may_not = [_row(row) for row in rows if not row.may]
    blocks = [
        *_listed("✅ *You may run:*", may, "Nothing at the moment."),
        *_listed("⛔ *You may not:*", may_not, "Nothing is closed to you."),
        context(Md("`/ats run <step>` shows everything first; `--dry-run` changes nothing.")),
    ]
    return message(f"You may run {len(may)} of {len(rows)} steps.", blocks, marker=marker)


def _row(row: ActionRow) -> Md:
    return md("• {} {} – _{}_", code(row.step.id, 80), one_line(row.step.title, 90), one_line(row.words, 160))


def _listed(title: str, rows: Sequence[Md], none: str) -> list[Block]:
    return sections(lines(Md(title), *(rows or [Md(none)])))


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the audit."""

    at: str
    who: str
    text: str
    number: int = 0
    facts: Mapping[str, Any] | None = None


def audit_message(wanted: str, rows: Sequence[AuditRow], *, marker: str = "") -> Message:
    """`/ats audit`: who ran what, newest first."""
    title = f"Audit: {wanted}" if wanted else "Audit: the newest"
    shown = [_audit_row(row) for row in rows] or [Md("Nothing is recorded.")]
    blocks = [*sections(lines(md("*{}*", one_line(title, 150)), *shown))[:4]]
    foot = context(Md("`ats-bot timeline verify` finds a row that was altered or removed."))
    return message(f"{title}: {len(rows)}", [*blocks, foot], marker=marker)


def _audit_row(row: AuditRow) -> Md:
    number = f"#{row.number}" if row.number else ""
    facts = row.facts or {}
    told = joined(" · ", (
        f"run {facts['run']}" if facts.get("run") else "",
        joined(", ", (f"{k}={v}" for k, v in (facts.get("parameters") or {}).items())),
        f"exit {facts['exit']}" if facts.get("exit") is not None else "",
        f"{facts['duration']} s" if facts.get("duration") is not None else "",
    ))  # fmt: skip
    who = md(" *{}*:", one_line(row.who, 60)) if row.who else ""
    return md("{} {}{} {} _{}_", Md(row.at), number, who, one_line(row.text, 300), told)
