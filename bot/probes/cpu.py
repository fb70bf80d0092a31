"""CPU of this host, over a short interval that blocks nobody."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from bot.domain.health import Reading, Status
from bot.probes import baseline as judged
from bot.probes.probe import Probe
from bot.targets import Target
from runbook.model import BaselineRow

SYSTEM = "CPU"
METRIC = "CPU Usage"
_DEFAULT = (70.0, 85.0)  # per cent
_INTERVAL = 0.25  # seconds; the kernel counts in hundredths
_HINT = "`ps` by CPU names the busiest programs."


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of all cores since the host started."""

    busy: float
    idle: float


@dataclass(frozen=True, slots=True)
class Cpu:
    """Two looks, and what else belongs beside the percentage."""

    before: Times
    after: Times
    cores: int
    load: float  # average of one minute


async def measure(_target: Target, deadline: float) -> Cpu:
    before = _look()
    await asyncio.sleep(min(_INTERVAL, deadline / 2))
    return Cpu(before, _look(), psutil.cpu_count() or 1, os.getloadavg()[0])


def _look() -> Times:
    found = psutil.cpu_times()
    idle = found.idle + getattr(found, "iowait", 0.0)
    guests = getattr(found, "guest", 0.0) + getattr(found, "guest_nice", 0.0)  # counted in user and nice too
    return Times(sum(found) - idle - guests, idle)


def read(cpu: Cpu, baseline: Sequence[BaselineRow]) -> tuple[Reading, ...]:
    """One line: the share of time in which the cores were busy."""
    used = busy_percent(cpu.before, cpu.after)
    verdict = judged.percent(METRIC, used, baseline, _DEFAULT)
    value = f"{used:.0f} % of {cpu.cores} core{'s' * (cpu.cores != 1)} (load {cpu.load:.1f})"
    hint = "" if verdict.status is Status.OK else _HINT
    return (Reading(SYSTEM, verdict.status, value, verdict.normal, hint),)


def busy_percent(before: Times, after: Times) -> float:
    """0 to 100; 0 when no time was counted, or a counter went back (a suspended machine)."""
    busy, idle = after.busy - before.busy, after.idle - before.idle
    whole = busy + idle
    return min(100.0, max(0.0, 100.0 * busy / whole)) if whole > 0 else 0.0


PROBE = Probe(SYSTEM, measure, read, normal="< 70 %", hint="Run `top` on the host.", this_host=True)
