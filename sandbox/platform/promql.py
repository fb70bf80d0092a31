"""The part of PromQL that the sandbox's Prometheus speaks: pure.

    query      := product [compare number]
    product    := term {("/" | "*") (number | term)}
    term       := aggregate ["by" "(" labels ")"] "(" term ")" | function "(" selector "[" duration "]" ")" | selector
    selector   := name ["{" label matchers "}"]

Anything else is refused the way Prometheus refuses it, never answered with something made up.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from sandbox.platform.figures import Series

Sample = tuple[dict[str, str], float]
Matcher = tuple[str, str, str]

_SAMPLES: Final = 60  # a range vector is read at so many moments
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_AGGREGATES: Final[dict[str, Callable[[Sequence[float]], float]]] = {"sum": sum, "max": max, "min": min}
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d+)?(?![\w.]))|(?P<duration>\d+[smhd])|(?P<name>[a-zA-Z_:][\w:]*)"""
    r"""|(?P<text>"[^"]*")|(?P<op>=~|!~|>=|<=|==|!=|[><=/*(){}\[\],]))"""
)


class QueryError(ValueError):
    """The query is not understood."""


class Query(Protocol):
    """A parsed query."""

    def at(self, unix: float, series: Iterable[Series]) -> list[Sample]:
        """The instant vector at that moment."""
        ...


@dataclass(frozen=True, slots=True)
class Selector:
    """One metric; with a function, that function over a range of it."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    function: str = ""
    seconds: int = 0  # of the range

    def at(self, unix: float, series: Iterable[Series]) -> list[Sample]:
        chosen = [s for s in series if s.name == self.name and _matches(s, self.matchers)]
        return [(self._labels(s), self._value(s, unix)) for s in chosen]

    def _labels(self, series: Series) -> dict[str, str]:
        return dict(series.labels) if self.function else series.identity

    def _value(self, series: Series, unix: float) -> float:
        if not self.function:
            return series.at(unix)
        step = self.seconds / _SAMPLES
        values = [series.at(unix - self.seconds + step * n) for n in range(_SAMPLES + 1)]
        return _FUNCTIONS[self.function](values, self.seconds)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value, or one for each value of the labels."""

    kind: str
    by: tuple[str, ...]
    inner: Query

    def at(self, unix: float, series: Iterable[Series]) -> list[Sample]:
        groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for labels, value in self.inner.at(unix, series):
            groups.setdefault(tuple((name, labels.get(name, "")) for name in self.by), []).append(value)
        return [(dict(labels), _AGGREGATES[self.kind](values)) for labels, values in groups.items()]


@dataclass(frozen=True, slots=True)
class Product:
    """Two vectors matched by their labels, or a vector and a number, divided or multiplied."""

    left: Query
    op: str
    right: "Query | float"

    def at(self, unix: float, series: Iterable[Series]) -> list[Sample]:
        every = list(series)
        left = [(_without_name(labels), value) for labels, value in self.left.at(unix, every)]
        if isinstance(self.right, float):
            return [(labels, self._apply(value, self.right)) for labels, value in left]
        right = [(_without_name(labels), value) for labels, value in self.right.at(unix, every)]
        return [(labels, self._apply(a, b)) for labels, a in left for other, b in right if labels == other]

    def _apply(self, a: float, b: float) -> float:
        if self.op == "*":
            return a * b
        return a / b if b else math.copysign(math.inf, a) if a else math.nan


@dataclass(frozen=True, slots=True)
class Comparison:
    """Those of a vector for which it holds."""

    left: Query
    op: str
    number: float

    def at(self, unix: float, series: Iterable[Series]) -> list[Sample]:
        return [s for s in self.left.at(unix, series) if _COMPARE[self.op](s[1], self.number)]


def parse(text: str) -> Query:
    """Raises QueryError, worded like Prometheus's own error."""
    return _Parser(text).query()


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split(text.strip()))
        self._next = 0

    def _split(self, text: str) -> Iterable[tuple[str, str]]:
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._refused(f"cannot read {text[at:]!r}")
            yield str(found.lastgroup), found[found.lastgroup or 0]
            at = found.end()

    def _refused(self, why: str) -> QueryError:
        return QueryError(f'invalid parameter "query": 1:1: parse error: {why}')

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "end of input")

    def _take(self, kind: str, *values: str) -> str:
        have, value = self._peek()
        if have != kind or (values and value not in values):
            raise self._refused(f"unexpected {value} in {self._text!r}")
        self._next += 1
        return value

    def _takes(self, kind: str, *values: str) -> bool:
        have, value = self._peek()
        return have == kind and (not values or value in values)

    def query(self) -> Query:
        found = self._product()
        if self._takes("op", *_COMPARE):
            found = Comparison(found, self._take("op"), float(self._take("number")))
        self._take("end")
        return found

    def _product(self) -> Query:
        found = self._term()
        while self._takes("op", "/", "*"):
            op = self._take("op")
            right = float(self._take("number")) if self._takes("number") else self._term()
            found = Product(found, op, right)
        return found

    def _term(self) -> Query:
        name = self._take("name")
        if name in _AGGREGATES and (self._takes("op", "(") or self._takes("name", "by")):
            return self._aggregate(name)
        if not self._takes("op", "("):
            return self._selector(name)
        if name not in _FUNCTIONS:
            raise self._refused(f'unknown function with name "{name}"')
        self._take("op", "(")
        inner = self._selector(self._take("name"))
        if not self._takes("op", "["):
            raise self._refused("expected type range vector")
        seconds = self._range()
        self._take("op", ")")
        return Selector(inner.name, inner.matchers, name, seconds)

    def _aggregate(self, kind: str) -> Query:
        by: tuple[str, ...] = ()
        if self._takes("name", "by"):
            self._take("name")
            by = self._labels()
        self._take("op", "(")
        inner = self._product()
        self._take("op", ")")
        return Aggregate(kind, by, inner)

    def _labels(self) -> tuple[str, ...]:
        self._take("op", "(")
        labels = [self._take("name")]
        while self._takes("op", ","):
            self._take("op")
            labels.append(self._take("name"))
        self._take("op", ")")
        return tuple(labels)

    def _range(self) -> int:
        self._take("op", "[")
        written = self._take("duration")
        self._take("op", "]")
        return int(written[:-1]) * _UNITS[written[-1]]

    def _selector(self, name: str) -> Selector:
        matchers: list[Matcher] = []
        if self._takes("op", "{"):
            self._take("op")
            while not self._takes("op", "}"):
                matchers.append(
                    (self._take("name"), self._take("op", "=~", "!~", "!=", "="), self._take("text")[1:-1])
                )
                if not self._takes("op", "}"):
                    self._take("op", ",")
            self._take("op", "}")
        return Selector(name, tuple(matchers))


def _without_name(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "__name__"}


def _matches(series: Series, matchers: tuple[Matcher, ...]) -> bool:
    return all(_label_matches(series.identity.get(label, ""), op, value) for label, op, value in matchers)


def _label_matches(have: str, op: str, value: str) -> bool:
    if op in {"=", "!="}:
        return (have == value) == (op == "=")
    try:
        return (re.fullmatch(value, have) is not None) == (op == "=~")
    except re.error as error:
        raise QueryError(f'invalid parameter "query": error parsing regexp: {error}') from None


def names(selector: str, series: Iterable[Series]) -> list[str]:
    """The metrics that a `match[]` such as {__name__=~"a|b"} chooses."""
    found = re.fullmatch(r'\{__name__=~"([^"]*)"\}', selector)
    if found is None:
        raise QueryError(f'invalid parameter "match[]": 1:1: parse error: cannot read {selector!r}')
    return sorted({s.name for s in series if _label_matches(s.name, "=~", found[1])})


def _increase(values: list[float]) -> float:
    """The growth of a counter, a fall being a restart of the counter."""
    return sum(later - earlier if later >= earlier else later for earlier, later in pairwise(values))


_FUNCTIONS: Final[dict[str, Callable[[list[float], int], float]]] = {
    "increase": lambda values, _seconds: _increase(values),
    "rate": lambda values, seconds: _increase(values) / seconds,
    "delta": lambda values, _seconds: values[-1] - values[0],
    "max_over_time": lambda values, _seconds: max(values),
    "min_over_time": lambda values, _seconds: min(values),
    "avg_over_time": lambda values, _seconds: sum(values) / len(values),
}
