"""What has changed since the looks before: counters that only rise, until they fall. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from bot.domain.health import Sample
from bot.probes.probe import Context

_STALE = 3  # windows: an older look says nothing of this one


@dataclass(frozen=True, slots=True)
class Change:
    """How much a counter has risen, over how long, and whether it fell meanwhile (whoever counts was started anew)."""

    rise: float
    seconds: float
    fell: bool = False


def since(context: Context, key: str, value: float, window: timedelta) -> Change | None:
    """How much a counter rose within the window, now being at `value`; None without an earlier look."""
    kept = [s for s in context.history.get(key, ()) if s.at < context.now]
    recent = [s for s in kept if s.at >= context.now - window]
    before = [s for s in kept if context.now - window * _STALE <= s.at < context.now - window]
    looks = [*before[-1:], *recent]
    if not looks:
        return None
    rise, fell = _rise([*looks, Sample(context.now, value)])
    return Change(rise, (context.now - looks[0].at).total_seconds(), fell)


def _rise(looks: Sequence[Sample]) -> tuple[float, bool]:
    """As Prometheus counts: after a fall the whole new value is rise."""
    rise, fell = 0.0, False
    for earlier, later in pairwise(looks):
        fell = fell or later.value < earlier.value
        rise += later.value - earlier.value if later.value >= earlier.value else later.value
    return rise, fell
