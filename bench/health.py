"""`/ats health`: the report at Slack, compared with its slowest probe; all well, and one system slow."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from bench.line import Line, percentile
from bench.machine import conditions
from bench.script import script
from bench.slash import CHANNEL, PERSON, NoAckError
from bench.stopwatch import posted_or_changed
from bench.world import SETTINGS, World
from bot import probes
from bot.targets import Target, TargetSettings

SLOW, SLOW_SECONDS = "api", 2.0
TARGET = {"p50_ms": 50.0}
COMPLETE = {"report_max_ms": 2100.0}
THRICE = {"report_share_of_script": round(1 / 3, 3)}  # at least three times as fast
AGAIN = 5.2  # seconds: the same question within five is answered by the same report
EACH = 1.0  # seconds that each system takes to answer in the comparison with the script
SYSTEMS = (
    "api",
    "redis",
    "pm2",
    "docker",
)  # those that the runbook's script asks and the sandbox can slow down
CLOCK = (
    "/ats health typed → its report arrived at the local Slack, less the slowest probe: that of the bot's own "
    "probes run side by side by the bench in the moment before"
)


async def report(world: World) -> float:
    """Seconds from typing the command to the arrival of the complete report, posted or changed in place."""
    arrived = world.stopwatch.next(posted_or_changed("Checked "))
    began = time.perf_counter()
    outcome = await world.sandbox.slack.command(PERSON, CHANNEL, "health")
    if not outcome.ok:
        raise NoAckError(f"/ats health: {outcome.error}")
    took = await asyncio.wait_for(arrived, 30) - began
    await world.stopwatch.quiet(0.3)
    await asyncio.sleep(AGAIN)
    return took


async def slowest(target: Target) -> tuple[float, str]:
    """Seconds of the slowest probe, and its system."""
    found = await probes.examine(target, probes.Context())
    worst = max(found.readings, key=lambda reading: reading.took)
    return worst.took, worst.system


def target_of(settings: Mapping[str, str]) -> Target:
    """The systems under care as the bot with these settings reaches them."""
    return Target(
        TargetSettings(
            database_url=settings["ATS_TARGET__DATABASE_URL"],
            redis_url=settings["ATS_TARGET__REDIS_URL"],
            api_token=settings["ATS_TARGET__API_TOKEN"],
            cwd=Path(settings["ATS_TARGET__CWD"]),
            path=settings["ATS_TARGET__PATH"],
            rewrites=json.loads(settings["ATS_TARGET__REWRITES"]),
        )
    )


async def bench(world: World, n: int) -> AsyncIterator[Line]:
    """What the report costs beyond its slowest probe."""
    target = target_of(world.settings)
    try:
        await slowest(target)
        await report(world)
        yield await _compared(
            world, target, "health.all_well", n, "every system of the sandbox's platform is up"
        )
        world.sandbox.platform.faults.slow(SLOW, SLOW_SECONDS)
        said = f"the platform's {SLOW} answers each request after {SLOW_SECONDS:g} s"
        yield await _compared(world, target, "health.one_slow", n, said, more=COMPLETE)
        world.sandbox.platform.faults.clear()
        async for line in _against_the_script(world, n):
            yield line
    finally:
        world.sandbox.platform.faults.clear()
        await target.close()


async def _against_the_script(world: World, n: int) -> AsyncIterator[Line]:
    """The same systems, asked by the runbook's own script in a shell; first well, then each slow."""
    # No bound on this one: nothing is waited for, so that the processor decides, and the report asks about thirty
    # things where the script asks seven.
    yield await _ratio(world, "health.script.all_well", n, "every system is up", {})
    for system in SYSTEMS:
        world.sandbox.platform.faults.slow(system, EACH)
    said = f"each of {', '.join(SYSTEMS)} answers each request after {EACH:g} s"
    yield await _ratio(world, "health.script.each_slow", n, said, THRICE)


async def _ratio(world: World, name: str, n: int, said: str, target: Mapping[str, float]) -> Line:
    reports, scripts = [], []
    for _ in range(n):
        scripts.append(await script(world.settings))
        reports.append(await report(world))
    ours, theirs = percentile(reports, 50), percentile(scripts, 50)
    values = {
        "report_p50_ms": _ms(ours),
        "script_p50_ms": _ms(theirs),
        "times_faster": round(theirs / ours, 2),
        "report_share_of_script": round(ours / theirs, 3),
    }
    clock = (
        "the complete report at the local Slack, and the runbook's script (sh, sequential) from start to end"
    )
    return Line(name, n, values, target, conditions(clock, systems=said, setup=SETTINGS))


async def _compared(
    world: World, target: Target, name: str, n: int, said: str, *, more: Mapping[str, float] | None = None
) -> Line:
    over, reports, slow, names = [], [], [], set()
    for _ in range(n):
        probe, which = await slowest(target)
        took = await report(world)
        over.append(took - probe)
        reports.append(took)
        slow.append(probe)
        names.add(which)
    values = {
        "p50_ms": _ms(percentile(over, 50)),
        "max_ms": _ms(max(over)),
        "report_p50_ms": _ms(percentile(reports, 50)),
        "report_max_ms": _ms(max(reports)),
        "slowest_probe_p50_ms": _ms(percentile(slow, 50)),
        "slowest_probe": ", ".join(sorted(names)),
    }
    return Line(name, n, values, {**TARGET, **(more or {})}, conditions(CLOCK, systems=said, setup=SETTINGS))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
