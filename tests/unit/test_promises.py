"""The page of promises names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _promises(page: str) -> list[str]:
    """The rows of a page's tables of promises and of what is tested."""
    rows: list[str] = []
    inside = False
    for line in (ROOT / "docs" / page).read_text("utf-8").splitlines():
        if not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|--"):
            rows.append(line)
        elif "held by" in line:
            inside = True
    return rows


@pytest.mark.parametrize(("page", "least"), [("escalation.md", 20), ("remediation.md", 45)])
def test_every_promise_names_tests_that_exist(page: str, least: int) -> None:
    """Each row of its tables that say “held by” names at least one test, and all of them are there."""
    rows = _promises(page)
    assert len(rows) > least
    every = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"^(?:async )?def (test_\w+)", every, re.MULTILINE))
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= known, set(named) - known
