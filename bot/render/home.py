"""The App Home: who is on call, what is open, what you may do, how to begin."""

from datetime import datetime

from bot.render.blocks import Block, context, divider, header, section, sections
from bot.render.message import View, home_tab
from bot.render.replies import MOST_ROWS, incident_line, oncall_block, roles_text
from bot.render.text import Md, count, joined, lines, md, mention_channel, one_line
from bot.render.views import HomeView

HOW = Md(
    "`/ats health` – how the systems are\n"
    "`/ats incidents` – what is open\n"
    "`/ats ack 42` – take an incident\n"
    "`/ats runbook some words` – what the runbook says\n"
    "`/ats help` – everything else"
)


def home_view(view: HomeView, *, now: datetime) -> View:
    """A person's App Home."""
    oncall = lines(*(oncall_block(row, now) for row in view.oncall)) or Md("Not known now. Look in PagerDuty.")
    where = md("Incidents appear in {}.", mention_channel(view.channel)) if view.channel else ""
    blocks: list[Block | None] = [
        header(count(len(view.incidents), "open incident") if view.incidents else "✅ No open incidents"),
        *sections(_incidents(view, now)),
        divider(),
        section(lines(Md("*On call now*"), oncall)),
        section(roles_text(view.roles)),
        divider(),
        section(lines(Md("*How to use it*"), HOW, where)),
        context(one_line(view.note, 300)) if view.note else None,
    ]
    return home_tab(blocks)


def _incidents(view: HomeView, now: datetime) -> Md:
    shown = [incident_line(row, now) for row in view.incidents[:MOST_ROWS]]
    left = len(view.incidents) - len(shown)
    return joined("\n\n", (*shown, f"… and {left} more." if left else ""))
