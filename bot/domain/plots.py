"""What a plot shows, and the same in words. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from runbook.model import BaselineRow

SERIES: Final = 6  # lines that the eye can follow
POINTS: Final = 240
ALT: Final = 1000  # characters that Slack takes
BEFORE: Final = timedelta(minutes=45)
LEAST: Final = timedelta(hours=1)
MOST: Final = timedelta(hours=6)
_COMPARED = re.compile(
    r"(?P<expr>.+?)\s*(?P<op>>=|<=|==|!=|>|<)\s*(?:bool\s+)?(?P<value>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*",
    re.DOTALL,
)
_JOINED = re.compile(r"\b(?:and|or|unless)\b|[<>]|[=!]=(?!~)", re.IGNORECASE)
_QUOTED = re.compile(r"\{[^}]*\}")
_WORDS: Final = {
    ">": "above",
    ">=": "at or above",
    "<": "below",
    "<=": "at or below",
    "==": "equal to",
    "!=": "other than",
}
_SECONDS: Final = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0}
_RANGES: Final = {
    "increase": "{0}, added within {1}",
    "rate": "{0} per second, over {1}",
    "delta": "change of {0} within {1}",
    "max_over_time": "highest {0} of {1}",
    "min_over_time": "lowest {0} of {1}",
    "avg_over_time": "average {0} of {1}",
}
_RANGED = re.compile(r"(\w+)\s*\(\s*([a-zA-Z_:][\w:]*)\s*(?:\{[^}]*\})?\s*\[(\d+)([smhd])\]\s*\)")
_UNIT_WORDS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where the alert begins."""

    op: str
    value: float

    @property
    def words(self) -> str:
        """As on the plot: “alert above 3”."""
        return f"alert {_WORDS.get(self.op, self.op)} {number(self.value)}"

    def holds(self, value: float) -> bool:
        match self.op:
            case ">":
                return value > self.value
            case ">=":
                return value >= self.value
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value
            case "==":
                return value == self.value
            case _:
                return value != self.value


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its name, and (seconds since 1970, value) in order."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything that is drawn."""

    title: str
    measured: str  # what the lines are, in words
    lines: tuple[Line, ...]
    begin: float  # seconds since 1970
    end: float
    threshold: Threshold | None = None
    started: float | None = None  # of the incident
    left_out: int = 0  # series that are not drawn

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Plot":
        lines = tuple(
            Line(r["name"], tuple((float(t), float(v)) for t, v in r["points"])) for r in raw["lines"]
        )
        threshold = Threshold(**raw["threshold"]) if raw["threshold"] else None
        return cls(**{**raw, "lines": lines, "threshold": threshold})


def split(query: str) -> tuple[str, Threshold | None]:
    """A query without its comparison, and the comparison; the query as it is when it has none, or several."""
    found = _COMPARED.fullmatch(query.strip())
    if found is None:
        return query.strip(), None
    expr = found["expr"].strip()
    if expr.count("(") != expr.count(")") or _JOINED.search(_QUOTED.sub("", expr)):
        return query.strip(), None
    return expr, Threshold(found["op"], float(found["value"]))


def of_baseline(row: BaselineRow) -> Threshold:
    """The alert bound of a row of the baseline, in the unit of its query: per cent, or seconds."""
    return Threshold(row.alert.op, row.alert.value * _SECONDS.get(row.alert.unit.casefold(), 1.0))


def measured(expr: str) -> str:
    """What a query measures, in words: “pm2 process restarts, added within 5 minutes”."""
    said = _RANGED.sub(_ranged, expr)
    said = re.sub(r"\b(?:max|min|sum|avg)\s*(?:by\s*\([^)]*\)\s*)?\(", "(", said)
    said = re.sub(r"\*\s*100\b", "in per cent", _QUOTED.sub("", said)).replace("_", " ").replace("/", "of")
    return " ".join(said.replace("(", " ").replace(")", " ").split()).replace(" ,", ",")[:120]


def _ranged(found: re.Match[str]) -> str:
    function, name, amount, unit = found.groups()
    span = f"{amount} {_UNIT_WORDS[unit] if amount != '1' else _UNIT_WORDS[unit][:-1]}"
    return _RANGES.get(function, "{0} over {1}").format(name, span)


def window(now: datetime, started: datetime | None) -> tuple[datetime, datetime, float]:
    """From when to when, and the seconds between points: the incident's beginning with what was before it."""
    begin = min(now - LEAST, started - BEFORE) if started else now - LEAST
    begin = max(begin, now - MOST)
    step = max(5.0, math.ceil((now - begin).total_seconds() / POINTS))
    return begin, now, step


def lines_of(result: Sequence[Mapping[str, Any]], threshold: Threshold | None) -> tuple[tuple[Line, ...], int]:
    """The series of a range query as lines, those that matter most first; and how many were left out."""
    distinct = _distinct([dict(one.get("metric") or {}) for one in result])
    made = [Line(name, _points(one.get("values") or ())) for name, one in zip(distinct, result, strict=True)]
    kept = [line for line in made if line.points]
    below = threshold is not None and threshold.op in {"<", "<="}
    kept.sort(key=lambda line: min(v for _, v in line.points) if below else -max(v for _, v in line.points))
    return tuple(kept[:SERIES]), max(0, len(kept) - SERIES)


def _points(values: Sequence[Sequence[Any]]) -> tuple[tuple[float, float], ...]:
    points = [(float(t), float(v)) for t, v in values]
    return tuple((t, v) for t, v in points if math.isfinite(v))


def _distinct(labels: Sequence[Mapping[str, str]]) -> list[str]:
    """The names of series by the labels in which they differ."""
    names = sorted({name for each in labels for name in each} - {"__name__"})
    differing = [n for n in names if len({each.get(n) for each in labels}) > 1]
    return [", ".join(str(each[n]) for n in differing if n in each) for each in labels]


def quiet(plot: Plot) -> frozenset[str]:
    """Of many lines the names of those that stay far from the highest: they are drawn, and need no names."""
    if len(plot.lines) < 4 or (plot.threshold and plot.threshold.op in {"<", "<="}):  # noqa: PLR2004
        return frozenset()
    peaks = {line.name: max(v for _, v in line.points) for line in plot.lines}
    bound = 0.25 * max(peaks.values())
    if plot.threshold and plot.threshold.value > 0:
        bound = min(bound, 0.5 * plot.threshold.value)
    return frozenset(name for name, peak in peaks.items() if peak <= bound)


def in_short(plot: Plot) -> str:
    """The line that matters most, in one sentence: “signal-worker is at 8, in alarm since 12:58 (alert above 3)”."""
    line = plot.lines[0]
    name = line.name or plot.measured
    bound = f" ({plot.threshold.words})" if plot.threshold else ""
    return f"{name} is at {number(line.points[-1][1])}{_crossing(line, plot.threshold)}{bound}. Times in UTC."


def alt_text(plot: Plot) -> str:
    """The plot in words: what, from when to when, lowest, highest, now, and how it stands to the alert."""
    begin, end = clock(plot.begin), clock(plot.end)
    told = [f"Line chart of {plot.measured}, {begin} to {end} UTC."]
    calm = quiet(plot)
    told += [_line_in_words(line, plot) for line in plot.lines if line.name not in calm]
    if calm:
        values = [v for line in plot.lines if line.name in calm for _, v in line.points]
        stay = f"at {number(values[0])}" if min(values) == max(values) else f"at or below {number(max(values))}"
        told.append(f"{len(calm)} others stay {stay}.")
    if plot.threshold:
        told.append(f"The line marks the {plot.threshold.words}.")
    if plot.started and plot.begin <= plot.started <= plot.end:
        told.append(f"The incident began at {clock(plot.started)} UTC.")
    if plot.left_out:
        told.append(f"{plot.left_out} more series are not drawn.")
    return " ".join(told)[:ALT]


def _line_in_words(line: Line, plot: Plot) -> str:
    low, high = min(line.points, key=lambda p: p[1]), max(line.points, key=lambda p: p[1])
    now = line.points[-1][1]
    name = f"{line.name}: " if line.name else ""
    said = f"{name}lowest {number(low[1])}, highest {number(high[1])} at {clock(high[0])}, now {number(now)}"
    return f"{said}{_crossing(line, plot.threshold)}."


def _crossing(line: Line, threshold: Threshold | None) -> str:
    if threshold is None:
        return ""
    since = None
    for at, value in reversed(line.points):
        if not threshold.holds(value):
            break
        since = at
    if since is None:
        ever = any(threshold.holds(v) for _, v in line.points)
        return ", not in alarm now" if ever else ", never in alarm"
    return f", in alarm since {clock(since)}" if since != line.points[0][0] else ", in alarm all the time"


def clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M}"


def number(value: float) -> str:
    """A figure without more digits than a person needs."""
    if value == int(value) and abs(value) < 1e6:  # noqa: PLR2004
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"  # noqa: PLR2004
