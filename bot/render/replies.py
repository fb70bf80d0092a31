"""Answers to `/ats …`: help, lists, people, refusals and errors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.people import Who
from bot.render.blocks import Block, context, section, sections
from bot.render.health import health_message
from bot.render.message import Message, message
from bot.render.notes import (
    acknowledged_note,
    entry_chosen_note,
    hello_message,
    invite_message,
    kept_note,
    resolved_note,
    thread_note,
    unacknowledged_note,
)
from bot.render.pages import entry_message, search_message
from bot.render.reminders import reminder_dm, reminder_message
from bot.render.text import (
    Md,
    code,
    count,
    date,
    duration,
    esc,
    joined,
    lines,
    link,
    md,
    one_line,
    utc,
)
from bot.render.views import IncidentRow, OnCallView, PolicyLevel, PolicyView, RoleView, TimelineRow, WhoamiView
from bot.render.words import SOURCE, STATUS, name, oncall_line, person, severity

MOST_ROWS: Final = 30  # of a list in one message; the newest or most urgent ones
TIMELINE_ROWS: Final = 200
TIMELINE_SECTIONS: Final = 4  # of 3,000 characters: what one message takes


def help_message(commands: Sequence[tuple[str, str]], *, marker: str = "") -> Message:
    """What can be typed: (usage, summary) pairs, one a line."""
    shown = [md("{}\n{}", code(usage, 100), one_line(summary, 200)) for usage, summary in commands]
    blocks = [
        section(Md("*What you can type*")),
        *sections(lines(*shown)),
    ]
    hint = context(Md("Buttons on an incident's card do the same. Only you see this answer."))
    listed = ", ".join(usage for usage, _ in commands)
    return message(f"What you can type: {listed}", [*blocks, hint], marker=marker)


def incidents_message(rows: Sequence[IncidentRow], *, now: datetime, marker: str = "") -> Message:
    """The open incidents, in the caller's order."""
    if not rows:
        calm = "No open incidents."
        return message(calm, [section(Md("✅ *No open incidents.*"))], marker=marker)
    title = count(len(rows), "open incident")
    shown = [incident_line(row, now) for row in rows[:MOST_ROWS]]
    left = len(rows) - len(shown)
    blocks: list[Block | None] = [section(md("*{}*", title)), *sections(joined("\n\n", shown))]
    blocks.append(
        context(f"… and {left} more.") if left else context(Md("`/ats incident N` shows one of them."))
    )
    first = rows[0]
    summary = f"{title}. First: #{first.number} {one_line(first.title)} ({first.status})"
    return message(summary, blocks, marker=marker)


def incident_line(row: IncidentRow, now: datetime) -> Md:
    """Three short lines: what, how it stands, where."""
    title = one_line(row.title, 120)
    who = md(" by {}", name(row.acked_by)) if row.acked_by and row.status == "acknowledged" else ""
    age = duration(utc(now) - utc(row.triggered_at))
    return lines(
        md("*{}* {}", f"#{row.number}", link(row.url, title) if row.url else title),
        joined(
            " · ",
            (severity(row.severity), joined("", (STATUS.get(row.status, row.status), who)), f"open {age}"),
        ),
        md("Service: {}", one_line(row.service, 80)) if row.service else "",
    )


def timeline_message(
    number: int, title: str, rows: Sequence[TimelineRow], *, now: datetime, marker: str = ""
) -> Message:
    """What happened to an incident, oldest first; the newest rows when there are too many."""
    heading = f"Timeline of #{number} {one_line(title, 120)}"
    if not rows:
        return message(heading, [section(md("*{}*\nNothing is recorded yet.", heading))], marker=marker)
    paragraphs = sections(lines(*(timeline_line(row, now) for row in rows[-TIMELINE_ROWS:])))
    whole = len(rows) <= TIMELINE_ROWS and len(paragraphs) <= TIMELINE_SECTIONS
    told = count(len(rows), "line")
    note = f"{told}, oldest first." if whole else f"{told}; only the newest fit here. The whole is kept."
    blocks = [section(md("*{}*", heading)), *paragraphs[-TIMELINE_SECTIONS:], context(note)]
    return message(f"{heading}: {told}", blocks, marker=marker)


def timeline_line(row: TimelineRow, now: datetime, limit: int = 500) -> Md:
    """One thing that happened: "03:02 Dana: acknowledged (in PagerDuty)"."""
    where = SOURCE.get(row.source, row.source)
    who = md("{}: ", name(row.who)) if row.who and (row.who.name or row.who.slack_id) else ""
    there = md(" {}", link(row.link, "output")) if row.link else ""
    return md("{}  {}{} _({})_{}", date(row.at, now), who, one_line(row.text or row.kind, limit), where, there)


def whoami_message(view: WhoamiView, *, marker: str = "") -> Message:
    """Who the bot takes a person for, which roles they have and why, and what is missing."""
    linked = (
        md("PagerDuty: {}", one_line(view.pagerduty_name, 80))
        if view.pagerduty_name
        else md("⚠️ PagerDuty: no user with your e-mail address")
    )
    have = [role.role for role in view.roles if role.has]
    blocks = [
        section(
            lines(
                md("*You are {}*", name(view.who, "not known")),
                md("E-mail: {}", one_line(view.email, 120))
                if view.email
                else md("⚠️ E-mail: not visible to the bot"),
                linked,
            )
        ),
        section(roles_text(view.roles)),
        *sections(missing_text(view.missing)),
    ]
    return message(f"Your roles: {', '.join(have) or 'none'}", blocks, marker=marker)


def roles_text(roles: Sequence[RoleView]) -> Md:
    """The roles, one a line, each with its reason."""
    if not roles:
        return Md("*Your roles:* none. You can read, not change.")
    shown = [
        md("{} *{}*{}: {}", _tick(role), one_line(role.role, 40), _mine(role), one_line(role.why, 200))
        for role in roles
    ]
    return lines(Md("*Your roles*"), *shown)


def _tick(role: RoleView) -> str:
    return "✅" if role.has else "▫️"


def _mine(role: RoleView) -> str:
    return "" if role.has else " – not yours"


def missing_text(missing: Sequence[str]) -> Md:
    """What is missing, and what to do about it."""
    return lines(
        Md("*What is missing*") if missing else "", *(md("• {}", one_line(text, 300)) for text in missing)
    )


def oncall_message(
    rows: Sequence[OnCallView],
    policy: PolicyView | None = None,
    *,
    now: datetime,
    note: str = "",
    marker: str = "",
) -> Message:
    """Every schedule with who is on call and until when, and the phone tree.

    It mentions nobody whose name is known: asking must not page.
    """
    shown = [oncall_block(row, now) for row in rows]
    blocks: list[Block | None] = [
        section(Md("*On call now*")),
        *sections(
            joined("\n", shown) if shown else Md("No schedule is known. The runbook's contact table is empty.")
        ),
        section(policy_text(policy)) if policy else None,
        context(one_line(note, 300)) if note else None,
    ]
    told = [f"{row.role}: {row.who.name or row.who.slack_id if row.who else 'nobody'}" for row in rows]
    return message("On call now. " + ", ".join(told), blocks, marker=marker)


def oncall_block(row: OnCallView, now: datetime) -> Md:
    """One schedule in the list."""
    schedule = md(" · {}", one_line(row.schedule, 80)) if row.schedule and row.who else ""
    named = row.who is None or bool(row.who.name)
    line = oncall_line(row, now, mention=not named)
    return md("{}{}", line, schedule)


def policy_text(policy: PolicyView) -> Md:
    """The phone tree, level by level."""
    levels = [md("{}. {}", i, level_text(level)) for i, level in enumerate(policy.levels, 1)]
    again = md("Then again from the top, {}.", count(policy.repeats, "time")) if policy.repeats else ""
    return lines(md("📞 *Phone tree* – {}", link(policy.url, policy.name)), *levels, again)


def level_text(level: PolicyLevel) -> Md:
    """When, and who is called."""
    when = f"after {duration(level.after)}" if level.after.total_seconds() > 0 else "at once"
    return md("{}: {}", when, one_line(", ".join(level.targets) or "nobody", 300))


def refusal_message(
    action: str, role: str, holders: Sequence[Who] = (), *, reason: str = "", marker: str = ""
) -> Message:
    """A polite no: the role that is needed, who has it now, and why the person does not."""
    if holders:
        who = md("Who has it now: {}.", joined(", ", [name(holder) for holder in holders[:10]]))
    else:
        who = Md("Nobody is known to have it now. `/ats oncall` shows who is on call.")
    action_text = one_line(action, 100)
    blocks = [
        section(
            lines(
                md("🚫 {} needs the role *{}*, which you do not have.", action_text, one_line(role, 40)),
                one_line(reason, 300),
                who,
            )
        ),
        context(Md("`/ats whoami` shows your roles and how you would get one.")),
    ]
    return message(f"{action_text} needs the role {role}, which you do not have.", blocks, marker=marker)


def suggestion_message(typed: str, nearest: str = "", *, marker: str = "") -> Message:
    """For a mistyped command: the nearest one. Nothing was done."""
    meant = md("Did you mean {}?", code(f"/ats {nearest}", 100)) if nearest else Md("")
    unknown = md("There is no {}.", code(f"/ats {typed}", 100))
    all_of_them = Md("`/ats help` lists everything. Nothing was done.")
    return message(joined(" ", (unknown, meant)), [section(lines(unknown, meant, all_of_them))], marker=marker)


def error_message(happened: str, means: str = "", do: str = "", *, marker: str = "") -> Message:
    """What happened, what it means, what to do."""
    text = lines(
        md("⚠️ *{}*", one_line(happened, 500)),
        one_line(means, 700),
        md("*What to do:* {}", one_line(do, 700)) if do else "",
    )
    return message(one_line(f"{happened} {means}", 600), [section(text)], marker=marker)


def plain_message(text: object, *, marker: str = "") -> Message:
    """A short answer in one paragraph."""
    return message(text, sections(esc(text)), marker=marker)


__all__ = [
    "acknowledged_note",
    "entry_chosen_note",
    "entry_message",
    "error_message",
    "health_message",
    "hello_message",
    "help_message",
    "incidents_message",
    "invite_message",
    "kept_note",
    "oncall_message",
    "person",
    "plain_message",
    "refusal_message",
    "reminder_dm",
    "reminder_message",
    "resolved_note",
    "search_message",
    "suggestion_message",
    "thread_note",
    "timeline_message",
    "unacknowledged_note",
    "whoami_message",
]
