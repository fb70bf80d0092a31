"""Disk space of /, /var and /tmp on this host."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.health import Reading, Status
from bot.probes import baseline as judged
from bot.probes.probe import Probe
from bot.targets import Target
from runbook.model import BaselineRow

METRIC = "Disk Usage"
PATHS = ("/", "/var", "/tmp")  # noqa: S108 - measured, not written to
_DEFAULT = (85.0, 90.0)  # per cent
_GIB = 1024**3
_HINT = "Find what grew (`du -xhd1 PATH`): logs and old backups first."


@dataclass(frozen=True, slots=True)
class Space:
    """One file system, as `df` counts it: root's reserve is neither used nor free."""

    path: str
    used: int  # bytes
    free: int  # bytes that an ordinary user can still write
    error: str = ""


async def measure(_target: Target, _deadline: float) -> tuple[Space, ...]:
    return tuple(await asyncio.gather(*(asyncio.to_thread(look, path) for path in PATHS)))


def look(path: str) -> Space:
    """Ask the kernel; a path that is not there is an answer too."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        return Space(path, 0, 0, error.strerror or str(error))
    return Space(path, (found.f_blocks - found.f_bfree) * found.f_frsize, found.f_bavail * found.f_frsize)


def read(spaces: tuple[Space, ...], baseline: Sequence[BaselineRow]) -> tuple[Reading, ...]:
    """A line for each path."""
    return tuple(_reading(space, baseline) for space in spaces)


def _reading(space: Space, baseline: Sequence[BaselineRow]) -> Reading:
    whole = space.used + space.free
    used = 100.0 * space.used / whole if whole else 0.0
    verdict = judged.percent(METRIC, used, baseline, _DEFAULT)
    system = f"Disk {space.path}"
    if space.error:
        hint = "Is it mounted?"
        return Reading(system, Status.UNKNOWN, f"not measured: {space.error}", verdict.normal, hint)
    hint = "" if verdict.status is Status.OK else _HINT.replace("PATH", space.path)
    value = f"{used:.0f} % used ({space.free / _GIB:.1f} GB free)"
    return Reading(system, verdict.status, value, verdict.normal, hint)


PROBE = Probe("Disk", measure, read, normal="< 85 %", hint="Run `df -h` on the host.", this_host=True)
