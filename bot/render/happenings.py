"""What happened to an incident in PagerDuty, said in its thread."""

from datetime import datetime
from typing import Final

from bot.domain.people import Who
from bot.render.message import Message
from bot.render.notes import quoted, thread_note
from bot.render.text import Md, date, joined, lines, md, one_line
from bot.render.words import SOURCE, name

_SIGNS: Final = {
    "note": "📝",
    "status_update_published": "📣",
    "responder.added": "🙋",
    "responder.replied": "🙋",
    "reassigned": "👉",
    "escalated": "⏫",
    "delegated": "👉",
    "priority_updated": "🎚️",
    "conference_bridge.updated": "📞",
    "role.assigned": "🎖️",
    "snoozed": "💤",
    "merged": "🔗",
}


def happening_note(
    kind: str,
    head: str,
    who: Who | None,
    source: str,
    quote: str = "",
    *,
    at: datetime | None = None,
    now: datetime,
    marker: str = "",
) -> Message:
    """What, by whom and where; when, if it is no longer new; and a person's own words, all of them."""
    by = md("by {}", name(who)) if who else Md("")
    where = SOURCE.get(source, "")
    when = md("at {}", date(at, now)) if at else Md("")
    what = md("{} *{}*", _SIGNS.get(kind, "•"), one_line(head, 300))
    return thread_note(lines(joined(" ", (what, by, where, when)), quoted(quote)), marker=marker)


def merged_note(number: int, title: str, *, marker: str = "") -> Message:
    """Another incident has become part of this one."""
    return thread_note(md("🔗 *#{} {}* was merged into this incident.", number, one_line(title)), marker=marker)


def merged_away_note(target: str, who: Who | None, source: str, *, marker: str = "") -> Message:
    """This one has become part of another."""
    by = md(" by {}", name(who)) if who else Md("")
    where = SOURCE.get(source, "")
    return thread_note(md("🔗 Merged into *{}*{} {}. Go on there.", one_line(target), by, where), marker=marker)
