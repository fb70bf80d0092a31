"""Small trends of figures that were kept: a sparkline, and the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.health import Sample

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 12  # columns of a sparkline: it stands in a line on a phone
LEAST = 4  # figures; fewer are no trend
_DAY = timedelta(days=1)
_KB = 1024.0


@dataclass(frozen=True, slots=True)
class Trend:
    """How a figure went over a span of time."""

    span: str  # "24 h"
    low: float
    high: float
    now: float
    line: str  # the sparkline
    unit: str

    @property
    def words(self) -> str:
        """As a sentence: “24 h: 41–88 %, now 91 %”."""
        if figure(self.low, self.unit) == figure(self.high, self.unit):
            return f"{self.span}: always {figure(self.low, self.unit)}"
        return f"{self.span}: {between(self.low, self.high, self.unit)}, now {figure(self.now, self.unit)}"


def trend(
    samples: Sequence[Sample], current: float, unit: str, *, now: datetime, span: timedelta = _DAY
) -> Trend | None:
    """The trend of a figure over the span before `now`; None when too little was kept to tell."""
    kept = [s for s in samples if now - span <= s.at <= now]
    if len(kept) < LEAST:
        return None
    values = [s.value for s in kept] + [current]
    began = min(s.at for s in kept)
    return Trend(
        _span(min(span, now - began), span),
        min(values),
        max(values),
        current,
        _line(kept, current, began, now),
        unit,
    )


def _span(covered: timedelta, span: timedelta) -> str:
    """The time that is really covered: "7 d", "24 h", "3 h", "20 min"."""
    if covered >= 0.9 * span:
        covered = span
    hours = covered.total_seconds() / 3600
    if hours >= 72:  # noqa: PLR2004 - from three days on, days
        return f"{hours / 24:.0f} d"
    if hours >= 1:
        return f"{hours:.0f} h"
    return f"{max(1, round(hours * 60))} min"


def _line(samples: Sequence[Sample], current: float, began: datetime, now: datetime) -> str:
    """The highest figure of each of twelve equal times; a time without any repeats the one before."""
    whole = (now - began).total_seconds() or 1.0
    columns: list[float | None] = [None] * WIDTH
    for sample in samples:
        i = min(WIDTH - 1, int((sample.at - began).total_seconds() / whole * WIDTH))
        columns[i] = sample.value if columns[i] is None else max(columns[i] or 0.0, sample.value)
    columns[-1] = max(current, columns[-1]) if columns[-1] is not None else current
    return sparkline(_filled(columns))


def _filled(columns: Sequence[float | None]) -> list[float]:
    filled: list[float] = []
    for value in columns:
        if value is not None:
            filled.append(value)
        elif filled:
            filled.append(filled[-1])
    return filled


def sparkline(values: Sequence[float]) -> str:
    """One bar for each value, from the lowest to the highest of them; all low when nothing changes."""
    if not values:
        return ""
    low, high = min(values), max(values)
    # A change of less than a twentieth is noise: it is drawn, and not blown up to full height.
    reach = max(high - low, abs(high) * 0.05) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int((v - low) / reach * (len(BARS) - 1) + 0.5))] for v in values)


def figure(value: float, unit: str) -> str:
    """A figure with its unit, short: "91 %", "350 ms", "1.2 GB"."""
    number, suffix = _scaled(value, unit)
    return f"{_short(number)} {suffix}".rstrip()


def between(low: float, high: float, unit: str) -> str:
    """Like “41–88 %”; each with its own unit when they are of different sizes."""
    (a, first), (b, second) = _scaled(low, unit), _scaled(high, unit)
    if first == second:
        return f"{_short(a)}–{_short(b)} {second}".rstrip()
    return f"{figure(low, unit)}–{figure(high, unit)}"


def _scaled(value: float, unit: str) -> tuple[float, str]:
    if unit == "s" and abs(value) < 1:
        return value * 1000, "ms"
    if unit in {"s", "seconds"} and abs(value) >= 7200:  # noqa: PLR2004 - two hours
        return value / 3600, "h"
    if unit in {"bytes", "B"}:
        for suffix in ("B", "KB", "MB", "GB"):
            if abs(value) < _KB:
                return value, suffix
            value /= _KB
        return value, "TB"
    return value, unit


def _short(number: float) -> str:
    """No more digits than a person needs."""
    if number == int(number) or abs(number) >= 100:  # noqa: PLR2004 - three digits are enough
        return f"{number:.0f}"
    return f"{number:.1f}".removesuffix(".0") if abs(number) >= 1 else f"{number:.2g}"
