"""The runbook that is shipped, rendered: the team's own entries, not invented ones."""

from dataclasses import replace

import pytest

from bot.render import entries_message, entry_message, entry_modal, incident_card, runbook_modal
from bot.render.words import cautions, entry_cautions
from runbook.compiler import compile_text
from runbook.model import Entry
from runbook.shipped import shipped_lock, shipped_text

from .checks import shown, taken, taken_view
from .samples import CARD, NOW

PLAN = compile_text(shipped_text(), lock=shipped_lock())


@pytest.mark.parametrize("entry", PLAN.entries, ids=lambda entry: entry.id)
def test_every_entry_is_shown_whole(entry: Entry) -> None:
    """In the modal no step, command or caution of the shipped runbook is cut."""
    text = shown(taken_view(runbook_modal(entry, number=42)))
    assert "…" not in text
    assert "```\n" in text or not any(step.source.strip() for step in entry.steps)
    assert all(f"*{number}. " in text for number in range(1, len(entry.steps) + 1))
    assert shown({"text": str(cautions(entry_cautions(entry)))}) in text
    taken(entry_message(entry))


@pytest.mark.parametrize("entry", PLAN.entries, ids=lambda entry: entry.id)
def test_every_entry_on_a_card(entry: Entry) -> None:
    """Each entry makes a card whose cautions are whole and whose length a phone can bear."""
    made = taken(incident_card(replace(CARD, entry=entry), now=NOW))
    text = shown(made)
    assert shown({"text": str(cautions(entry_cautions(entry)))}) in text
    assert len(text) < 3500
    assert len(made.blocks) <= 8


def test_the_lists() -> None:
    """All entries can be listed, and all can be chosen."""
    taken(entries_message(PLAN.entries, title=PLAN.title))
    menu = taken_view(entry_modal(42, PLAN.entries))["blocks"][0]["element"]
    values = [option["value"] for group in menu["option_groups"] for option in group["options"]]
    assert sorted(values) == sorted(entry.id for entry in PLAN.entries)
