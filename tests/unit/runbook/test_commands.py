"""Fail closed: a corpus of commands that change, show secrets or never end, and one of what responders look at."""

import re

import pytest

from runbook import Risk
from runbook.risk import rank, worst
from tests.unit.runbook.support import CASES, only_reads, steps_of, verdicts


def _lines(name: str) -> list[str]:
    return [line for line in (CASES / name).read_text(encoding="utf-8").split("\n") if line.strip()]


CHANGING = _lines("commands-that-change.txt")
READING = _lines("commands-that-read.txt")


PART = 100  # commands of one test: one for each would cost more than what it looks at


def _parts(commands: list[str]) -> list[list[str]]:
    return [commands[start : start + PART] for start in range(0, len(commands), PART)]


@pytest.mark.parametrize("commands", _parts(CHANGING), ids=lambda commands: str(commands[0]))
def test_nothing_that_changes_something_comes_out_as_a_read(commands: list[str]) -> None:
    """Of thousands of commands that change, show secrets or need a shell, none is a read."""
    assert [command for command in commands if only_reads(command)] == []


@pytest.mark.parametrize("commands", _parts(READING), ids=lambda commands: str(commands[0]))
def test_what_responders_look_at_is_a_read(commands: list[str]) -> None:
    """What responders commonly look at is proved to be a read."""
    assert {c: [v.reason for v in verdicts(c)] for c in commands if not only_reads(c)} == {}


WRAPPERS = ["sudo ", "sudo -u root ", "timeout 5 ", "time ", "nice ", "watch ", "env LANG=C ", "ssh h "]
COMPANY = [" && uptime", " || true", " | head", " 2>/dev/null", "; df -h"]


@pytest.mark.parametrize("number", range(len(WRAPPERS)))
def test_a_wrapper_never_makes_a_change_a_read(number: int) -> None:
    """A wrapper in front of a changing command does not hide it; each command meets two of the wrappers."""
    some = [*CHANGING[number :: len(WRAPPERS)], *CHANGING[number + 3 :: len(WRAPPERS)]]
    assert [c for c in some if only_reads(WRAPPERS[number] + c)] == []


@pytest.mark.parametrize("number", range(len(COMPANY)))
def test_company_never_makes_a_change_a_read(number: int) -> None:
    """A read beside a changing command does not hide it."""
    some = CHANGING[number :: len(COMPANY)]
    assert [c for c in some if "#" not in c and only_reads(c + COMPANY[number])] == []


def test_a_step_with_a_changing_command_is_no_read() -> None:
    """A changing command among reads decides for the whole step."""
    some = CHANGING[::5]
    assert [c for c in some if all(s.risk is Risk.READ for s in steps_of(f"uptime\n{c}\ndf -h"))] == []


def test_an_unknown_flag_anywhere_keeps_a_read_from_being_one() -> None:
    """A flag that no table knows, between any two words of what is a read, and it is one no more."""
    wrong = [
        changed
        for command in READING
        for at in [*(m.start() for m in re.finditer(" ", command)), len(command)]
        if command[:at].count('"') % 2 == 0 and command[:at].count("'") % 2 == 0
        if not (command.startswith("git ") and " -- " in f"{command[:at]} ")  # behind it everything is a path
        if only_reads(changed := f"{command[:at]} --frobnicate{command[at:]}")
    ]
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--frobnicate", "-@", "-%", "--zz=1"])
def test_an_unknown_flag_anywhere_never_lowers_the_class(flag: str) -> None:
    """Between any two words of any command of the corpus: not even from "by hand" to "with a second person"."""
    lower = []
    for command in (c for c in CHANGING if "\\" not in c and "#" not in c and "<<" not in c):
        found = verdicts(command)
        if not found or command.count("'") % 2 or command.count('"') % 2:
            continue
        least = rank(worst(v.risk for v in found))
        for at in [*(m.start() for m in re.finditer(" ", command)), len(command)]:
            if command[:at].count('"') % 2 or command[:at].count("'") % 2:
                continue
            changed = f"{command[:at]} {flag}{command[at:]}"
            if rank(worst(v.risk for v in verdicts(changed))) < least:
                lower.append(changed)
    assert lower == []


def test_an_endless_read_is_bounded_and_says_so() -> None:
    """A command that never ends is run in a form that does, and the step shows it."""
    for command in (
        "pm2 logs",
        "top",
        "tail -f /var/log/x.log",
        "kubectl get pods -w",
        "ping h",
        "docker stats",
    ):
        (step,) = steps_of(command)
        assert step.risk is Risk.READ
        assert "never ends" in step.rewrites[0]
