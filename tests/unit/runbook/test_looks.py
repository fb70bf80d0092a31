"""`before=` and `after=`: the reads that belong to a change."""

import pytest

from tests.unit.runbook.support import plan_of

_LIST = '# List\n#: id=list\npsql "$DATABASE_URL" -c "SELECT 1"\n\n'
_CHANGE = 'psql "$DATABASE_URL" -c "ALTER SYSTEM SET log_connections = on"'


@pytest.mark.parametrize("key", ["before", "after"])
def test_a_change_names_the_read_that_belongs_to_it(key: str) -> None:
    """The id of a read is taken over."""
    plan = plan_of(f"{_LIST}#: id=x risk=mutating role=responder {key}=list\n{_CHANGE}")
    step = plan.step("x")
    assert step is not None
    assert getattr(step, key) == "list"
    assert not plan.errors


@pytest.mark.parametrize("name", ["x", "nothing"])
def test_what_is_looked_at_must_be_a_read(name: str) -> None:
    """Neither a change nor a step that does not exist may stand for the look before."""
    plan = plan_of(f"{_LIST}#: id=x risk=mutating role=responder before={name}\n{_CHANGE}")
    assert [d.code for d in plan.errors] == ["look"]


def test_the_look_is_part_of_what_was_reviewed() -> None:
    """Taking the look away changes the digest; steps without one keep the digest they had."""
    with_look = plan_of(f"{_LIST}#: id=x risk=mutating role=responder before=list\n{_CHANGE}").step("x")
    without = plan_of(f"{_LIST}#: id=x risk=mutating role=responder\n{_CHANGE}").step("x")
    assert with_look is not None
    assert without is not None
    assert with_look.digest != without.digest
