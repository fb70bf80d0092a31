"""What the commander is asked and told: within Slack's limits for any text, and nothing in it is live."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.render import TimelineRow, Who
from bot.render import commanding as words
from bot.render.commanding import StateView

from . import samples
from .checks import shown, taken
from .samples import DANA, KIM, NOW, START, outside
from .test_properties import check

VIEW = StateView(
    number=42, title="PM2 high restart rate", severity="P0", status="acknowledged", triggered_at=START,
    acked_at=START + timedelta(minutes=2), commander=KIM, last_word="rolled back", last_word_at=NOW,
    happened=(TimelineRow(START, "triggered", "Triggered"),),
)  # fmt: skip


def views() -> st.SearchStrategy[StateView]:
    rows = st.builds(TimelineRow, at=samples.moments(), kind=outside(), text=outside())
    return st.builds(
        StateView, number=st.integers(0, 10**9), title=outside(), severity=outside(), status=outside(),
        triggered_at=samples.moments(), acked_at=st.none() | samples.moments(),
        commander=st.none() | samples.names(), last_word=outside(), last_word_at=st.none() | samples.moments(),
        happened=st.lists(rows, max_size=6).map(tuple), link=outside(), url=outside(),
    )  # fmt: skip


@samples.SETTINGS
@given(views(), samples.moments(), samples.names(), outside())
def test_any_text_is_within_the_limits_and_dead(view: StateView, now: datetime, who: Who, text: str) -> None:
    """Titles, names, notes from anywhere: Slack takes every message, and nobody is notified by them."""
    check(words.update_request(view, late=timedelta(minutes=2), now=now))
    check(words.handover_note(view, who, who, now=now))
    check(words.shift_note(view, (words.shift_line(text, (who,), (who,)),), now=now))
    check(words.snoozed_note(view.number, now, who, now=now))
    check(words.postmortem_request(view, last=True))
    check(words.postmortem_dismissed_note(view.number, who, text))
    check(words.update_modal(view.number, text, text))
    check(words.handover_modal(view.number, text))


def test_the_question_names_the_commander_and_the_last_word() -> None:
    """Who is asked, for how long nothing was said, and what was said last."""
    text = shown(taken(words.update_request(VIEW, late=None, now=NOW + timedelta(minutes=30))))
    assert "<@U0KIM0001>, *how does it stand?* Nothing was said for 30 min." in text
    assert "Last word: _rolled back_" in text


def test_a_late_question_says_so() -> None:
    """By how much."""
    assert "comes 7 min late" in shown(taken(words.update_request(VIEW, late=timedelta(minutes=7), now=NOW)))


def test_a_handover_says_from_whom_and_how_it_stands() -> None:
    """Only who takes over is mentioned; the state and what happened follow."""
    text = shown(taken(words.handover_note(VIEW, DANA, DANA, now=NOW)))
    assert "<@U0KIM0001>, *you have command* of #42 now. It was Dana’s." in text
    assert "<@U0DANA001>" not in text
    assert "*State:* 🛑 P0 👀 Acknowledged" in text
    assert "Triggered" in text


def test_taking_command_is_said_as_such() -> None:
    """Nobody is told to have what they just took."""
    assert "<@U0KIM0001> *takes command* of #42." in shown(taken(words.handover_note(VIEW, DANA, KIM, now=NOW)))


def test_a_shift_line_mentions_who_comes_only() -> None:
    """Who goes is off duty: the name without a mention."""
    assert words.shift_line("Primary", (DANA,), (KIM,)) == "Primary: Dana → <@U0KIM0001>"
    assert words.shift_line("Primary", (DANA,), ()) == "Primary: Dana → *nobody*"
