"""What a measured value was, is and becomes: the truth behind the sandbox's Prometheus and its APIs."""

import math
from collections.abc import Callable
from datetime import datetime

# (seconds since 1970, seconds since this curve began) -> value
Curve = Callable[[float, float], float]


def constant(value: float) -> Curve:
    return lambda _unix, _elapsed: value


def steady(level: float, wobble: float) -> Curve:
    """A level that breathes a little, the same for everybody who asks about the same moment."""

    def curve(unix: float, _elapsed: float) -> float:
        return level + wobble * (0.6 * math.sin(unix / 47.0) + 0.4 * math.sin(unix / 13.0))

    return curve


def ramp(start: float, end: float, seconds: float, wobble: float = 0.0) -> Curve:
    """From `start` to `end` within `seconds`, then breathing around `end`."""
    after = steady(end, wobble)

    def curve(unix: float, elapsed: float) -> float:
        if elapsed >= seconds:
            return after(unix, elapsed)
        return start + (end - start) * max(elapsed, 0.0) / seconds

    return curve


def counting(start: float, every: float) -> Curve:
    """A counter that rises by one each `every` seconds."""
    return lambda _unix, elapsed: start + math.floor(max(elapsed, 0.0) / every)


def growing(start: float, per_second: float, most: float = math.inf) -> Curve:
    """A value that grows evenly up to `most`."""
    return lambda _unix, elapsed: min(start + per_second * max(elapsed, 0.0), most)


class Track:
    """One time series: curves, each valid from its beginning until the next one's.

    Args:
        curve: valid from `start`, and before it too, as if the platform had always run so.
    """

    def __init__(self, curve: Curve, *, start: datetime) -> None:
        self._curves: list[tuple[float, Curve]] = [(start.timestamp(), curve)]

    def at(self, when: datetime | float) -> float:
        unix = when.timestamp() if isinstance(when, datetime) else when
        begin, curve = self._curves[0]
        for began, later in self._curves:
            if began > unix:
                break
            begin, curve = began, later
        return curve(unix, unix - begin)

    def set(self, when: datetime, curve: Curve) -> None:
        """Follow `curve` from `when` on; what was planned or measured after `when` is forgotten."""
        unix = when.timestamp()
        earlier = [c for c in self._curves if c[0] < unix] or [(unix - 1.0, self._curves[0][1])]
        self._curves = [*earlier, (unix, curve)]
