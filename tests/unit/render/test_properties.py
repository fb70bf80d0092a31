"""Hostile text in every renderer: within Slack's limits, and nobody is mentioned."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import render
from bot.domain.health import HealthReport
from bot.render import Message
from runbook.model import Entry, Hit

from . import samples
from .checks import quiet, taken, taken_view
from .samples import SETTINGS, outside

Renderer = Callable[..., Message | dict[str, Any]]


def check(made: Message | dict[str, Any]) -> None:
    """Limits hold and nothing is live."""
    if isinstance(made, Message):
        taken(made)
        quiet(made.payload())
    else:
        taken_view(made)
        quiet(made)


@SETTINGS
@given(samples.cards(), samples.moments())
def test_cards(view: render.CardView, now: datetime) -> None:
    """A card of hostile text is taken by Slack, mentions nobody, and has few buttons."""
    made = render.incident_card(view, now=now, marker="card-1")
    check(made)
    assert made.blocks[0]["block_id"] == "card-1"
    rows = [block["elements"] for block in made.blocks if block["type"] == "actions"]
    kinds = [element["type"] for row in rows for element in row]
    assert kinds.count("button") <= 4
    assert kinds.count("overflow") == 1
    assert made == render.incident_card(view, now=now, marker="card-1")


@SETTINGS
@given(samples.reminder_views(), samples.moments())
def test_reminders(view: render.ReminderView, now: datetime) -> None:
    """Reminders of hostile text are taken by Slack and mention nobody without an id."""
    check(render.reminder_message(view, now=now))
    check(render.reminder_dm(view, now=now))


@SETTINGS
@given(samples.reports(), samples.moments())
def test_health(report: HealthReport, now: datetime) -> None:
    """A health report of hostile text is taken by Slack."""
    check(render.health_message(report, now=now))


@SETTINGS
@given(samples.entries(), outside(), st.integers(0, 10**9))
def test_entries(entry: Entry, text: str, number: int) -> None:
    """A runbook entry of hostile text is taken by Slack, as message, modal, result and choice."""
    check(render.entry_message(entry))
    check(render.entries_message([entry] * 3, title=text))
    check(render.search_message(text, [Hit(entry, 50.0, text, 3)] * 10))
    check(render.runbook_modal(entry, number=number, reason=text))
    check(render.entry_modal(number, [entry] * 3, current=text))


@SETTINGS
@given(st.lists(samples.timeline_rows(), max_size=8), outside(), samples.moments())
def test_timelines(rows: list[render.TimelineRow], title: str, now: datetime) -> None:
    """A timeline of hostile text is taken by Slack."""
    check(render.timeline_message(7, title, rows, now=now))
    check(render.timeline_modal(7, title, rows, now=now))


@SETTINGS
@given(
    st.lists(samples.incident_rows(), max_size=8),
    st.lists(samples.oncalls(), max_size=5),
    st.lists(samples.role_views(), max_size=4),
    samples.names(),
    outside(),
)
def test_lists(
    rows: list[render.IncidentRow],
    oncall: list[render.OnCallView],
    roles: list[render.RoleView],
    who: render.Who,
    text: str,
) -> None:
    """Lists, people and the App Home of hostile text are taken by Slack."""
    check(render.oncall_message(oncall, render.PolicyView(text, _levels(text)), now=samples.NOW, note=text))
    check(render.whoami_message(render.WhoamiView(who, text, text, tuple(roles), (text,))))
    quiet_rows = [
        render.IncidentRow(r.number, r.title, r.status, r.triggered_at, r.severity, r.service) for r in rows
    ]
    check(render.incidents_message(quiet_rows, now=samples.NOW))
    home = render.HomeView(who, tuple(oncall), tuple(quiet_rows), tuple(roles), text, text)
    check(render.home_view(home, now=samples.NOW))
    taken(render.incidents_message(rows, now=samples.NOW))


def _levels(text: str) -> tuple[render.PolicyLevel, ...]:
    return (render.PolicyLevel(timedelta(0), (text,)), render.PolicyLevel(timedelta(minutes=15), ()))


SIMPLE: dict[str, Renderer] = {
    "help": lambda t, _: render.help_message([(t, t)] * 20),
    "refusal": lambda t, w: render.refusal_message(t, t, [w, w], reason=t),
    "suggestion": lambda t, _: render.suggestion_message(t, t),
    "error": lambda t, _: render.error_message(t, t, t),
    "plain": lambda t, _: render.plain_message(t),
    "acknowledged": lambda t, w: render.acknowledged_note(w, t),
    "unacknowledged": lambda _, w: render.unacknowledged_note(w),
    "resolved": lambda t, w: render.resolved_note(w, t, t),
    "note": lambda t, w: render.happening_note("note", t, w, "slack", t, now=samples.NOW),
    "chosen": lambda t, w: render.entry_chosen_note(w, t),
    "kept": lambda t, _: render.kept_note(t, samples.START, now=samples.NOW),
    "hello": lambda t, _: render.hello_message(t, runbook=t, demo=True),
    "invite": lambda t, _: render.invite_message(t, t, t),
    "note modal": lambda t, _: render.note_modal(1, t, text=t),
    "resolve modal": lambda t, _: render.resolve_modal(1, t),
    "no entry": lambda _, __: render.no_entry_modal(1),
}


@pytest.mark.parametrize("name", SIMPLE)
@SETTINGS
@given(outside(), samples.names())
def test_small_messages(name: str, text: str, who: render.Who) -> None:
    """Every short message and modal of hostile text is taken by Slack and mentions nobody."""
    check(SIMPLE[name](text, who))
