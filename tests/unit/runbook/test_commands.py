"""Fail closed: a corpus of commands that change, show secrets or never end, and one of what responders look at."""

import pytest

from runbook import Risk
from tests.unit.runbook.support import CASES, only_reads, steps_of, verdicts


def _lines(name: str) -> list[str]:
    return [line for line in (CASES / name).read_text(encoding="utf-8").split("\n") if line.strip()]


CHANGING = _lines("commands-that-change.txt")
READING = _lines("commands-that-read.txt")


@pytest.mark.parametrize("command", CHANGING)
def test_nothing_that_changes_something_comes_out_as_a_read(command: str) -> None:
    """Of more than a thousand commands that change, show secrets or need a shell, none is a read."""
    assert not only_reads(command)


@pytest.mark.parametrize("command", READING)
def test_what_responders_look_at_is_a_read(command: str) -> None:
    """What responders commonly look at is proved to be a read."""
    assert only_reads(command), [v.reason for v in verdicts(command)]


@pytest.mark.parametrize(
    "prefix", ["sudo ", "sudo -u root ", "timeout 5 ", "time ", "nice ", "watch ", "env LANG=C ", "ssh h "]
)
def test_a_wrapper_never_makes_a_change_a_read(prefix: str) -> None:
    """A wrapper in front of any changing command does not hide it."""
    assert [c for c in CHANGING if only_reads(prefix + c)] == []


@pytest.mark.parametrize("suffix", [" && uptime", " || true", " | head", " 2>/dev/null", "; df -h"])
def test_company_never_makes_a_change_a_read(suffix: str) -> None:
    """A read beside a changing command does not hide it."""
    assert [c for c in CHANGING if "#" not in c and only_reads(c + suffix)] == []


def test_a_step_with_a_changing_command_is_no_read() -> None:
    """A changing command among reads decides for the whole step."""
    wrong = [c for c in CHANGING if all(s.risk is Risk.READ for s in steps_of(f"uptime\n{c}\ndf -h"))]
    assert wrong == []


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
