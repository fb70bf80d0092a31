"""What the bot says by itself: reminders, notes in an incident's thread, its greeting."""

from datetime import datetime

from bot.domain.people import Who
from bot.render.blocks import section, sections
from bot.render.message import Message, message
from bot.render.text import (
    Md,
    code,
    date,
    esc,
    lines,
    link,
    md,
    mention_channel,
    one_line,
    prose,
)
from bot.render.words import SOURCE, name


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
    return thread_note(lines(done, quoted(note)), marker=marker)


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


def quoted(note: str) -> Md:
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
