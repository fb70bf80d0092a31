"""What is typed after `/ats`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.grammar import COMMANDS, Command, Mistake, parse


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", Command("help")),
        ("  health ", Command("health")),
        ("HEALTH", Command("health")),
        ("ack 12", Command("ack", 12)),
        ("ack #12", Command("ack", 12)),
        ("acknowledge 12", Command("ack", 12)),
        ("resolve 12 disk  was full", Command("resolve", 12, "disk  was full")),
        ("note 3 a\nb", Command("note", 3, "a\nb")),
        ("runbook loki lag", Command("runbook", text="loki lag")),
        ("incidents now please", Command("incidents", text="now please")),
    ],
)
def test_commands(typed: str, expected: Command) -> None:
    """Case, spaces, a leading # and a few other words for the same thing are forgiven."""
    assert parse(typed) == expected


@pytest.mark.parametrize(
    "typed", ["ack", "ack x", "ack -1", "ack 0", "ack 99999999999999999999", "ack ²", "note 3", "note 3  "]
)
def test_a_missing_or_odd_number_is_said(typed: str) -> None:
    """Known command, wrong arguments: what is wrong, and how it is written."""
    mistake = parse(typed)
    assert isinstance(mistake, Mistake)
    assert mistake.problem
    assert mistake.nearest == COMMANDS[mistake.typed].usage


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("helth", "health [system] [--watch 10m]"), ("timline 4", "timeline N"), ("whoiam", "whoami")],
)
def test_the_nearest_command_is_offered(typed: str, meant: str) -> None:
    """A slip of the finger finds what was meant."""
    mistake = parse(typed)
    assert isinstance(mistake, Mistake)
    assert mistake.nearest == meant


def test_something_quite_else_is_not_guessed_at() -> None:
    """Better no offer than a wrong one."""
    assert parse("xyzzyplugh") == Mistake(typed="xyzzyplugh")


@given(st.text(max_size=60))
def test_anything_typed_is_a_command_or_a_mistake(text: str) -> None:
    """Never an exception; a command is always one of those listed, with its number where it needs one."""
    parsed = parse(text)
    if isinstance(parsed, Command):
        assert parsed.name in COMMANDS
        assert bool(parsed.number) is COMMANDS[parsed.name].needs_number
