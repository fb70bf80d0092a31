import math

import pytest

from bot.compile_child import compile_here
from runbook import shipped_path
from sandbox.platform.figures import Series
from sandbox.platform.promql import Aggregate, Comparison, QueryError, Selector, names, parse

NOW = 1_795_000_000.0


def counter(app: str, every: float) -> Series:
    return Series("restarts", {"app": app}, lambda unix: math.floor((unix - NOW + 7000) / every))


FAST, SLOW = counter("signal-worker", 30), counter("api", 3000)
SERIES = [FAST, SLOW, Series("lag", {}, lambda _unix: 41.5)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lag", [41.5]),
        ("lag > 30", [41.5]),
        ("lag >= 41.5", [41.5]),
        ("lag > 42", []),
        ("lag < 30", []),
        ("lag != 41.5", []),
        ('restarts{app="api"}', [2]),
        ('restarts{app=~"signal.*"}', [233]),
        ('restarts{app!="api"}', [233]),
        ('restarts{app!~"a.*|b"}', [233]),
        ("increase(restarts[5m])", [10, 0]),
        ('increase(restarts{app="signal-worker"}[5m]) > 3', [10]),
        ("increase(restarts[5m]) > 3", [10]),
        ("max(increase(restarts[5m]))", [10]),
        ("sum(restarts)", [235]),
        ("rate(restarts[5m])", [10 / 300, 0]),
        ("max_over_time(lag[1h])", [41.5]),
        ("nothing_like_it", []),
        ("max by (app) (increase(restarts[5m])) > 3", [10]),
        ("sum by (app, job) (restarts)", [233, 2]),
        ("lag / lag >= 1", [1]),
        ("lag / lag * 100", [100]),
        ("restarts / restarts", [1, 1]),
        ("lag / restarts", []),
        ("sum(restarts) / 235", [1]),
        ("lag / 0", [math.inf]),
    ],
)
def test_values(text: str, expected: list[float]) -> None:
    """Selectors, functions over a range, aggregates and comparisons give what Prometheus would."""
    assert [value for _, value in parse(text).at(NOW, SERIES)] == pytest.approx(expected)


def test_a_counter_that_fell_was_restarted() -> None:
    """A counter that begins again at 0 does not make a negative increase."""
    reset = Series("c", {}, lambda unix: 5.0 if unix < NOW - 60 else 2.0)
    assert parse("increase(c[5m])").at(NOW, [reset])[0][1] == 2


def test_labels_keep_the_name_only_without_a_function() -> None:
    """As Prometheus does: a function's result is not the metric any more."""
    assert parse("lag").at(NOW, SERIES)[0][0] == {"__name__": "lag"}
    assert parse("delta(restarts[5m])").at(NOW, SERIES)[0][0] == {"app": "signal-worker"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lag >",
        "lag[5m]",
        "increase(lag)",
        "increase(lag[5m]",
        "made_up(lag[5m])",
        "lag + 1",
        'lag{app="a"',
        "lag{app=1}",
        "lag and lag",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    """Never an answer to another question than was asked."""
    with pytest.raises(QueryError, match="parse error"):
        parse(text)


def test_a_bad_regular_expression_is_refused() -> None:
    """The pattern of a label matcher is checked when it is used."""
    with pytest.raises(QueryError, match="parsing regexp"):
        parse('restarts{app=~"("}').at(NOW, SERIES)


def test_parsed_form() -> None:
    """Every part of a query is where it belongs."""
    selector = Selector("restarts", (("app", "=", "x"), ("job", "!=", "y")), "increase", 7200)
    assert parse('max by (app) (increase(restarts{app="x",job!="y"}[2h])) >= -1.5') == Comparison(
        Aggregate("max", ("app",), selector), ">=", -1.5
    )


def test_every_query_of_the_runbook_is_spoken() -> None:
    """The triggers and the baseline, as the shipped runbook asks them."""
    plan = compile_here(shipped_path())
    queries = [query for entry in plan.entries for query in entry.queries] + [
        row.query for row in plan.baseline
    ]
    assert len(queries) >= 12
    for query in queries:
        parse(query)


def test_names_that_there_are() -> None:
    """A match of names chooses the metrics that exist; any other selector is refused."""
    assert names('{__name__=~"lag|gone|rest.*"}', SERIES) == ["lag", "restarts"]
    with pytest.raises(QueryError, match="parse error"):
        names("lag", SERIES)
