"""Disk space of /, /var and /tmp on the target's host."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.domain.health import Reading, Status
from bot.errors import ServerError
from bot.probes import baseline as judged
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

METRIC = "Disk Usage"
PATHS = ("/", "/var", "/tmp")  # noqa: S108 - measured, not written to
_DEFAULT = (85.0, 90.0)  # per cent
_GIB = 1024**3
_COLUMNS = 6  # of `df -P`
_HINT = "Find what grew (`du -xhd1 PATH`): logs and old backups first."


@dataclass(frozen=True, slots=True)
class Space:
    """One file system, as `df` counts it: root's reserve is neither used nor free."""

    path: str
    used: int  # bytes
    free: int  # bytes that an ordinary user can still write
    error: str = ""


async def measure(target: Target, deadline: float, options: Options) -> tuple[Space, ...]:
    """The kernel's word on this host; on another one, `df`."""
    paths: Sequence[str] = options["paths"]
    if target.local:
        return tuple(await asyncio.gather(*(asyncio.to_thread(look, path) for path in paths)))
    answer = await target.run(["df", "-Pk", "--", *paths], deadline=deadline)
    return tuple(parse(answer.stdout, answer.stderr, paths))


def look(path: str) -> Space:
    """Ask the kernel; a path that is not there is an answer too."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        return Space(path, 0, 0, error.strerror or str(error))
    return Space(path, (found.f_blocks - found.f_bfree) * found.f_frsize, found.f_bavail * found.f_frsize)


def parse(text: str, complaints: str, paths: Sequence[str]) -> Iterator[Space]:
    """`df -Pk`: a line for each path that there is, in their order, and a complaint for each that there is not."""
    rows = [line.split(None, _COLUMNS - 1) for line in text.splitlines()[1:]]
    missing = {path: line for path in paths for line in complaints.splitlines() if f" {path}:" in f"{line}:"}
    there = [path for path in paths if path not in missing]
    if len(rows) != len(there) or any(len(r) != _COLUMNS or not (r[2] + r[3]).isdigit() for r in rows):
        raise ServerError("`df -Pk` did not print what it should. Run it by hand on the target.")
    found = {
        path: Space(path, int(row[2]) * 1024, int(row[3]) * 1024) for path, row in zip(there, rows, strict=True)
    }
    for path in paths:
        yield found.get(path) or Space(path, 0, 0, missing[path].rpartition(": ")[2])


def read(spaces: tuple[Space, ...], context: Context) -> tuple[Reading, ...]:
    """A line for each path."""
    return tuple(_reading(space, context) for space in spaces)


def _reading(space: Space, context: Context) -> Reading:
    whole = space.used + space.free
    used = 100.0 * space.used / whole if whole else 0.0
    verdict = judged.percent(METRIC, used, context.baseline, _DEFAULT)
    system = f"Disk {space.path}"
    reading = Reading(
        system, verdict.status, "", verdict.normal, threshold=verdict.threshold, source=verdict.source
    )
    if space.error:
        said = f"not measured: {space.error}"
        return replace(reading, status=Status.UNKNOWN, value=said, hint="Is it mounted?")
    hint = "" if verdict.status is Status.OK else _HINT.replace("PATH", space.path)
    value = f"{used:.0f} % used ({space.free / _GIB:.1f} GB free)"
    return replace(reading, value=value, hint=hint, number=round(used, 2), unit="%")


PROBE = Probe(
    "Disk",
    measure,
    read,
    asks="space of each path (the kernel; on another host `df -Pk`)",
    normal="< 85 %",
    warning="not in the normal range of “Disk Usage” (85 % and more)",
    critical="> 90 %",
    source=judged.SOURCE,
    hint="Run `df -h` on the host.",
    failing=Status.UNKNOWN,
    options={"paths": PATHS},
)
