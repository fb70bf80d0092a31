"""`python -m bench [name …] [--n N]`: the figures as JSON lines, each as soon as it is known."""

import argparse
import asyncio
import importlib.util
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from bench import diag, health, remediation, reminders, slash, start, storm, webhook
from bench.line import Line
from bench.machine import conditions
from bench.world import world

NAMES = (
    "start",
    "slash",
    "webhook",
    "health",
    "diag",
    "memory",
    "slash-http",
    "runbook",
    "remediation",
    "storm",
    "reminders",
)
IN_ONE_WORLD = (
    "slash",
    "webhook",
    "health",
    "diag",
    "memory",
)  # one bot, so that its memory is that of all of them


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each are measured."""

    starts: int = 5
    commands: int = 300
    rounds: int = 10
    webhooks: int = 200
    reports: int = 10
    reminders: int = 1000
    clicks: int = 200
    presses: int = 500
    storm: int = 1000
    changes: int = 40

    @classmethod
    def all(cls, n: int) -> "Counts":
        """The same of each, to see that it works."""
        return cls(n, n, n, n, n, n, n, n, n, n)


async def socket_lines(wanted: Collection[str], counts: Counts) -> AsyncIterator[Line]:
    """Everything that is measured of a bot over Socket Mode, in one process of the bot."""
    if "slash" in wanted:
        async for line in slash.baseline("socket", counts.commands, counts.rounds):
            yield line
    async with world() as scene:
        yield start.memory(scene.bot, "after start")
        if "slash" in wanted:
            async for line in slash.bench(scene, "socket", counts.commands, counts.rounds):
                yield line
        if "webhook" in wanted:
            async for line in webhook.bench(scene, counts.webhooks):
                yield line
        if "health" in wanted:
            async for line in health.bench(scene, counts.reports):
                yield line
        if "diag" in wanted:
            async for line in diag.bench(scene):
                yield line
        yield start.memory(scene.bot, "after the benches above: after work")


async def storm_lines(counts: Counts) -> AsyncIterator[Line]:
    """Many webhooks at once, and a change among many incidents; each in a world of its own."""
    async with world() as scene:
        async for line in storm.bench(scene, counts.storm):
            yield line
    async with world() as scene:
        async for line in storm.among_many(scene, counts.changes):
            yield line


async def http_lines(counts: Counts) -> AsyncIterator[Line]:
    """Slash commands over HTTP."""
    async for line in slash.baseline("http", counts.commands, counts.rounds):
        yield line
    async with world(http_mode=True) as scene:
        async for line in slash.bench(scene, "http", counts.commands, counts.rounds):
            yield line


async def reminder_lines(counts: Counts) -> AsyncIterator[Line]:
    """In a world of their own: ten thousand incidents would be in the way of the others."""
    async with world() as scene:
        async for line in reminders.bench(scene, counts.reminders):
            yield line


async def figures(wanted: Collection[str], counts: Counts) -> None:
    """Print the lines of the benches named; a bench that breaks off says so in a line of its own."""
    together = [name for name in IN_ONE_WORLD if name in wanted]
    if "start" in wanted:
        await show("start", start.bench(counts.starts))
    if together:
        await show(together[0], socket_lines(wanted, counts))
    if "slash-http" in wanted:
        await show("slash-http", http_lines(counts))
    if "remediation" in wanted:
        await show("remediation", remediation.bench(counts.clicks, counts.presses))
    if "storm" in wanted:
        await show("storm", storm_lines(counts))
    if "reminders" in wanted:
        await show("reminders", reminder_lines(counts))
    if "runbook" in wanted:
        runbook()


async def show(name: str, lines: AsyncIterator[Line]) -> None:
    """Print lines as they come."""
    try:
        async for line in lines:
            say(str(line))
    except Exception as error:  # noqa: BLE001 - the edge: what could not be measured is said, the rest goes on
        why = f"{type(error).__name__}: {error}"
        say(str(Line(f"{name}.failed", 0, {}, {"p50_ms": 0.0}, conditions("none"), missing=why)))


def runbook() -> None:
    """The runbook's own figures, which its module prints."""
    if importlib.util.find_spec("bench.runbook") is None:
        say(
            str(
                Line("runbook", 0, {}, {"p50_ms": 0.0}, conditions("none"), missing="there is no bench.runbook")
            )
        )
        return
    subprocess.run([sys.executable, "-m", "bench.runbook"], check=False)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all without")
    parser.add_argument("--n", type=int, help="so many of each, to see that it works; the figures want more")
    given = parser.parse_args()
    unknown = set(given.name) - set(NAMES)
    if unknown:
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    logging.disable(logging.WARNING)
    asyncio.run(figures(given.name or NAMES, Counts.all(given.n) if given.n else Counts()))


if __name__ == "__main__":
    main()
