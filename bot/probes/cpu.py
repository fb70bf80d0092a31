"""CPU of this host, over a short interval that blocks nobody."""

import asyncio
import contextlib
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
_FULL = 0.1  # of the time idle: less than that is a full host
_HINT = "`ps` by CPU names the busiest programs."


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of all cores since the host started."""

    busy: float
    idle: float
    own: float = 0.0  # of the busy ones: the bot, and the programs that it runs to examine the others


@dataclass(frozen=True, slots=True)
class Cpu:
    """Two looks, and what else belongs beside the percentage."""

    before: Times
    after: Times
    cores: int
    load: float  # average of one minute


async def measure(_target: Target, deadline: float) -> Cpu:
    before = await asyncio.to_thread(_look)
    await asyncio.sleep(min(_INTERVAL, deadline / 2))
    return Cpu(before, await asyncio.to_thread(_look), psutil.cpu_count() or 1, os.getloadavg()[0])


def _look() -> Times:
    found = psutil.cpu_times()
    idle = found.idle + getattr(found, "iowait", 0.0)
    guests = getattr(found, "guest", 0.0) + getattr(found, "guest_nice", 0.0)  # counted in user and nice too
    return Times(sum(found) - idle - guests, idle, _own())


def _own() -> float:
    """Seconds used by this process, by its children that have ended, and by those that run."""
    used = os.times()
    own = used.user + used.system + used.children_user + used.children_system
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = child.cpu_times()
            own += times.user + times.system
    return own


def read(cpu: Cpu, baseline: Sequence[BaselineRow]) -> tuple[Reading, ...]:
    """One line: the share of time in which the cores were busy."""
    used = busy_percent(cpu)
    verdict = judged.percent(METRIC, used, baseline, _DEFAULT)
    value = f"{used:.0f} % of {cpu.cores} core{'s' * (cpu.cores != 1)} (load {cpu.load:.1f})"
    hint = "" if verdict.status is Status.OK else _HINT
    return (Reading(SYSTEM, verdict.status, value, verdict.normal, hint),)


def busy_percent(cpu: Cpu) -> float:
    """0 to 100; 0 when no time was counted, or a counter went back (a suspended machine).

    The other probes start `pm2` and `docker` in the same moment, enough to fill two cores: that is left out, or
    each look would raise its own alarm. Only on a host that was full before we came is nothing left out, since
    what we used there was taken from the others.
    """
    busy, idle = cpu.after.busy - cpu.before.busy, cpu.after.idle - cpu.before.idle
    whole = busy + idle
    if whole <= 0:
        return 0.0
    was_full = idle < _FULL * whole and cpu.load > cpu.cores
    own = 0.0 if was_full else max(0.0, cpu.after.own - cpu.before.own)
    return min(100.0, max(0.0, 100.0 * (busy - own) / whole))


PROBE = Probe(SYSTEM, measure, read, normal="< 70 %", hint="Run `top` on the host.", this_host=True)
