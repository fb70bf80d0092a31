"""`/ats declare`: the modal, and what the incident's thread says first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.people import Who
from bot.render.blocks import (
    Block,
    actions,
    button,
    context,
    input_block,
    option,
    section,
    static_select,
    text_input,
)
from bot.render.message import Message, View, message, modal
from bot.render.notes import quoted
from bot.render.text import Md, joined, lines, md, one_line
from bot.render.words import name
from runbook.model import Entry

KINDS: Final = (
    ("incident", "An incident", "Something is broken or losing money"),
    ("corruption", "Data corruption", "Data is wrong, missing or doubled"),
    ("security", "A security incident", "Somebody may have got in"),
)
TITLE: Final = 200
TEXT: Final = 2000


@dataclass(frozen=True, slots=True)
class DeclaredView:
    """A declared incident, for its thread."""

    kind: str
    number: int
    who: Who
    paged: str  # whom PagerDuty pages
    text: str = ""
    stop: str = ""  # id of the step that stops trading
    guide: str = ""  # title of the runbook's entry whose checklist begins here


def declare_modal(entries: Sequence[Entry], *, title: str = "", channel: str = "") -> View:
    """What is wrong, how bad, in a few words. Only the title must be typed."""
    kinds = [option(label, kind, description=why) for kind, label, why in KINDS]
    kind: Block = {"type": "radio_buttons", "action_id": "value", "options": [k for k in kinds if k]}
    kind["initial_option"] = kind["options"][0]
    alerts = [option(f"{e.severity} {e.title}", e.id) for e in entries if e.kind == "alert"]
    action_id = "value"
    entry = static_select(action_id, "None, or not sure", alerts)
    severities = [option(label, value) for value, label in (
        ("P0", "P0: act now, wake people"), ("P1", "P1: act within the hour"), ("P2", "P2: pages nobody"),
    )]  # fmt: skip
    severity = static_select(action_id, "Choose", severities, initial="P0") or {}
    return modal(
        "Declare an incident",
        [
            input_block("kind", "What is it?", kind),
            input_block("severity", "How bad?", severity),
            text_input("title", "value", "In one line", maximum=TITLE, multiline=False, initial=title,
                       placeholder="What people will read at 3 a.m."),
            text_input("text", "value", "What do you know?", maximum=TEXT, optional=True,
                       placeholder="Since when, where it shows, what you tried"),
            input_block("entry", "Runbook entry", entry, optional=True) if entry else None,
            context("PagerDuty pages the primary at once; a security incident pages the security team."),
        ],
        submit="Declare",
        close="Cancel",
        callback_id="declare_submit",
        private_metadata=channel,
    )  # fmt: skip


def declared_note(view: DeclaredView, *, marker: str = "") -> Message:
    """Who declared what, who is paged, and what the emergency rules say first."""
    who = md(
        "📣 *Declared* by {}. PagerDuty pages *{}*.", name(view.who, "somebody"), one_line(view.paged, 200)
    )
    rule = _rule(view)
    blocks: list[Block | None] = [
        section(lines(rule, who, quoted(view.text))),
        actions(button("Stop trading…", "run_open", f"{view.stop}|{view.number}|0", style="danger"))
        if view.stop
        else None,
        context(md("The checklist of “{}” begins below.", one_line(view.guide, 100))) if view.guide else None,
    ]
    return message(joined(" ", (rule, who)), blocks, marker=marker)


def _rule(view: DeclaredView) -> Md:
    """Loud where the runbook's rules are: these mention everybody who is here, on purpose."""
    if view.kind == "corruption":
        return Md(
            "<!here> 🛑 *Data corruption: stop all trading first.* Every further trade makes it worse. Then bring in "
            "the *development team*. Restart nothing, and leave the logs where they are."
        )
    if view.kind == "security":
        return Md(
            "<!here> 🛑 *Security incident.* The security team is paged first. Follow *Suspected Breach*: stop trading "
            "before anything is cut off, and write nothing secret here."
        )
    return Md("")
