"""Durations and bounds as people write them in tables."""

import re
from datetime import timedelta

from runbook.model import Bound

_UNITS = {
    "ms": 0.001,
    "millisecond": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "w": 604800.0,
    "week": 604800.0,
}
_AT_ONCE = {"immediate", "immediately", "now", "instant", "at once", "asap", "0"}
_WORDS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "five": 5, "ten": 10, "fifteen": 15, "thirty": 30}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?|[a-z]{1,8})\s{0,3}-?([a-z]{1,12})(?![a-z])")
_LONGEST = timedelta(days=366)


def _amount(text: str) -> float | None:
    if text[0].isdigit():
        return float(text)
    number = _WORDS.get(text)
    return float(number) if number is not None else None


def parse_duration(text: str) -> timedelta | None:
    """How long "Immediate", "15 minutes", "1h 30m" or "an hour" is; None when it is no duration."""
    words = text.strip().lower().strip(".")[:80]
    if words in _AT_ONCE:
        return timedelta()
    total, found = 0.0, False
    for number, unit in _PART.findall(words):
        amount = _amount(number)
        scale = _UNITS.get(unit) or _UNITS.get(unit.rstrip("s"))
        if amount is not None and scale is not None:
            total, found = total + amount * scale, True
    span = timedelta(seconds=min(total, _LONGEST.total_seconds())) if found else None
    return span if span is not None else (timedelta() if words.startswith("immediate") else None)


_BOUND = re.compile(
    r"^\s*(<=|>=|<|>|≤|≥|under|below|less than|over|above|more than)?\s*"
    r"(-?\d{1,15}(?:[.,]\d{1,9})?)\s*([%a-zA-Zµ/]{0,16})\s*(?:of\s+(?:the\s+)?(\w{1,40}))?",
    re.IGNORECASE,
)
_OPERATORS = {
    "≤": "<=",
    "≥": ">=",
    "under": "<",
    "below": "<",
    "less than": "<",
    "over": ">",
    "above": ">",
    "more than": ">",
}


def parse_bound(text: str, *, default: str) -> Bound | None:
    """A table cell such as "< 80% of max" as a bound; `default` is the operator of a bare number."""
    found = _BOUND.match(text)
    if found is None:
        return None
    sign, number, unit, of = found.groups()
    op = _OPERATORS.get((sign or default).lower(), sign or default)
    return Bound(op=op, value=float(number.replace(",", ".")), unit=unit, of=of or "", text=text.strip())
