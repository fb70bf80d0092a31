"""Memory of this host."""

from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from bot.domain.health import Reading, Status
from bot.probes import baseline as judged
from bot.probes.probe import Probe
from bot.targets import Target
from runbook.model import BaselineRow

SYSTEM = "Memory"
METRIC = "Memory Usage"
_DEFAULT = (85.0, 90.0)  # per cent
_GIB = 1024**3
_HINT = "`ps` by memory names the largest programs."


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; `available` counts what the kernel can give back, such as the page cache."""

    total: int
    available: int


async def measure(_target: Target, _deadline: float) -> Memory:
    found = psutil.virtual_memory()
    return Memory(found.total, found.available)


def read(memory: Memory, baseline: Sequence[BaselineRow]) -> tuple[Reading, ...]:
    """One line: what programs hold, against the baseline."""
    used = 100.0 * (memory.total - memory.available) / memory.total
    verdict = judged.percent(METRIC, used, baseline, _DEFAULT)
    value = f"{used:.0f} % used ({memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GB available)"
    hint = "" if verdict.status is Status.OK else _HINT
    return (Reading(SYSTEM, verdict.status, value, verdict.normal, hint),)


PROBE = Probe(SYSTEM, measure, read, normal="< 85 %", hint="Run `free -h` on the host.", this_host=True)
