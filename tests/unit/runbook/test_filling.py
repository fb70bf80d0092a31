"""Parameters and variables filled into a step."""

import pytest

from runbook import FillError, Step, fill
from tests.unit.runbook.support import steps_of


def _step(command: str, kind: str = "name") -> Step:
    (step,) = steps_of(f'#: id=x param.REV="{kind}"\n{command}' if "[REV]" in command else command)
    return step


def test_each_word_is_one_argument() -> None:
    """Parameters and variables become exactly one argument each, defaults included."""
    step = _step('redis-cli -p "${PORT:-6379}" get "app:[REV]:$ENV"'.replace('"app:[REV]:$ENV"', "app:$ENV"))
    assert fill(step, {}, {"ENV": "a b; rm"})["command"] == ["get", "app:a b; rm"]
    assert fill(step, {}, {"ENV": "x"})["connection"] == {"port": "6379"}
    rollback = _step("helm status ats --revision [REV]", "int from x")
    assert fill(rollback, {"REV": "3"}, {})["argv"] == ["helm", "status", "ats", "--revision", "3"]


@pytest.mark.parametrize("kind", ["int", "name", "text", "one of a|b"])
@pytest.mark.parametrize(
    "value",
    ["", "-rf", "--all", "a\nb", "a\0b", "\u202eabc", "x" * 100_000, "\ud800", "$(rm)\u200b", "٣\u2028"],
)
def test_hostile_values_are_refused(kind: str, value: str) -> None:
    """Flags, line breaks, NUL, invisible marks and huge values are refused, whatever the kind."""
    with pytest.raises(FillError):
        fill(_step("helm status ats --revision [REV]", kind), {"REV": value}, {})


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", "3"), ("name", "api-0/x"), ("text", "a b; c"), ("one of a|b", "b"), ("name ending in _x", "db_x")],
)
def test_good_values_pass(kind: str, value: str) -> None:
    """A value of the right kind is taken as it stands."""
    filled = fill(_step("helm status ats --revision [REV]", kind), {"REV": value}, {})
    assert filled["argv"][-1] == value


@pytest.mark.parametrize("value", ["db", "_x", "db_x2", "db_xx"])
def test_a_name_must_end_as_it_is_said(value: str) -> None:
    """A restore into a database that is not called so is refused; the ending alone is no name."""
    with pytest.raises(FillError, match=r"ends in _x|must be a name"):
        fill(_step("helm status ats --revision [REV]", "name ending in _x"), {"REV": value}, {})


def test_what_is_missing_or_too_much_is_said() -> None:
    """Missing and unknown parameters, unset variables and manual steps are refused in a sentence."""
    step = _step("helm status ats --revision [REV]", "int")
    with pytest.raises(FillError, match="REV is missing"):
        fill(step, {}, {})
    with pytest.raises(FillError, match="no parameter called Y"):
        fill(step, {"REV": "1", "Y": "2"}, {})
    with pytest.raises(FillError, match="DATABASE_URL is not set"):
        fill(_step('psql "$DATABASE_URL" -c "SELECT 1"'), {}, {})
    with pytest.raises(FillError, match="for a person"):
        fill(_step("rm -rf /tmp/x"), {}, {})


def test_a_value_stays_one_part_of_an_address() -> None:
    """What a person fills in cannot make another path or query of an address."""
    step = _step("curl -sSf http://h/api/orders/[REV]")
    filled = fill(step, {"REV": "42/cancel"}, {})
    assert filled["url"] == "http://h/api/orders/42%2Fcancel"


def test_a_name_does_not_climb_out_of_its_folder() -> None:
    """A name with “..” in it would be a file elsewhere."""
    step = _step("tail -n 5 /var/log/[REV].log")
    assert fill(step, {"REV": "nginx/access"}, {})["argv"][-1] == "/var/log/nginx/access.log"
    with pytest.raises(FillError):
        fill(step, {"REV": "a/../../../etc/shadow"}, {})
