"""The incident card: what a person woken at 3 a.m. reads first.

Order: how bad and what, whether somebody has it, what to be careful with, what to press; then the
first steps and what happens next. The card shows moments, never ages, so that it does not change
while nothing happens.
"""

from datetime import datetime
from typing import Final

from bot.render.blocks import (
    Block,
    actions,
    button,
    confirm_dialog,
    context,
    header,
    option,
    overflow,
    section,
    sections,
    static_select,
)
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
    moment,
    one_line,
    prose,
    utc,
)
from bot.render.views import CardView
from bot.render.words import (
    STATUS,
    cautions,
    entry_cautions,
    first_command,
    name,
    oncall_line,
    quiet,
    risk_note,
    sentence,
    severity,
)
from runbook.model import Entry, Step

STEPS: Final = 4  # shown on the card; with more, three and how many more there are


def incident_card(view: CardView, *, now: datetime, marker: str = "") -> Message:
    """The card of an incident in its present state."""
    if view.status == "resolved":
        return message(fallback(view, now), _resolved(view, now), marker=marker)
    blocks: list[Block | None] = [
        header(f"{severity(view.severity)} · {one_line(view.title, 120)}"),
        *sections(_situation(view, now)),
        *(sections(cautions(entry_cautions(view.entry))) if view.entry else []),
        actions(*_buttons(view), _more(view)),
        *_runbook(view),
        context(*_footer(view, now)),
    ]
    return message(fallback(view, now), blocks, marker=marker)


def fallback(view: CardView, now: datetime) -> Md:
    """The card in one line, for notifications and screen readers. Names nobody who would be notified."""
    state = {
        "triggered": "not acknowledged",
        "acknowledged": md("acknowledged by {}", name(view.acked_by, "somebody")),
        "resolved": md("resolved by {}", name(view.resolved_by, "PagerDuty")),
    }.get(view.status, view.status)
    parts = (
        f"{view.severity} #{view.number}".strip(),
        one_line(view.title, 150),
        state,
        f"service {one_line(view.service, 80)}" if view.service else "",
        f"since {moment(view.triggered_at, now)}",
    )
    return joined(" · ", parts)


def _situation(view: CardView, now: datetime) -> Md:
    """Whether somebody has it, what it does, who is on call, what happens next."""
    return lines(
        md("⏳ *{}*", one_line(view.pending, 200)) if view.pending else "",
        _state(view, now),
        md("*Impact:* {}", sentence(view.entry.impact)) if view.entry and view.entry.impact else "",
        _place(view),
        _oncall(view, now),
        _next(view, now),
        md("📞 *Bridge:* {}", one_line(view.bridge, 200)) if view.bridge else "",
    )


def _state(view: CardView, now: datetime) -> Md:
    since = date(view.triggered_at, now)
    if view.status == "acknowledged":
        when = md(" at {}", date(view.acked_at, now)) if view.acked_at else Md("")
        command = md(" *Command:* {}.", name(view.commander)) if view.commander else Md("")
        by = name(view.acked_by, "somebody")
        return md("*{}* by {}{}.{} Open since {}.", STATUS[view.status], by, when, command, since)
    return md("*{}.* Open since {}.", STATUS.get(view.status, one_line(view.status, 40)), since)


def _place(view: CardView) -> Md:
    """Which service, and which incident in PagerDuty."""
    numbers = f"#{view.number}" if view.pd_number is None else f"#{view.number} (PagerDuty #{view.pd_number})"
    assigned = f"assigned to {one_line(', '.join(view.assigned), 120)}" if view.assigned else ""
    again = f"raised {view.occurrences} times" if view.occurrences > 1 else ""
    service = md("*Service:* {}", one_line(view.service, 100)) if view.service else ""
    return joined(" · ", (service, numbers, assigned, again))


def _oncall(view: CardView, now: datetime) -> Md:
    """Only the first person of an incident that pages is mentioned: a mention notifies."""
    if not view.oncall:
        return md("*On call:* not known. Look in PagerDuty.") if view.pages else Md("")
    first, *rest = view.oncall
    shown = [oncall_line(first, now, mention=view.pages and view.status == "triggered")]
    shown += [oncall_line(row, now, mention=False) for row in rest]
    return lines(*(md("*On call* – {}", row) if i == 0 else md("• {}", row) for i, row in enumerate(shown)))


def _next(view: CardView, now: datetime) -> Md:
    if view.status != "triggered":
        return Md("")
    if view.next_reminder:
        at, role = view.next_reminder
        return md(
            "*Next:* {} is reminded at {} unless someone acknowledges.", _asked(view, role), date(at, now)
        )
    if not view.pages:
        return md("*Next:* nothing by itself. A {} is posted here and pages nobody.", view.severity or "P2")
    return md("*Next:* no further reminder is planned. Acknowledge, or call somebody.")


def _asked(view: CardView, role: str) -> Md:
    row = next((row for row in view.oncall if row.role.casefold() == role.casefold()), None)
    shown = one_line(role, 60)
    if row is None or row.who is None:
        return esc(shown)
    return md("{} ({})", quiet(row.who, shown), shown) if row.who.name else esc(shown)


def _buttons(view: CardView) -> list[Block | None]:
    number = str(view.number)
    acknowledge = button("Acknowledge", "incident_ack", number, style="" if view.pending else "primary")
    sure = confirm_dialog(
        f"Resolve #{number}?",
        f"{one_line(view.title, 150)} is then closed in PagerDuty too, and reminders stop.",
        "Resolve",
        "Not yet",
    )
    return [
        acknowledge if view.status == "triggered" else None,
        button("Resolve", "incident_resolve", number, confirm=sure),
        button("Runbook", "incident_runbook", number) if view.entry else None,
        button("Diagnose", "incident_diagnose", number),
    ]


def _more(view: CardView) -> Block | None:
    number = view.number
    return overflow(
        "incident_more",
        [
            option("Add a note", f"note:{number}"),
            option("Timeline", f"timeline:{number}"),
            option("Actions", f"actions:{number}"),
            option("More…", f"more:{number}"),
            option("Open in PagerDuty", f"open:{number}", url=view.url) if view.url else None,
        ],
    )


def _runbook(view: CardView) -> list[Block | None]:
    if view.entry is None:
        return _unmatched(view)
    return [section(_first_steps(view.entry))] if view.entry.steps else [section(_no_steps(view.entry))]


def _unmatched(view: CardView) -> list[Block | None]:
    why = md("\n{}", one_line(view.entry_reason, 300)) if view.entry_reason else Md("")
    choices = [option(title, f"{entry_id}:{view.number}") for entry_id, title in view.choices]
    ask = "Choose the one that fits:" if any(choices) else "Search with `/ats runbook` and some words."
    menu = static_select("entry_choose", "Choose a runbook entry", choices)
    return [
        section(md("📖 *No runbook entry matches this incident.*{}\n{}", why, Md(ask))),
        actions(menu),
    ]


def _first_steps(entry: Entry) -> Md:
    shown = entry.steps if len(entry.steps) <= STEPS else entry.steps[: STEPS - 1]
    more = len(entry.steps) - len(shown)
    return lines(
        md("📖 *First steps* – {}", one_line(entry.title, 100)),
        *(step_line(number, step) for number, step in enumerate(shown, 1)),
        md("_{} more under Runbook_", more) if more else "",
    )


def _no_steps(entry: Entry) -> Md:
    return md("📖 *{}*\nThis entry has text only. Read it under Runbook.", one_line(entry.title, 100))


def step_line(number: int, step: Step) -> Md:
    """One step: "2. Restart the process `pm2 restart api` – changes the system"."""
    note = risk_note(step)
    return joined(
        " ",
        (
            md("{}. {}", number, prose(one_line(step.title, 120))),
            code(command, 70) if (command := first_command(step.source)) else "",
            md("– _{}_", note) if note else "",
        ),
    )


def _footer(view: CardView, now: datetime) -> list[Md]:
    where: list[Md] = []
    if view.entry and view.entry_link:
        where.append(link(view.entry_link, "Runbook entry"))
    if view.entry and view.entry_reason:
        where.append(md("chosen because: {}", one_line(view.entry_reason, 200)))
    rounds = [_round(each, now) for each in view.history[-3:]]
    did = [md("• {}", one_line(text, 200)) for text in view.reminders[-3:]]
    return [text for text in (joined(" · ", where), lines(*rounds), lines(*did)) if text] or [
        md("`/ats timeline {}` shows everything that happened.", view.number)
    ]


def _round(each: tuple[int, datetime | None, datetime | None, str], now: datetime) -> Md:
    """An earlier round of something that comes and goes."""
    number, start, end, by = each
    span = joined(" – ", (date(at, now) for at in (start, end) if at))
    return md("• #{} {} resolved{}", number, span, f" by {one_line(by, 60)}" if by else "")


def _resolved(view: CardView, now: datetime) -> list[Block | None]:
    """Short and calm: it is over."""
    by = name(view.resolved_by, "PagerDuty")
    at = md(" at {}", date(view.resolved_at, now)) if view.resolved_at else Md("")
    merged = md("Merged into {}. Go on there.", one_line(view.merged_into, 100)) if view.merged_into else ""
    return [
        section(
            lines(
                md("✅ {} – {}", Md("*Resolved*"), bold(f"{view.severity} {view.title}".strip())),
                merged or md("By {}{}.", by, at),
                _took(view),
            )
        ),
        actions(
            overflow(
                "incident_more",
                [
                    option("Timeline", f"timeline:{view.number}"),
                    option("Add a note", f"note:{view.number}"),
                    option("More…", f"more:{view.number}"),
                    option("Open in PagerDuty", f"open:{view.number}", url=view.url) if view.url else None,
                ],
            )
        ),
    ]


def _took(view: CardView) -> Md:
    """How long until somebody had it, and until it was over."""
    start = utc(view.triggered_at)
    acked = (
        md("Acknowledged after {} by {}", duration(utc(view.acked_at) - start), name(view.acked_by, "somebody"))
        if view.acked_at
        else md("Never acknowledged")
    )
    resolved = md("resolved after {}", duration(utc(view.resolved_at) - start)) if view.resolved_at else ""
    return joined(" · ", (acked, resolved, f"#{view.number}"))
