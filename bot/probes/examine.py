"""All probes side by side, each with its own deadline; nothing that fails or hangs spoils the report."""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from bot.domain.health import HealthReport, Reading, Status
from bot.errors import AbsentError, AtsError, ConfigError, RejectedError
from bot.probes.probe import Context, Probe
from bot.targets import Target
from bot.targets.kept import plain
from bot.targets.trouble import NOT_INSTALLED, timed_out

Probes = Mapping[str, Probe[Any]]
Found = tuple[str, tuple[Reading, ...]]
_Task = asyncio.Task[tuple[Reading, ...]]
_GRACE = 0.03  # seconds beyond the deadline, so that a probe's own words about it come first
_LONGEST = 900  # characters of a value
_CLOSING = 0.015  # seconds for those that are cancelled
# Seconds that questions over the network are ahead of programs. To start one costs several milliseconds of the loop and
# then a core; a system that takes its time should have its question by then.
_AHEAD = 0.05


def chosen(probes: Probes, context: Context, deployment: str, only: Collection[str] | None) -> Probes:
    """Those asked for by name; else those that the settings do not leave out and that fit the live deployment."""
    if only is not None:
        return {name: probe for name, probe in probes.items() if name in only}
    return {
        name: probe
        for name, probe in probes.items()
        if name not in context.settings.leave_out
        and not (deployment and probe.styles and deployment not in probe.styles)
    }


async def each(
    probes: Probes, target: Target, context: Context, *, deadline: float
) -> AsyncGenerator[Found, None]:
    """Run them all and give each one's readings as it answers; what does not answer in time comes last."""
    loop = asyncio.get_running_loop()
    tasks: dict[_Task, str] = {}

    def begin(*, programs: bool) -> set[_Task]:
        begun = {
            asyncio.create_task(_examine(name, probe, target, context, deadline)): name
            for name, probe in probes.items()
            if probe.programs is programs
        }
        tasks.update(begun)
        return set(begun)

    waiting = begin(programs=False)
    try:
        if waiting:
            await asyncio.wait(waiting, timeout=_AHEAD)
        waiting |= begin(programs=True)
        end = loop.time() + deadline + _GRACE
        while waiting:
            done, waiting = await asyncio.wait(
                waiting, timeout=max(0.0, end - loop.time()), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
            for task in [t for t in tasks if t in done]:
                yield tasks[task], task.result()
    finally:
        await _end(waiting)
    for task in [t for t in tasks if t in waiting]:
        yield tasks[task], _outcome(probes[tasks[task]], task, deadline)


async def examine_all(probes: Probes, target: Target, context: Context, *, deadline: float) -> HealthReport:
    """Run these probes; never raises, and leaves nothing running."""
    began = time.perf_counter()
    async with aclosing(each(probes, target, context, deadline=deadline)) as answers:
        found = {name: readings async for name, readings in answers}
    ordered = worst_first(reading for name in probes for reading in found[name])
    return HealthReport(ordered, time.perf_counter() - began)


def worst_first(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Sorted by status; the probes' order within one."""
    order = list(Status)
    return tuple(sorted(readings, key=lambda r: order.index(r.status)))


async def _end(tasks: Collection[_Task]) -> None:
    """Cancel, and let them close what they hold; one that refuses is not waited for."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CLOSING)


def _outcome(probe: Probe[Any], task: _Task, deadline: float) -> tuple[Reading, ...]:
    if task.done() and not task.cancelled():
        return task.result()
    return (failure(probe, timed_out(deadline), deadline),)


async def _examine(
    name: str, probe: Probe[Any], target: Target, context: Context, deadline: float
) -> tuple[Reading, ...]:
    began = time.perf_counter()
    options = {**probe.options, **context.settings.options.get(name, {})}
    try:
        measured = await probe.measure(target, deadline, options)
        readings = probe.read(measured, replace(context, options=options))
    except Exception as error:  # noqa: BLE001 - the edge: one probe's defect must not cost the others
        return (failure(probe, error, time.perf_counter() - began, target),)
    took = time.perf_counter() - began
    return tuple(
        replace(r, value=_shown(target, r.value), took=r.took or took, source=r.source or probe.source)
        for r in readings
    )


def _shown(target: Target | None, value: str) -> str:
    """What others wrote may hold secrets, terminal escapes, and no end."""
    text = " ".join(plain(value).split())
    return (target.redact(text) if target else text)[:_LONGEST]


def failure(probe: Probe[Any], error: Exception, took: float, target: Target | None = None) -> Reading:
    """The reading of a system that could not be asked. Pure."""
    said = str(error) if isinstance(error, AtsError) else f"the probe failed: {type(error).__name__}: {error}"
    value, _, advice = said.partition(". ")
    return Reading(
        system=probe.system,
        status=_status(probe, error),
        value=_shown(target, value).rstrip("."),
        normal=probe.normal,
        hint=advice or probe.hint,
        took=took,
        threshold=probe.critical,
        source=probe.source,
        absent=_absent(error),
    )


def _absent(error: Exception) -> bool:
    """Whether the system is plainly not there: its program not installed, or its address not configured."""
    return isinstance(error, AbsentError) or (isinstance(error, RejectedError) and error.code == NOT_INSTALLED)


def _status(probe: Probe[Any], error: Exception) -> Status:
    unknown = _absent(error) or isinstance(error, ConfigError) or not isinstance(error, AtsError)
    return Status.UNKNOWN if unknown else probe.failing
