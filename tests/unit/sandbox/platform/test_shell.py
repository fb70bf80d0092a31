import pytest

from sandbox.platform.shell import age, option, split, table


def test_table_columns_line_up() -> None:
    """Each column begins at the same place in every line."""
    assert table([("NAME", "STATUS"), ("loki", "Up"), ("a-longer-one", "Exited")]) == (
        "NAME           STATUS\nloki           Up\na-longer-one   Exited\n"
    )


def test_option_values_in_both_spellings() -> None:
    """`--lines 50` and `--lines=50` mean the same."""
    assert option(["logs", "--lines", "50"], "--lines") == "50"
    assert option(["logs", "--lines=50"], "--lines") == "50"
    assert option(["logs", "--lines"], "--lines") is None


def test_split_leaves_option_values_out() -> None:
    """The value of an option is no positional argument."""
    words, flags = split(["rollback", "ats", "2", "-n", "trading", "--wait"], valued=("-n",))
    assert (words, flags) == (["rollback", "ats", "2"], ["-n", "--wait"])


@pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (61, "1m"), (7200, "2h"), (800000, "9d")])
def test_age(seconds: float, text: str) -> None:
    """Ages are one number and one letter."""
    assert age(seconds) == text
