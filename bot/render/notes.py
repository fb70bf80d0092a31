"""What the bot says by itself: reminders, notes in an incident's thread, its greeting."""

from datetime import datetime, timedelta

from bot.domain.people import Who
from bot.render.blocks import Block, actions, button, context, section, sections, url_button
from bot.render.message import Message, message
from bot.render.text import (
    Md,
    bold,
    code,
    date,
    duration,
    esc,
    joined,
    lines,
    link,
    md,
    mention_channel,
    one_line,
    prose,
    utc,
)
from bot.render.views import ReminderView
from bot.render.words import SOURCE, cautions, first_command, name, person, severity


def reminder_message(view: ReminderView, *, now: datetime, marker: str = "") -> Message:
    """The reminder in the incident's thread. It mentions the person: it is meant to wake them."""
    waited = duration(utc(now) - utc(view.triggered_at))
    headline = (
        md("🔔 *Nobody has acknowledged for {}.*", waited)
        if utc(now) - utc(view.triggered_at) >= timedelta(minutes=1)
        else Md("🔔 *This needs somebody now.*")
    )
    text = lines(headline, _asked(view), _before(view), _first(view))
    summary = joined(
        " ", (md("{} #{} {}:", view.severity, view.number, one_line(view.title)), f"waiting for {waited}.")
    )
    blocks: list[Block | None] = [
        section(text),
        *sections(cautions(view.cautions)),
        _buttons(view),
        _then(view, now),
    ]
    return message(joined(" ", (_asked(view), summary)), blocks, marker=marker)


def reminder_dm(view: ReminderView, *, now: datetime, marker: str = "") -> Message:
    """The reminder sent to the person: it stands alone, away from the incident's thread."""
    waited = duration(utc(now) - utc(view.triggered_at))
    text = lines(
        joined(" · ", (severity(view.severity), bold(f"#{view.number} {one_line(view.title, 150)}"))),
        md(
            "Nobody has acknowledged for {}. You are asked as *{}*.",
            waited,
            one_line(view.role, 60) or "on call",
        ),
        md("Service: {}", one_line(view.service, 100)) if view.service else "",
        _before(view),
        _first(view),
        link(view.link, "Go to the incident in Slack") if view.link else "",
    )
    summary = (
        f"{view.severity} #{view.number} {one_line(view.title)}: nobody has acknowledged for {waited}.".strip()
    )
    blocks: list[Block | None] = [
        section(text),
        *sections(cautions(view.cautions)),
        _buttons(view),
        _then(view, now),
    ]
    return message(summary, blocks, marker=marker)


def _asked(view: ReminderView) -> Md:
    role = one_line(view.role, 60)
    if view.who is None:
        schedule = one_line(view.schedule, 80) or "the schedule"
        return md("⚠️ {}: *nobody is on call* in {}. Somebody here please take it.", role or "On call", schedule)
    return md("{}{}, please acknowledge.", person(view.who), md(" ({})", role) if role else "")


def _before(view: ReminderView) -> Md:
    asked = ", ".join(one_line(text, 80) for text in view.asked_before)
    return md("Asked before: {}", one_line(asked, 400)) if asked else Md("")


def _first(view: ReminderView) -> Md:
    if not view.first_step:
        return Md("")
    first = first_command(view.first_command)
    command = code(first, 80) if first else ""
    return joined(" ", (md("*First step:* {}", prose(one_line(view.first_step, 150))), command))


def _buttons(view: ReminderView) -> Block | None:
    number = str(view.number)
    return actions(
        button("Acknowledge", "incident_ack", number, style="primary"),
        button("Runbook", "incident_runbook", number) if view.first_step else None,
        url_button("Open in PagerDuty", view.url),
    )


def _then(view: ReminderView, now: datetime) -> Block | None:
    if not view.next_reminder:
        return None
    at, role = view.next_reminder
    return context(
        md("Next: {} is reminded at {} unless someone acknowledges.", one_line(role, 60), date(at, now))
    )


def acknowledged_note(who: Who | None, source: str, *, marker: str = "") -> Message:
    """Who acknowledged, and where: "Dana acknowledged in PagerDuty. Reminders stop."."""
    where = SOURCE.get(source, "") if source != "bot" else ""
    text = md("👀 {} acknowledged{}. Reminders stop.", name(who, "Somebody"), f" {where}" if where else "")
    return thread_note(text, marker=marker)


def unacknowledged_note(who: Who | None = None, *, marker: str = "") -> Message:
    """It is open again: nobody has it."""
    by = md(" by {}", name(who)) if who else Md("")
    return thread_note(
        md("🔔 No longer acknowledged{}. Nobody has it now; reminders start again.", by), marker=marker
    )


def resolved_note(who: Who | None, source: str, note: str = "", *, marker: str = "") -> Message:
    """Who resolved it, and what they wrote: "Dana resolved it in Slack."."""
    where = SOURCE.get(source, "") if source != "bot" else ""
    done = md("✅ {} resolved it{}.", name(who, "PagerDuty"), f" {where}" if where else "")
    return thread_note(lines(done, _quoted(note)), marker=marker)


def note_added_note(who: Who | None, note: str, source: str = "slack", *, marker: str = "") -> Message:
    """A note, echoed where people read."""
    where = SOURCE.get(source, "")
    return thread_note(
        lines(md("📝 *Note* by {} {}", name(who, "somebody"), where), _quoted(note)), marker=marker
    )


def entry_chosen_note(who: Who | None, title: str, *, marker: str = "") -> Message:
    """Somebody chose a runbook entry."""
    return thread_note(
        md("📖 {} chose the runbook entry *{}*.", name(who, "Somebody"), one_line(title)), marker=marker
    )


def kept_note(
    action: str, until: datetime | None, *, now: datetime, url: str = "", marker: str = ""
) -> Message:
    """PagerDuty does not answer a click: the click is kept, and what to do meanwhile.

    `action` is a noun: "acknowledgement", "resolution", "note".
    """
    tried = (
        md("It is kept and tried again until {}.", date(until, now))
        if until
        else Md("It is kept and tried again.")
    )
    there = link(url, "PagerDuty") if url else Md("PagerDuty's phone app")
    text = lines(
        Md("⚠️ *PagerDuty does not answer.*"),
        md("Your {} is not there yet. {}", one_line(action, 60), tried),
        md("Until then PagerDuty may go on paging. If it matters now, use {}.", there),
    )
    return thread_note(text, marker=marker)


def thread_note(text: object, *, marker: str = "") -> Message:
    """A line in an incident's thread."""
    return message(text, sections(esc(text)), marker=marker)


def _quoted(note: str) -> Md:
    """A person's own words, all of them, with a bar at the side."""
    kept = [line.strip() for line in note.splitlines() if line.strip()]
    return lines(*(md("> {}", prose(line)) for line in kept))


def hello_message(channel: str, *, runbook: str = "", demo: bool = False, marker: str = "") -> Message:
    """The greeting in the channel that the bot has joined."""
    where = mention_channel(channel)
    text = lines(
        md("👋 *I watch PagerDuty for {}.*", where),
        Md("Each incident appears here as one card, with the first steps from the runbook."),
        md("Runbook: {}", one_line(runbook, 150)) if runbook else "",
        Md("Type `/ats help` for what I can do, `/ats whoami` for what you may do."),
        Md("_This is the demo: nothing here reaches real systems._") if demo else "",
    )
    return message("I watch PagerDuty for this channel. Type /ats help.", [section(text)], marker=marker)


def invite_message(channel: str, bot_name: str = "ats", reason: str = "", *, marker: str = "") -> Message:
    """The bot may not join its channel: how to invite it."""
    text = lines(
        md(
            "⚠️ *I cannot join {}.*{}",
            mention_channel(channel),
            f" Slack says: {one_line(reason, 100)}" if reason else "",
        ),
        Md("Incidents cannot be shown there until I am in."),
        md("*What to do:* open the channel and type {}.", code(f"/invite @{one_line(bot_name, 40)}")),
    )
    return message(f"I cannot join {channel}. Invite me there.", [section(text)], marker=marker)
