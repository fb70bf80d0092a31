"""The product's own look at a system, as `/ats health` does it, with the shipped runbook's baseline."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from bot import probes
from bot.domain.health import Reading, Sample, figures
from bot.probes import Context, configured
from bot.targets import Target
from runbook.compiler import compile_text
from runbook.model import Plan
from runbook.shipped import shipped_lock, shipped_text


@cache
def plan() -> Plan:
    """The shipped runbook, compiled and unlocked as it is in production."""
    return compile_text(shipped_text(), lock=shipped_lock())


async def look(
    target: Target,
    *names: str,
    deadline: float = 15.0,
    history: Mapping[str, Sequence[Sample]] | None = None,
    options: Mapping[str, object] | None = None,
) -> tuple[Reading, ...]:
    """Every reading of these probes, worst first; what was measured before, and `[probes]` options, if they matter."""
    context = Context(plan().baseline, datetime.now(UTC), history or {}, settings=configured([], options or {}))
    report = await probes.examine(target, context, only=set(names), deadline=deadline)
    return report.readings


async def line(target: Target, name: str, **how: Any) -> Reading:
    """The worst reading of one probe."""
    return (await look(target, name, **how))[0]


def sampled(readings: Iterable[Reading], *, ago: timedelta) -> dict[str, tuple[Sample, ...]]:
    """What these readings are to a later look: the history that the bot keeps."""
    at = datetime.now(UTC) - ago
    return {name: (Sample(at, value),) for name, value in figures(readings).items()}
