"""The part of PromQL that the sandbox's Prometheus speaks: pure.

    query      := term [compare number]
    term       := [aggregate] ( function "(" selector "[" duration "]" ")" | selector )
    selector   := name ["{" label matchers "}"]

Anything else is refused the way Prometheus refuses it, never answered with something made up.
"""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from sandbox.platform.figures import Series

Sample = tuple[dict[str, str], float]

_SAMPLES: Final = 60  # a range vector is read at so many moments
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_AGGREGATES: Final[dict[str, Callable[[Iterable[float]], float]]] = {"sum": sum, "max": max, "min": min}
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SELECTOR = rf"(?P<name>{_NAME})\s*(?:\{{(?P<labels>[^}}]*)\}})?"
_TERM = re.compile(
    rf"(?:(?P<function>{_NAME})\s*\(\s*)?{_SELECTOR}\s*(?:\[(?P<range>\d+)(?P<unit>[smhd])\])?\s*(?P<close>\))?"
)
_AGGREGATE = re.compile(r"(?P<aggregate>sum|max|min)\s*\((?P<inner>.*)\)", re.DOTALL)
_COMPARISON = re.compile(r"(?P<term>.*?)\s*(?P<op>>=|<=|==|!=|>|<)\s*(?P<number>-?\d+(?:\.\d+)?)", re.DOTALL)
_MATCHER = re.compile(rf'\s*(?P<label>{_NAME})\s*(?P<op>=~|!~|!=|=)\s*"(?P<value>[^"]*)"\s*')


class QueryError(ValueError):
    """The query is not understood."""


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query."""

    name: str
    matchers: tuple[tuple[str, str, str], ...] = ()
    function: str = ""
    seconds: int = 0  # of the range
    aggregate: str = ""
    compare: str = ""
    number: float = field(default=0.0)

    def at(self, unix: float, series: Iterable[Series]) -> list[Sample]:
        """The instant vector at that moment."""
        chosen = [s for s in series if s.name == self.name and _matches(s, self.matchers)]
        samples = [(self._labels(s), self._value(s, unix)) for s in chosen]
        if self.aggregate and samples:
            samples = [({}, _AGGREGATES[self.aggregate]([value for _, value in samples]))]
        if self.compare:
            samples = [s for s in samples if _COMPARE[self.compare](s[1], self.number)]
        return samples

    def _labels(self, series: Series) -> dict[str, str]:
        return dict(series.labels) if self.function else series.identity

    def _value(self, series: Series, unix: float) -> float:
        if not self.function:
            return series.at(unix)
        step = self.seconds / _SAMPLES
        values = [series.at(unix - self.seconds + step * n) for n in range(_SAMPLES + 1)]
        return _over(self.function, values, self.seconds)


def parse(text: str) -> Query:
    """Raises QueryError, worded like Prometheus's own error."""
    compare, number, term = "", 0.0, text.strip()
    if compared := _COMPARISON.fullmatch(term):
        compare, number, term = compared["op"], float(compared["number"]), compared["term"].strip()
    aggregate = ""
    if aggregated := _AGGREGATE.fullmatch(term):
        aggregate, term = aggregated["aggregate"], aggregated["inner"].strip()
    found = _TERM.fullmatch(term)
    if found is None or bool(found["function"]) != bool(found["close"]):
        raise QueryError(f'invalid parameter "query": 1:1: parse error: cannot read {text!r}')
    function, seconds = found["function"] or "", int(found["range"] or 0) * _UNITS.get(found["unit"] or "", 0)
    if function and function not in _FUNCTIONS:
        raise QueryError(
            f'invalid parameter "query": 1:1: parse error: unknown function with name "{function}"'
        )
    if bool(function) != bool(seconds):
        wanted = "range vector" if function else "instant vector"
        raise QueryError(f'invalid parameter "query": 1:1: parse error: expected type {wanted}')
    return Query(found["name"], _matchers(found["labels"] or ""), function, seconds, aggregate, compare, number)


def _matchers(text: str) -> tuple[tuple[str, str, str], ...]:
    matchers = []
    for part in filter(str.strip, text.split(",")):
        found = _MATCHER.fullmatch(part)
        if found is None:
            raise QueryError(
                f'invalid parameter "query": 1:1: parse error: unexpected {part.strip()!r} in label matching'
            )
        matchers.append((found["label"], found["op"], found["value"]))
    return tuple(matchers)


def _matches(series: Series, matchers: tuple[tuple[str, str, str], ...]) -> bool:
    return all(_label_matches(series.labels.get(label, ""), op, value) for label, op, value in matchers)


def _label_matches(have: str, op: str, value: str) -> bool:
    if op in {"=", "!="}:
        return (have == value) == (op == "=")
    try:
        return (re.fullmatch(value, have) is not None) == (op == "=~")
    except re.error as error:
        raise QueryError(f'invalid parameter "query": error parsing regexp: {error}') from None


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


def _over(function: str, values: list[float], seconds: int) -> float:
    return _FUNCTIONS[function](values, seconds)
