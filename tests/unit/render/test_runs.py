"""What people see of a run before they agree to it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain.people import Who
from bot.domain.runs import State
from bot.render import PreviewView, RunView, confirm_modal, fits_whole, run_message
from runbook.model import Risk
from tests.unit.domain.steps import step

NOW = datetime(2026, 11, 27, tzinfo=UTC)
VIEW = RunView(7, "Do it", "a.step", State.AWAITING, "f" * 64, Who("U1", "Dana"), NOW)
CAUTIONS = ("never at night " * 40,) * 3
LETTERS = ["a", "&", "<", "`", "ä", "😀"]


def longest(letter: str) -> str:
    """A command of nothing but this letter, as long as one may be, with an end that must be seen."""
    text = "END"
    while fits_whole(letter * 50 + text):
        text = letter * 50 + text
    return text


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("state", [State.AWAITING, State.APPROVED])
def test_a_command_is_shown_to_its_end_before_anybody_agrees(letter: str, state: State) -> None:
    """However long it may be and whatever it is made of, and whatever else the message has to say."""
    command = longest(letter)
    view = replace(VIEW, state=state, resolved=command, cautions=CAUTIONS, risk=Risk.DESTRUCTIVE)
    more = replace(view, guard="sql 'x'", guard_reading="y" * 900, verify="sql 'z'", wrong=("w" * 900,) * 3)
    for each in (view, more):
        shown = "".join(b["text"]["text"] for b in run_message(each, now=NOW).blocks if b["type"] == "section")
        assert "END" in shown
        assert "…" not in shown[: shown.index("END")]
    dangerous = replace(step("a.step", Risk.DESTRUCTIVE), cautions=CAUTIONS)
    window = confirm_modal(PreviewView(dangerous, resolved=command, guard_holds=True, digest="f" * 64))
    assert "END" in str(window["blocks"])


def test_what_is_longer_cannot_be_shown_whole() -> None:
    """And is refused, rather than agreed to in part."""
    assert not fits_whole("x" * 6001)
    assert not fits_whole("<" * 1201)


def test_letters_that_look_like_others_are_named() -> None:
    """A Cyrillic letter in a parameter is another word, whatever it looks like: said before anybody agrees."""
    for command, said in (("docker restart lоki", True), ("docker restart loki", False)):
        message = str(run_message(replace(VIEW, resolved=command), now=NOW).blocks)
        window = str(confirm_modal(PreviewView(step(), resolved=command, guard_holds=True))["blocks"])
        for shown in (message, window):
            assert ("cyrillic small letter o" in shown) is said
