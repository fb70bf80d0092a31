"""What is said around a run besides its one message: loudly in the channel, as a reminder, to whoever asked."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.people import Who
from bot.domain.runs import State
from bot.render.blocks import actions, button, context, section
from bot.render.message import Message, message
from bot.render.notes import thread_note
from bot.render.runs import HEAD, NOTHING, RunView, deciders
from bot.render.text import Md, code, code_block, date, joined, lines, md, one_line, prose
from bot.render.words import name, person
from runbook.model import Risk


def loud_message(view: RunView, *, marker: str = "") -> Message:
    """One line in the channel itself: somebody protects the system, or goes past a policy."""
    by = name(view.requester, "Somebody")
    what = md("{} {}", Md(HEAD[view.state]), one_line(view.title, 150))
    glass = md("🔨 *{} broke the glass:* {}", by, prose(one_line(view.glass, 400))) if view.glass else ""
    calls = joined(" ", (person(who) for who in deciders(view)))
    bad = view.state in {State.FAILED, State.NOT_VERIFIED, State.UNKNOWN}
    warning = md("🚨 *Do not rely on it.* {} {}", one_line(view.reason, 300), calls) if bad else ""
    if view.state in NOTHING:
        protects = md("🚨 *It has not happened.* {}", calls) if view.risk is Risk.PROTECTIVE else ""
        warning = joined(" ", (prose(one_line(view.reason, 300)), protects))
    read = md("Verification read: {}", one_line(view.reading, 300)) if view.reading else ""
    where = md("Incident #{}.", view.number) if view.number else ""
    text = lines(md("📣 {} – {}. {}", what, by, where), glass, warning, read)
    return message(
        text, [section(text), context(md("Run {} · {}", view.id, code(view.step_id, 80)))], marker=marker
    )


def doubt_message(
    run_id: int, title: str, by: Who, why: str, people: Sequence[Who], *, marker: str = ""
) -> Message:
    """What protects was done by a role that was remembered, and is no longer there."""
    called = joined(" ", (person(who) for who in people))
    text = md(
        "🔎 *Please look at this:* {} pressed *{}* (run {}), and may not any more: {}. What protects is done at once, "
        "by the roles that are known; it stands until somebody decides otherwise. {}",
        name(by, "somebody"), one_line(title, 150), run_id, one_line(why, 300), called,
    )  # fmt: skip
    return message(text, [section(text)], marker=marker)


def not_noted_message(run_id: int, title: str, why: str, *, marker: str = "") -> Message:
    """PagerDuty refused the note that tells of a run."""
    text = md(
        "⚠️ PagerDuty did not take the note of *{}* (run {}): {} What was done stands; tell whoever reads only there.",
        one_line(title, 150), run_id, one_line(why, 300),
    )  # fmt: skip
    return thread_note(text, marker=marker)


def run_reminder(view: RunView, *, now: datetime, marker: str = "") -> Message:
    """Half of the time is over, and nobody has answered; once somebody has, or nobody will, it says so."""
    title = one_line(view.title, 150)
    if view.state is not State.AWAITING:
        text = md(
            "{} {}. An approval is not waited for any more.", Md(HEAD[view.state].replace("*", "")), title
        )
        return thread_note(text, marker=marker)
    people = joined(", ", (person(who) for who in view.asked)) or md(
        "somebody with the role {}", view.approver_role
    )
    given = md(" {} of {} have approved.", len(view.approved), view.needed) if view.approved else ""
    text = md(
        "✋ {}: {} waits for an approval of *{}*.{} It expires at {}. The buttons are above.",
        people, name(view.requester, "Somebody"), title, given, date(view.expires_at, now),
    )  # fmt: skip
    return thread_note(text, marker=marker)


def revert_reminder(view: RunView, *, now: datetime, marker: str = "") -> Message:
    """A change that was meant to be temporary still stands; once it is taken back, it says so and offers nothing."""
    title = one_line(view.title, 150)
    if not view.temporary:
        by = md(" by {}", name(view.taken_back)) if view.taken_back else ""
        text = md("↩️ *{}* was meant to be temporary, and has been taken back{}.", title, by)
        return message(text, [section(text)], marker=marker)
    since = md(" since {}", date(view.finished_at, now)) if view.finished_at else ""
    text = md(
        "⏰ {}: *{}* was meant to be temporary and still stands{}.", person(view.requester, "Somebody"), title, since,
    )  # fmt: skip
    undo = (
        button(f"Undo: {view.undo_title}"[:75], "run_open", view.undo, style="primary") if view.undo else None
    )
    return message(text, [section(text), actions(undo)], marker=marker)


def run_refused(title: str, reason: str, hint: str = "", *, marker: str = "") -> Message:
    """The wish of a person was refused; nothing was run."""
    text = lines(
        md("⛔ *Not run: {}*", one_line(title, 150)),
        prose(one_line(reason, 800)),
        prose(hint) if hint else "",
        Md("Nothing was changed."),
    )
    return message(f"Not run: {title}", [section(text)], marker=marker)


def read_message(title: str, output: str, *, marker: str = "") -> Message:
    """The answer of a step that only looks."""
    return message(
        f"{title}: {one_line(output, 100)}",
        [section(md("🔎 *{}*", one_line(title, 150))), section(code_block(output, 2800))],
        marker=marker,
    )
