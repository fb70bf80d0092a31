"""The first draft of a postmortem."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.domain.postmortem import Facts, Happening, draft

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
FACTS = Facts(
    number=7, title="PM2 High Restart Rate", severity="P0", status="resolved", service="Trading",
    url="https://x.pagerduty.com/incidents/Q1", entry="PM2 High Restart Rate", impact="Services are unstable",
    triggered_at=START, acked_at=START + timedelta(minutes=4, seconds=5), acked_by="Dana",
    resolved_at=START + timedelta(hours=1), resolved_by="Sam",
    timeline=(Happening(START + timedelta(minutes=5), "second", "Dana", "slack"), Happening(START, "first")),
)  # fmt: skip


def test_the_recorded_facts_are_there_in_order() -> None:
    """Durations, people, and the timeline by time whatever order it came in."""
    text = draft(FACTS)
    assert "after 4 min 5 s by Dana" in text
    assert "after 1 h by Sam" in text
    assert text.index("first") < text.index("second (Dana, slack)")


def test_what_nobody_recorded_is_asked_and_never_guessed() -> None:
    """An incident that nobody acknowledged says never; the cause is a question."""
    bare = Facts(1, "T", "P1", "triggered", "", "", "", "", START)
    text = draft(bare)
    assert "| Acknowledged | never |" in text
    assert "_Nothing was recorded._" in text
    assert "_What made it happen" in text


@given(st.text(max_size=200))
def test_text_from_outside_is_shown_and_not_obeyed(hostile: str) -> None:
    """No heading, link, image, HTML or table cell comes out of a title or a note."""
    facts = Facts(
        1, hostile, "P1", "triggered", hostile, "", "", hostile, START, timeline=(Happening(START, hostile),)
    )
    tokens = MarkdownIt("commonmark").enable("table").parse(draft(facts))
    kinds = [t.type for t in tokens] + [c.type for t in tokens for c in t.children or []]
    assert not {"html_block", "html_inline", "link_open", "image", "code_inline", "fence", "code_block"} & set(
        kinds
    )
    assert kinds.count("heading_open") == 6
