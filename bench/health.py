"""`/ats health`: the report at Slack, compared with its slowest probe; all well, and one system slow."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from bench.line import Line, percentile
from bench.machine import conditions
from bench.slash import CHANNEL, PERSON, NoAckError
from bench.stopwatch import a_message
from bench.world import SETTINGS, World
from bot import probes
from bot.targets import Target, TargetSettings

SLOW, SLOW_SECONDS = "api", 2.0
TARGET = {"p50_ms": 50.0}
CLOCK = (
    "/ats health typed → its report arrived at the local Slack, less the slowest probe: that of the bot's own "
    "probes run side by side by the bench in the moment before"
)


async def report(world: World) -> float:
    """Seconds from typing the command to the report's arrival."""
    arrived = world.stopwatch.next(a_message("Checked "))
    began = time.perf_counter()
    outcome = await world.sandbox.slack.command(PERSON, CHANNEL, "health")
    if not outcome.ok:
        raise NoAckError(f"/ats health: {outcome.error}")
    took = await asyncio.wait_for(arrived, 30) - began
    await world.stopwatch.quiet(0.3)
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
        yield await _compared(world, target, "health.one_slow", n, said)
    finally:
        world.sandbox.platform.faults.clear()
        await target.close()


async def _compared(world: World, target: Target, name: str, n: int, said: str) -> Line:
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
        "slowest_probe_p50_ms": _ms(percentile(slow, 50)),
        "slowest_probe": ", ".join(sorted(names)),
    }
    return Line(name, n, values, TARGET, conditions(CLOCK, systems=said, setup=SETTINGS))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
