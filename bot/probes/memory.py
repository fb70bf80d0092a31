"""Memory of the target's host."""

import re
from dataclasses import dataclass

import psutil

from bot.domain.health import Reading, Status
from bot.errors import ServerError
from bot.probes import baseline as judged
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Memory"
METRIC = "Memory Usage"
_DEFAULT = (85.0, 90.0)  # per cent
_GIB = 1024**3
_LINE = re.compile(r"^(MemTotal|MemAvailable):\s+(\d+) kB$", re.MULTILINE)
_HINT = "`ps` by memory names the largest programs."


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; `available` counts what the kernel can give back, such as the page cache."""

    total: int
    available: int


async def measure(target: Target, deadline: float, _options: Options) -> Memory:
    if not target.local:
        return parse((await target.run(["cat", "/proc/meminfo"], deadline=deadline)).stdout)
    found = psutil.virtual_memory()
    return Memory(found.total, found.available)


def parse(text: str) -> Memory:
    """/proc/meminfo."""
    found = {name: int(kilobytes) * 1024 for name, kilobytes in _LINE.findall(text)}
    if len(found) != 2 or not found["MemTotal"]:  # noqa: PLR2004 - the two that are looked for
        raise ServerError("/proc/meminfo does not say how much memory there is. Is the target a Linux host?")
    return Memory(found["MemTotal"], found["MemAvailable"])


def read(memory: Memory, context: Context) -> tuple[Reading, ...]:
    """One line: what programs hold, against the baseline."""
    used = 100.0 * (memory.total - memory.available) / memory.total
    verdict = judged.percent(METRIC, used, context.baseline, _DEFAULT)
    value = f"{used:.0f} % used ({memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GB available)"
    hint = "" if verdict.status is Status.OK else _HINT
    return (
        Reading(SYSTEM, verdict.status, value, verdict.normal, hint, number=round(used, 2), unit="%",
                threshold=verdict.threshold, source=verdict.source),
    )  # fmt: skip


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="what programs hold of the memory (the kernel; on another host `/proc/meminfo`)",
    normal="< 85 %",
    warning="not in the normal range of “Memory Usage” (85 % and more)",
    critical="> 90 %",
    source=judged.SOURCE,
    hint="Run `free -h` on the host.",
    failing=Status.UNKNOWN,
)
