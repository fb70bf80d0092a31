"""docs/remediation.md: each promise names a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promise_is_held_by_a_test_that_exists() -> None:
    """A renamed or removed test must not leave its promise behind."""
    page = (ROOT / "docs" / "remediation.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page.split("## The promises")[1].split("## What it cannot")[0]))
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)\(", code, re.MULTILINE))
    assert len(named) > 40
    assert named - there == set()
