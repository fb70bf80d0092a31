"""The page of promises names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promise_names_tests_that_exist() -> None:
    """docs/escalation.md: each row of its tables names at least one test, and all of them are there."""
    page = (ROOT / "docs" / "escalation.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "promise |" not in line]
    assert len(rows) > 20
    every = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"^(?:async )?def (test_\w+)", every, re.MULTILINE))
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= known, set(named) - known
