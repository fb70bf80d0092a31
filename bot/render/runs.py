"""What people see of a run: its one message, from the request to the outcome."""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.people import Who
from bot.domain.runs import State
from bot.render.blocks import Block, actions, button, confirm_dialog, context, section, sections, whole_code
from bot.render.conditions import condition_lines
from bot.render.message import Message, message
from bot.render.text import Md, code, code_block, date, duration, joined, lines, md, one_line, prose
from bot.render.words import cautions, name, person
from runbook.model import Risk, Step

OUTPUT: Final = 1800  # characters of output in the message; the whole is kept
HEAD: Final = {
    State.REQUESTED: "⏳ *Looking at it:*",
    State.AWAITING: "✋ *Approval needed:*",
    State.APPROVED: "⏳ *About to run:*",
    State.RUNNING: "⏳ *Running:*",
    State.SUCCEEDED: "✅ *Done and verified:*",
    State.FAILED: "🛑 *Failed:*",
    State.NOT_VERIFIED: "⚠️ *Ran, not verified:*",
    State.UNKNOWN: "❔ *Outcome unknown:*",
    State.EXPIRED: "⌛ *Expired, nothing was run:*",
    State.DENIED: "⛔ *Denied, nothing was run:*",
    State.VOIDED: "🚫 *Void, nothing was run:*",
    State.CANCELLED: "✖️ *Cancelled, nothing was run:*",
}
RISKS: Final = {
    Risk.READ: "only looks",
    Risk.MUTATING: "changes the system",
    Risk.PROTECTIVE: "protective: one click, looked at afterwards",
    Risk.DESTRUCTIVE: "destructive: can do damage",
    Risk.MANUAL: "by hand",
}
NOTHING = frozenset({State.EXPIRED, State.DENIED, State.CANCELLED, State.VOIDED})  # nothing was run
_BEFORE = frozenset({State.AWAITING, State.APPROVED})
_RAN = frozenset({State.SUCCEEDED, State.FAILED, State.NOT_VERIFIED, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it is shown."""

    id: int
    title: str
    step_id: str
    state: State
    digest: str
    requester: Who
    expires_at: datetime
    risk: Risk = Risk.MUTATING
    why_risk: str = ""
    reason: str = ""
    number: int = 0
    needed: int = 0
    approver_role: str = ""
    asked: tuple[Who, ...] = ()
    approved: tuple[Who, ...] = ()
    resolved: str = ""
    target: str = ""
    cautions: tuple[str, ...] = ()
    guard: str = ""
    guard_reading: str = ""
    verify: str = ""
    reading: str = ""
    output: str = ""
    progress: str = ""
    after: str = ""
    late: str = ""
    exit: int | None = None
    took: float = 0.0
    glass: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stopping: Who | None = None
    undo: str = ""  # what the Undo button carries; "": there is no way back that the runbook knows
    undo_title: str = ""
    taken_back: Who | None = None  # who has taken it back
    temporary: bool = False  # it was meant to be taken back, and still stands
    wrong: tuple[str, ...] = ()  # what to do if it goes wrong
    on_call: tuple[Who, ...] = ()
    aged: str = ""  # of which moment the requester's role is known, when nobody would say so now


def run_message(view: RunView, *, now: datetime, marker: str = "") -> Message:
    """The run's one message: what people need in its present state, and nothing that is over."""
    blocks: list[Block | None] = [
        section(lines(md("{} {}", Md(HEAD[view.state]), one_line(view.title, 150)), *_who(view, now))),
        *_what(view),
        *_told(view),
        actions(*_buttons(view)),
        context(*_foot(view, now)),
    ]
    return message(_summary(view), blocks, marker=marker)


def _summary(view: RunView) -> Md:
    """For notifications; names those who are asked."""
    head = HEAD[view.state].replace("*", "")
    asked = joined(" ", (person(who) for who in view.asked)) if view.state is State.AWAITING else ""
    return joined(" ", (head, one_line(view.title, 120), asked))


def _who(view: RunView, now: datetime) -> list[Md]:
    by = [md("asked by {}", name(view.requester, "somebody"))]
    if view.approved:
        by.append(md("approved by {}", joined(", ", (name(who) for who in view.approved))))
    if view.state in _RAN and view.took:
        by.append(md("took {}", _span(view.took)))
    if view.state is State.RUNNING and view.started_at is not None:
        by.append(md("since {}", date(view.started_at, now)))
    told = [joined(" · ", by)]
    if view.glass:
        told.append(md("🔨 *The glass was broken:* {}", prose(one_line(view.glass, 400))))
    if view.aged:
        told.append(md("ℹ️ Decided by what was known: {}.", one_line(view.aged, 200)))
    if view.state is State.AWAITING:
        told += _approvers(view, now)
    return told


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(timedelta(seconds=seconds))  # noqa: PLR2004 - a decimal helps


def _approvers(view: RunView, now: datetime) -> list[Md]:
    people = joined(", ", (person(who) for who in view.asked if who.slack_id or who.group_id))
    more = f"{view.needed} people" if view.needed > 1 else "one other person"
    can = people or md("⚠️ nobody is known who may: it needs the role {}", view.approver_role)
    return [
        md("*May approve:* {} ({} must)", can, more),
        md("It expires at {}.", date(view.expires_at, now)),
    ]


def _what(view: RunView) -> list[Block | None]:
    """The exact command; shorter once it is over well."""
    if view.state in NOTHING:
        return [section(prose(one_line(view.reason, 600)))] if view.reason else []
    warned = sections(cautions(view.cautions)) if view.state in _BEFORE and view.cautions else []
    agreed = whole_code(view.resolved) if view.state in _BEFORE else [section(code_block(view.resolved, 1500))]
    return [*warned, *agreed, section(_facts(view))]


def _facts(view: RunView) -> Md:
    before = view.state in _BEFORE
    why = f" – {one_line(view.why_risk, 200)}" if view.why_risk else ""
    return lines(
        _look_alikes(view.resolved) if before else "",
        md("*On:* {}", code(view.target, 200)),
        md("*Risk:* {}{}", RISKS[view.risk], why) if before else "",
        md("*Why a second person:* {}", one_line(view.reason, 300)) if view.state is State.AWAITING else "",
        md("*Guard holds:* {}", one_line(view.guard_reading, 300)) if view.guard and before else "",
        md("*Verified afterwards by:* {}", condition_lines(view.verify)) if before and view.verify else "",
        *(
            md("*If it goes wrong:* {}", prose(one_line(w, 300)))
            for w in view.wrong
            if view.state is State.AWAITING
        ),
        md("_{}_", one_line(view.reason, 300)) if view.state is State.APPROVED and view.reason else "",
    )


def _look_alikes(command: str) -> Md:
    """Letters of a command that are not plain, by name: a Cyrillic “а” looks like an “a”, and is another word."""
    strange = dict.fromkeys(letter for letter in command if not letter.isascii())
    named = joined(
        ", ", (f"“{each}” {unicodedata.name(each, 'unknown').lower()}" for each in list(strange)[:5])
    )
    return md("⚠️ *Not plain letters:* {}; they may look like others.", named) if strange else Md("")


def _told(view: RunView) -> list[Block | None]:
    """What it printed, and what came of it."""
    if view.state is State.RUNNING:
        stopping = md("✋ {} asked to stop it …", name(view.stopping)) if view.stopping else ""
        shown = code_block(view.progress, OUTPUT) if view.progress else ""
        return [section(lines(stopping, shown))] if stopping or shown else []
    if view.state not in _RAN:
        return []
    blocks: list[Block | None] = []
    if view.reason:
        blocks.append(section(prose(one_line(view.reason, 600))))
    if view.reading:
        blocks.append(section(md("*Verification read:* {}", one_line(view.reading, 600))))
    if view.output.strip():
        blocks.append(section(code_block(view.output, OUTPUT)))
    if view.after:
        blocks.append(section(md("*Afterwards:*\n{}", code_block(view.after, 800))))
    if view.late:
        blocks.append(section(md("ℹ️ {}", prose(one_line(view.late, 600)))))
    if view.taken_back is not None:
        blocks.append(section(md("↩️ Taken back by {}.", name(view.taken_back, "somebody"))))
    return [*blocks, *_decide(view)]


def _decide(view: RunView) -> list[Block | None]:
    """What to check and who decides, when it is not simply done."""
    if view.state is State.SUCCEEDED:
        return []
    check = (
        md("*Check:* {}", condition_lines(view.verify)) if view.verify else Md("*Check:* the system itself.")
    )
    called = joined(", ", (person(who) for who in deciders(view)))
    who = md("*Decides what follows:* {}", called) if called else ""
    never = Md("The bot does not repeat it by itself.") if view.state is State.UNKNOWN else ""
    return [section(lines(check, who, never, *(md("• {}", prose(one_line(w, 300))) for w in view.wrong)))]


def deciders(view: RunView) -> list[Who]:
    every = (view.requester, *view.approved, *view.on_call)
    return list({who.slack_id or who.name: who for who in every if who}.values())[:4]


def _buttons(view: RunView) -> list[Block | None]:
    value = f"{view.id}:{view.digest[:16]}"
    if view.state is State.AWAITING:
        return [
            button("Approve", "run_approve", value, style="primary", confirm=_sure(view)),
            button("Deny…", "run_deny", value, style="danger"),
            button("Cancel", "run_cancel", value),
        ]
    if view.state is State.APPROVED:
        return [button("Cancel", "run_cancel", value)]
    if view.state is State.RUNNING and view.stopping is None:
        sure = confirm_dialog(
            "Stop it?", "It is killed in the middle. What it has done by then stands.", "Stop it"
        )
        return [button("Cancel", "run_cancel", value, style="danger", confirm=sure)]
    if view.state in _RAN and view.undo:
        return [button(f"Undo: {view.undo_title}"[:75], "run_open", view.undo)]
    return []


def _sure(view: RunView) -> Block:
    first = view.cautions[0] if view.cautions else RISKS[view.risk]
    return confirm_dialog("Approve this?", f"{view.title}. {first}", "Approve", "Not yet")


def _foot(view: RunView, now: datetime) -> list[Md]:
    number = md("incident #{}", view.number) if view.number else ""
    at = md("ended {}", date(view.finished_at, now)) if view.finished_at else ""
    code_of = f"exit {view.exit}" if view.exit is not None and view.state in _RAN else ""
    return [joined(" · ", (code(view.step_id, 80), f"run {view.id}", number, code_of, at))]


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a parameter may have, as the live system gives it."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A step before it is asked for: everything that a person should know first."""

    step: Step
    resolved: str = ""
    target: str = ""
    digest: str = ""
    guard_holds: bool = False
    guard_reading: str = ""
    problem: str = ""
    denied: str = ""
    breakable: bool = False  # this person may break the glass
    needed: int = 0
    why_approval: str = ""
    asked: tuple[Who, ...] = ()
    wrong: tuple[str, ...] = ()
    before: str = ""
    before_title: str = ""
    busy: str = ""
    uncertain: str = ""  # an earlier run on the same system whose outcome is not known
    parameters: dict[str, str] = field(default_factory=dict)
    choices: dict[str, tuple[Choice, ...]] = field(default_factory=dict)
    number: int = 0
    undo_of: int = 0
    thread_ts: str = ""  # the thread that the window was opened from

    @property
    def may(self) -> bool:
        """Whether the person can ask for it as it stands."""
        return not self.denied and not self.problem and self.guard_holds


def guard_line(view: PreviewView) -> Md:
    """The guard's live result; a guard that could not be read does not hold."""
    if not view.step.guard:
        return Md("*Guard:* none")
    mark = Md("✅ holds") if view.guard_holds else Md("⛔ does not hold")
    return md("*Guard:* {} – {}", mark, one_line(view.guard_reading or view.step.guard, 400))


def preview_lines(view: PreviewView) -> list[Md]:
    """Risk, guard, verification, approval, what to do if it goes wrong."""
    step = view.step
    who = joined(", ", (name(person_) for person_ in view.asked)) or Md("⚠️ nobody who may is known")
    verified = condition_lines(step.verify) if step.verify else Md("nothing: it counts as “ran, not verified”")
    return [
        _look_alikes(view.resolved),
        md("*On:* {}", code(view.target, 200)) if view.target else Md(""),
        md("*Risk:* {} – {}", RISKS[step.risk], one_line(step.reason, 300)),
        guard_line(view),
        md("*Verified afterwards by:* {}", verified) if step.risk is not Risk.READ else Md(""),
        md("*Needs {} more:* {} ({})", view.needed, who, one_line(view.why_approval, 200))
        if view.needed
        else Md(""),
        md("⏳ *Waits for* {}", one_line(view.busy, 200)) if view.busy else Md(""),
        md("❔ *Mind:* {}", one_line(view.uncertain, 300)) if view.uncertain else Md(""),
        *(md("*If it goes wrong:* {}", prose(one_line(text, 400))) for text in view.wrong),
    ]


def preview_blocks(view: PreviewView) -> list[Block | None]:
    """The whole confirmation, without what is to be filled in."""
    stop, head = view.denied or view.problem, Md("You may not run this:" if view.denied else "It is not run.")
    return [
        section(md("*{}*", one_line(view.step.title, 200))),
        section(md("⛔ *{}* {}", head, prose(one_line(stop, 600)))) if stop else None,
        *sections(cautions(view.step.cautions)),
        *(whole_code(view.resolved) if view.resolved else ()),
        section(lines(*preview_lines(view))),
        section(md("*{} – now:*\n{}", one_line(view.before_title, 150), code_block(view.before, 1500)))
        if view.before
        else None,
        context(joined(" · ", (code(view.step.id, 80), f"incident #{view.number}" if view.number else ""))),
    ]


def dry_run_message(view: PreviewView, *, marker: str = "") -> Message:
    """`--dry-run`: the same as the confirmation, and nothing is changed."""
    head = section(Md("🔎 *Dry run: nothing was changed.*"))
    return message(
        f"Dry run of {view.step.title}: nothing was changed.", [head, *preview_blocks(view)], marker=marker
    )
