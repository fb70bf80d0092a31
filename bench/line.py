"""A measured figure, and how it is printed."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank: the smallest value that at least so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p99 and the largest, in milliseconds."""
    points = {"p50_ms": percentile(seconds, 50), "p99_ms": percentile(seconds, 99), "max_ms": max(seconds)}
    return {name: round(value * 1000, 2) for name, value in points.items()}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure.

    Attributes:
        name: dotted; its first part is the bench's name.
        n: how many were measured.
        values: what was measured, e.g. `{"p50_ms": 1.2}` or `{"value": 130, "unit": "MB"}`.
        target: upper bounds of some of the values; empty for a baseline that only helps to read the others.
        conditions: under which it was measured.
        missing: why there is no figure; then the target is not met.
    """

    name: str
    n: int
    values: Mapping[str, Any]
    target: Mapping[str, float] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    missing: str = ""

    @property
    def met(self) -> bool | None:
        """Whether every bound is kept; None without a target."""
        if not self.target:
            return None
        return not self.missing and all(self.values[key] <= bound for key, bound in self.target.items())

    def __str__(self) -> str:
        shown = {"name": self.name, "n": self.n, **self.values, "target": dict(self.target), "met": self.met}
        if self.missing:
            shown["missing"] = self.missing
        return json.dumps(shown | {"conditions": dict(self.conditions)}, ensure_ascii=False)
