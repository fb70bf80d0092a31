"""The golden cases: real habits of runbook authors, and the plan each compiles to."""

import pytest

from runbook import compile_text
from tests.unit.runbook.sketch import TODAY, Case, cases, sketch

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.file}: {c.name}")
def test_compiles_to_the_plan_beside_it(case: Case) -> None:
    """A runbook compiles to exactly the plan that stands beside it."""
    assert sketch(compile_text(case.text, today=TODAY)) == case.plan


def test_there_are_enough_cases_and_no_two_of_one_name() -> None:
    """The golden cases cover at least 150 habits, each named once in its file."""
    assert len(CASES) >= 150
    assert len({(c.file, c.name) for c in CASES}) == len(CASES)
