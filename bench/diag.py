"""`/ats diag`: two hundred at once, each acknowledged; how much memory, and how many programs at a time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import psutil

from bench.line import Line, percentile, spread
from bench.machine import conditions
from bench.slash import CHANNEL, PERSON, NoAckError
from bench.stopwatch import posted_or_changed
from bench.world import SETTINGS, World
from bot.targets.leash import SHELL

BURST = 200
LOOK = 0.02  # seconds between two looks at the bot's programs and memory
MOST_PROGRAMS = 8  # [target] max_processes, its default
PLOTTER = "bot.plots.draw"
QUESTIONS = (
    "pm2 high restart rate", "database connection pool exhausted", "rate gate api exhaustion", "loki ingestion lag",
    "high api latency", "backup failure", "redis", "docker", "host", "database",
)  # fmt: skip
CLOCK = "at the local Slack: envelope handed to the WebSocket → its acknowledgement read"


@dataclass
class Seen:
    """The most that was seen at any look."""

    programs: int = 0
    plotters: int = 0
    memory: int = 0
    looks: int = 0
    own: int = field(default=0)  # the bot's process alone

    def look(self, bot: psutil.Process) -> None:
        """Count the bot's children, and the memory of all."""
        children = _alive(bot)
        plotters = sum(PLOTTER in _command(child) for child in children)
        self.programs = max(self.programs, len(children) - plotters)
        self.plotters = max(self.plotters, plotters)
        self.own = max(self.own, bot.memory_info().rss)
        self.memory = max(
            self.memory, bot.memory_info().rss + sum(map(_resident, bot.children(recursive=True)))
        )
        self.looks += 1


def _alive(bot: psutil.Process) -> list[psutil.Process]:
    found = []
    for child in bot.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            ours = (
                "postgres" in child.name() or SHELL in child.cmdline()
            )  # the leash only kills what is left over
            if child.status() != psutil.STATUS_ZOMBIE and not ours:
                found.append(child)
    return found


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss) if "postgres" not in process.name() else 0
    return 0


async def bench(world: World, rounds: int = 1) -> AsyncIterator[Line]:
    """A burst of different questions, then of one and the same."""
    for name, questions in (("diag.burst", QUESTIONS), ("diag.same", QUESTIONS[:1])):
        acks: list[float] = []
        seen = Seen()
        began = time.perf_counter()
        for _ in range(rounds):
            acks += await _burst(world, questions, seen)
        took = time.perf_counter() - began
        yield _line(name, acks, seen, took / rounds, len(questions))


async def _burst(world: World, questions: tuple[str, ...], seen: Seen) -> list[float]:
    watching = asyncio.create_task(_watch(psutil.Process(world.bot.pid), seen))
    try:
        shown = world.stopwatch.next(posted_or_changed("Diagnosis of"))
        typed = [_type(world, questions[i % len(questions)]) for i in range(BURST)]
        acks = list(await asyncio.gather(*typed))
        await asyncio.wait_for(shown, 60)
        await world.stopwatch.quiet(6.0)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return acks


async def _watch(bot: psutil.Process, seen: Seen) -> None:
    while True:
        await asyncio.to_thread(seen.look, bot)
        await asyncio.sleep(LOOK)


async def _type(world: World, words: str) -> float:
    outcome = await world.sandbox.slack.command(PERSON, CHANNEL, f"diag {words}")
    if not outcome.ok or outcome.ack_seconds is None:
        raise NoAckError(f"/ats diag {words}: {outcome.error}")
    return outcome.ack_seconds


def _line(name: str, acks: list[float], seen: Seen, took: float, questions: int) -> Line:
    values = {
        **spread(acks),
        "ack_p99_ms": round(percentile(acks, 99) * 1000, 1),
        "bot_mb": round(seen.own / 2**20, 1),
        "with_programs_mb": round(seen.memory / 2**20, 1),
        "programs_at_once": seen.programs,
        "plotters_at_once": seen.plotters,
        "looks": seen.looks,
        "until_quiet_s": round(took, 1),
    }
    target = {
        "max_ms": 100.0,
        "bot_mb": 250.0,
        "programs_at_once": float(MOST_PROGRAMS),
        "plotters_at_once": 1.0,
    }
    how = f"{BURST} typed at the same instant, {questions} different; memory and programs each {LOOK * 1000:.0f} ms"
    return Line(name, len(acks), values, target, conditions(CLOCK, how=how, setup=SETTINGS))
