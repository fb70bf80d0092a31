"""Small helpers for tests of the compiler."""

import os
from pathlib import Path

import pytest

from runbook import Plan, Risk, Step, compile_text
from runbook.lower import lower
from runbook.risk import Verdict
from runbook.shell import Statement, fill_slots, parse

CASES = Path(__file__).parents[2] / "cases"


def steps_of(shell: str, *, lock: str | None = None, language: str = "bash") -> tuple[Step, ...]:
    """The steps of one block of commands."""
    plan = plan_of(shell, lock=lock, language=language)
    return tuple(s for e in plan.entries for s in e.steps)


def plan_of(shell: str, *, lock: str | None = None, language: str = "bash") -> Plan:
    return compile_text(f"## P\n\n```{language}\n{shell}\n```\n", lock=lock)


def verdicts(command: str) -> list[Verdict]:
    """The verdict on every statement of a line."""
    slots = fill_slots(command)
    return [lower(s.node) for s in parse(slots.text, slots.names) if isinstance(s, Statement)]


def only_reads(command: str) -> bool:
    found = verdicts(command)
    return bool(found) and all(v.risk is Risk.READ for v in found)


def seed_text() -> str:
    """The team's own document; it stands beside the project, not in it."""
    folder = Path(os.environ.get("ATS_SEED", Path(__file__).parents[4] / "shared" / "seed"))
    found = sorted(folder.glob("*.txt"))
    if not found:
        pytest.skip("the seed document is not on this machine")
    return found[0].read_text(encoding="utf-8")
