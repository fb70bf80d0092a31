"""All probes side by side, each with its own deadline; nothing that fails or hangs spoils the report."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.domain.health import HealthReport, Reading, Status
from bot.errors import AtsError, ConfigError, RejectedError
from bot.probes.probe import Probe
from bot.targets import Target
from bot.targets.trouble import NOT_INSTALLED, timed_out
from runbook.model import BaselineRow

Probes = Mapping[str, Probe[Any]]
_GRACE = 0.03  # seconds beyond the deadline, so that a probe's own words about it come first
_CLOSING = 0.015  # seconds for those that are cancelled


async def examine_all(
    probes: Probes,
    target: Target,
    baseline: Sequence[BaselineRow],
    *,
    only: Collection[str] | None,
    deadline: float,
    local_host: bool,
) -> HealthReport:
    """Run the probes named, or all of them; never raises, and leaves nothing running."""
    began = time.perf_counter()
    chosen = [probe for name, probe in probes.items() if only is None or name in only]
    tasks = [
        asyncio.create_task(_examine(p, target, baseline, deadline, local_host=local_host)) for p in chosen
    ]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=deadline + _GRACE)
    finally:
        await _end([t for t in tasks if not t.done()])
    readings = [r for p, t in zip(chosen, tasks, strict=True) for r in _outcome(p, t, deadline)]
    order = list(Status)
    readings.sort(key=lambda r: order.index(r.status))  # stable: the probes' order within a status
    return HealthReport(tuple(readings), time.perf_counter() - began)


async def _end(tasks: list[asyncio.Task[tuple[Reading, ...]]]) -> None:
    """Cancel, and let them close what they hold; one that refuses is not waited for."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CLOSING)


def _outcome(
    probe: Probe[Any], task: asyncio.Task[tuple[Reading, ...]], deadline: float
) -> tuple[Reading, ...]:
    if task.done() and not task.cancelled():
        return task.result()
    return (failure(probe, timed_out(deadline), deadline),)


async def _examine(
    probe: Probe[Any],
    target: Target,
    baseline: Sequence[BaselineRow],
    deadline: float,
    *,
    local_host: bool,
) -> tuple[Reading, ...]:
    if probe.this_host and not local_host:
        return (
            Reading(probe.system, Status.UNKNOWN, "not measured: on another host", probe.normal, probe.hint),
        )
    began = time.perf_counter()
    try:
        measured = await probe.measure(target, deadline)
        readings = probe.read(measured, baseline)
    except Exception as error:  # noqa: BLE001 - the edge: one probe's defect must not cost the others
        return (failure(probe, error, time.perf_counter() - began, target),)
    took = time.perf_counter() - began
    return tuple(replace(r, took=r.took or took) for r in readings)


def failure(probe: Probe[Any], error: Exception, took: float, target: Target | None = None) -> Reading:
    """The reading of a system that could not be asked. Pure."""
    said = str(error) if isinstance(error, AtsError) else f"the probe failed: {type(error).__name__}: {error}"
    value, _, advice = said.partition(". ")
    return Reading(
        system=probe.system,
        status=_status(probe, error),
        value=(target.redact(value) if target else value).rstrip("."),
        normal=probe.normal,
        hint=advice or probe.hint,
        took=took,
    )


def _status(probe: Probe[Any], error: Exception) -> Status:
    missing = isinstance(error, RejectedError) and error.code == NOT_INSTALLED
    unknown = missing or isinstance(error, ConfigError) or not isinstance(error, AtsError)
    return Status.UNKNOWN if unknown else probe.failing
