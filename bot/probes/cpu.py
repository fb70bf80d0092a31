"""CPU of the target's host, over a short interval that blocks nobody."""

import asyncio
import contextlib
import os
from dataclasses import dataclass

import psutil

from bot.domain.health import Reading, Status
from bot.errors import ServerError
from bot.probes import baseline as judged
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "CPU"
METRIC = "CPU Usage"
_DEFAULT = (70.0, 85.0)  # per cent
_INTERVAL = 0.25  # seconds; the kernel counts in hundredths
_FULL = 0.1  # of the time idle: less than that is a full host
_COUNTED = 8  # user … steal; guests are counted in user and nice too
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


async def measure(target: Target, deadline: float, _options: Options) -> Cpu:
    if not target.local:
        return await _elsewhere(target, deadline)
    before = await asyncio.to_thread(_look)
    await asyncio.sleep(min(_INTERVAL, deadline / 2))
    return Cpu(before, await asyncio.to_thread(_look), psutil.cpu_count() or 1, os.getloadavg()[0])


async def _elsewhere(target: Target, deadline: float) -> Cpu:
    first = await target.run(["cat", "/proc/stat"], deadline=deadline)
    await asyncio.sleep(min(_INTERVAL, deadline / 4))
    second = await target.run(["cat", "/proc/stat", "/proc/loadavg"], deadline=deadline)
    return parse(first.stdout, second.stdout)


def parse(first: str, second: str) -> Cpu:
    """/proc/stat, and a little later the same with /proc/loadavg after it; in hundredths of a second."""
    before, _ = _counted(first)
    after, cores = _counted(second)
    try:
        load = float(second.strip().splitlines()[-1].split()[0])
    except (IndexError, ValueError):
        load = 0.0
    return Cpu(before, after, cores, load)


def _counted(text: str) -> tuple[Times, int]:
    lines = [line.split() for line in text.splitlines() if line.startswith("cpu")]
    try:
        spent = [int(ticks) / 100 for ticks in lines[0][1 : _COUNTED + 1]]
        idle = spent[3] + spent[4]
    except (IndexError, ValueError):
        raise ServerError("/proc/stat does not count the CPU's time. Is the target a Linux host?") from None
    return Times(sum(spent) - idle, idle), max(1, len(lines) - 1)


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


def read(cpu: Cpu, context: Context) -> tuple[Reading, ...]:
    """One line: the share of time in which the cores were busy."""
    used = busy_percent(cpu)
    verdict = judged.percent(METRIC, used, context.baseline, _DEFAULT)
    value = f"{used:.0f} % of {cpu.cores} core{'s' * (cpu.cores != 1)} (load {cpu.load:.1f})"
    hint = "" if verdict.status is Status.OK else _HINT
    return (
        Reading(SYSTEM, verdict.status, value, verdict.normal, hint, number=round(used, 2), unit="%",
                threshold=verdict.threshold, source=verdict.source),
    )  # fmt: skip


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


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="busy time of the cores over a quarter of a second (the kernel; on another host `/proc/stat`)",
    normal="< 70 %",
    warning="not in the normal range of “CPU Usage” (70 % and more)",
    critical="> 85 %",
    source=judged.SOURCE,
    hint="Run `top` on the host.",
    failing=Status.UNKNOWN,
)
