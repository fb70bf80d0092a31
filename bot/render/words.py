"""Words and symbols that every message shares. A symbol never stands without its word."""

import re
from datetime import datetime
from typing import Final

from bot.domain.health import Status
from bot.domain.people import Who
from bot.render.text import (
    Md,
    bold,
    clip,
    date,
    esc,
    joined,
    lines,
    md,
    mention_group,
    mention_user,
    one_line,
    prose,
)
from bot.render.views import OnCallView
from runbook.model import Entry, Risk, Step

SEVERITY: Final = {"P0": "🛑 P0", "P1": "🔶 P1", "P2": "🔹 P2"}  # shapes differ, not only colours
STATUS: Final = {
    "triggered": "🔔 Not acknowledged",
    "acknowledged": "👀 Acknowledged",
    "resolved": "✅ Resolved",
}
HEALTH: Final = {
    Status.CRITICAL: "🛑 Critical",
    Status.WARNING: "⚠️ Warning",
    Status.UNKNOWN: "❔ Unknown",
    Status.OK: "✅ OK",
}
RISK: Final = {
    Risk.READ: "only looks",
    Risk.MUTATING: "changes the system",
    Risk.PROTECTIVE: "protects: stops trading or closes something off",
    Risk.DESTRUCTIVE: "can do damage: needs a second person",
    Risk.MANUAL: "by hand, not by the bot",
}
# "Caution:" stands before the text already.
_CAUTION_WORD = re.compile(r"^(?:⚠\ufe0f?\s*)?(?:warning|caution|note|danger)\s*[:!–—-]\s*", re.IGNORECASE)
SOURCE: Final = {"slack": "in Slack", "pagerduty": "in PagerDuty", "bot": "by the bot"}


def severity(value: str) -> str:
    """Symbol and word; "⚪ No severity" for an incident without one."""
    return SEVERITY.get(value) or (f"▫️ {one_line(value, 20)}" if value else "⚪ No severity")


def person(who: Who | None, nobody: str = "nobody") -> Md:
    """A live mention when the Slack id is known, or the user group's, else the name."""
    if who is None or not who:
        return esc(nobody)
    if who.group_id:
        return md("{} {}", mention_group(who.group_id), one_line(who.name, 120))
    return mention_user(who.slack_id) if who.slack_id else esc(one_line(who.name, 80) or nobody)


def name(who: Who | None, nobody: str = "nobody") -> Md:
    """The name without a mention, which would notify; a mention only when no name is known."""
    return esc(one_line(who.name, 80)) if who and who.name else person(who, nobody)


def quiet(who: Who, otherwise: str) -> Md:
    """The name, never a mention."""
    return esc(one_line(who.name, 80) or otherwise)


def oncall_line(row: OnCallView, now: datetime, *, mention: bool = True) -> Md:
    """One line of who is on call, until when; loud when nobody is."""
    role = esc(one_line(row.role, 60))
    if row.who is None:
        return md("⚠️ {}: *nobody is on call* ({})", role, one_line(row.schedule, 80) or "no schedule")
    shown = person(row.who) if mention else quiet(row.who, one_line(row.schedule, 80) or "somebody")
    until = md(" until {}", date(row.until, now)) if row.until else Md("")
    return md("{}: {}{}", role, shown, until)


def cautions(texts: tuple[str, ...]) -> Md:
    """Cautions in full, each with a bar at its side."""
    return lines(*(_caution(text) for text in texts if text.strip()))


def _caution(text: str) -> Md:
    bare = _CAUTION_WORD.sub("", text.strip()) or text.strip()
    first, *rest = [line.strip() for line in bare.splitlines() if line.strip()]
    return lines(md("> ⚠️ *Caution:* {}", prose(first)), *(md("> {}", prose(line)) for line in rest))


def entry_cautions(entry: Entry) -> tuple[str, ...]:
    """Every caution of an entry and of its steps, each once, in the order of the text."""
    every = (*entry.cautions, *(text for step in entry.steps for text in step.cautions))
    kept: dict[str, str] = {}
    for text in every:
        kept.setdefault(" ".join(text.split()).casefold(), text)
    return tuple(kept.values())


def risk_note(step: Step) -> str:
    """What a step does to the system, in words; nothing for one that only looks or that people do by hand."""
    return "" if step.risk in (Risk.READ, Risk.MANUAL) else RISK[step.risk]


def commands(step: Step) -> str:
    """The commands of a step as people read them: without the annotations, which are shown in words."""
    return "\n".join(line for line in step.source.splitlines() if not line.lstrip().startswith("#:")).strip(
        "\n"
    )


def first_command(source: str) -> str:
    """The first command of a step without its comments, cut, with "…" when there is more."""
    every = [line.strip() for line in source.splitlines()]
    every = [line for line in every if line and not line.startswith("#")]
    if not every:
        return ""
    return clip(every[0], 60) + (" …" if len(every) > 1 else "")


def sentence(text: object, limit: int = 600) -> Md:
    """The runbook's own words on one line, beginning with a capital letter."""
    line = one_line(text, limit)
    return prose(line[:1].upper() + line[1:])


def title_line(number: int, title: str, severity_value: str = "") -> Md:
    """Number, title and severity: "*#42 PM2 high restart rate* · 🛑 P0"."""
    return joined(" · ", (bold(f"#{number} {one_line(title, 150)}"), severity(severity_value)))
