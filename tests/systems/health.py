"""The product's own look at a system, as `/ats health` does it, with the shipped runbook's baseline."""

from functools import cache

from bot import probes
from bot.domain.health import Reading
from bot.targets import Target
from runbook.compiler import compile_text
from runbook.model import Plan
from runbook.shipped import shipped_lock, shipped_text


@cache
def plan() -> Plan:
    """The shipped runbook, compiled and unlocked as it is in production."""
    return compile_text(shipped_text(), lock=shipped_lock())


async def look(target: Target, *names: str, deadline: float = 15.0) -> tuple[Reading, ...]:
    """Every reading of these probes, worst first."""
    report = await probes.examine(target, plan().baseline, only=set(names), deadline=deadline)
    return report.readings


async def line(target: Target, name: str, *, deadline: float = 15.0) -> Reading:
    """The worst reading of one probe."""
    return (await look(target, name, deadline=deadline))[0]
