"""“More…” and its forms: within Slack's limits, whatever the account and its people have written."""

import pytest
from hypothesis import given

from bot.domain.policy import Action
from bot.render import Priorities, act_modal, more_modal

from .checks import quiet, shown, taken_view
from .samples import outside

FORMS = [
    Action.SNOOZE, Action.REASSIGN, Action.ESCALATE, Action.RESPONDERS, Action.PRIORITY, Action.STATUS_UPDATE,
    Action.MERGE, Action.REOPEN,
]  # fmt: skip


@pytest.mark.parametrize("action", FORMS)
@given(outside())
def test_every_form_of_hostile_text(action: Action, text: str) -> None:
    """Titles, other incidents and the account's priorities are shown and mention nobody."""
    priorities = Priorities(tuple((f"P{i}", text, text) for i in range(150)))
    view = act_modal(action, 7, text, others=[(8, text), (9, text)], priorities=priorities)
    assert view is not None
    quiet(taken_view(view))
    assert view["submit"]["text"]


@pytest.mark.parametrize("action", FORMS)
def test_a_form_begins_empty(action: Action) -> None:
    """Slack keeps what was entered in a block that the view before it had too: "Snooze" is no length of time."""
    form = act_modal(action, 7, "Loki", others=[(8, "Redis")])
    assert form is not None
    before, now = (
        {b["block_id"] for b in v["blocks"] if b["type"] == "input"} for v in (more_modal(7, "Loki"), form)
    )
    assert before
    assert not before & now


@pytest.mark.parametrize("resolved", [False, True])
def test_more_offers_what_the_state_allows(resolved: bool) -> None:
    """Reopening what is over, everything else for what is not."""
    text = shown(taken_view(more_modal(7, "Loki", resolved=resolved)))
    assert ("Reopen" in text, "Snooze" in text) == (resolved, not resolved)


def test_the_priorities_are_those_of_the_account() -> None:
    """In its order, with what it says about them."""
    view = act_modal(
        "priority", 7, "Loki", priorities=Priorities((("PA", "SEV-1", "All hands"), ("PB", "SEV-2", "")))
    )
    assert view is not None
    (menu,) = [b["element"] for b in taken_view(view)["blocks"] if b["type"] == "input"]
    assert [(o["value"], o["text"]["text"]) for o in menu["options"]] == [("PA", "SEV-1"), ("PB", "SEV-2")]
    assert "All hands" in str(menu["options"][0])


def test_an_account_that_does_not_say_is_offered_the_runbooks() -> None:
    """Said so, with the way to any other."""
    view = act_modal("priority", 7, "Loki")
    assert view is not None
    text = shown(taken_view(view))
    assert "does not say which priorities" in text
    assert "`/ats priority 7 its name`" in text
    assert [o["value"] for o in view["blocks"][-1]["element"]["options"]] == ["P0", "P1", "P2"]


@pytest.mark.parametrize(("action", "words"), [("priority", "has no priorities"), ("merge", "no other open")])
def test_without_a_choice_there_is_nothing_to_send(action: str, words: str) -> None:
    """Words on why, and only Close."""
    view = act_modal(action, 7, "Loki", priorities=Priorities(()))
    assert view is not None
    assert words in shown(taken_view(view))
    assert "submit" not in view
