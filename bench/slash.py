"""Slash command → acknowledgement, over Socket Mode (slack_sdk's own client in the bot) and over HTTP."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from bench.line import Line, spread
from bench.machine import conditions
from bench.process import LOOPBACK, Program, free_port
from bench.stopwatch import an_answer
from bench.world import SETTINGS, World, sandbox
from sandbox.server import Sandbox

PERSON, CHANNEL = "U0ONCALL", "C0OPS"
COMMANDS = ("help", "incidents")
AT_ONCE = 50
ALONE_TARGET = {"p50_ms": 2.0, "p99_ms": 10.0}
CROWD_TARGET = {"p99_ms": 100.0}
CLOCKS = {
    "socket": "at the local Slack: envelope handed to the WebSocket → its acknowledgement read",
    "http": "at the local Slack: signed POST written to a kept connection → 200 read",
}
ALONE = "one at a time; the next is typed once the answer to the last has come"
CROWD = f"{AT_ONCE} at once per round; the next round once all answers have come"


class NoAckError(RuntimeError):
    """The bot did not acknowledge a command."""


async def _type(sandbox: Sandbox, text: str) -> float:
    outcome = await sandbox.slack.command(PERSON, CHANNEL, text)
    if not outcome.ok or outcome.ack_seconds is None:
        raise NoAckError(f"/ats {text}: {outcome.error}")
    return outcome.ack_seconds


async def alone(world: World, text: str, n: int) -> list[float]:
    """Seconds to each acknowledgement, one command after the other."""
    took = []
    for _ in range(n):
        answered = world.stopwatch.next(an_answer)
        took.append(await _type(world.sandbox, text))
        await asyncio.wait_for(answered, 10)
        await world.stopwatch.quiet(0.004)
    return took


async def crowd(world: World, text: str, rounds: int) -> list[float]:
    """Seconds to each acknowledgement, so many commands at the same instant in each round."""
    took: list[float] = []
    for _ in range(rounds):
        answers = [world.stopwatch.next(an_answer) for _ in range(AT_ONCE)]
        took += await asyncio.gather(*(_type(world.sandbox, text) for _ in range(AT_ONCE)))
        await asyncio.wait_for(asyncio.gather(*answers), 30)
        await world.stopwatch.quiet(0.05)
    return took


async def bench(world: World, way: str, n: int, rounds: int) -> AsyncIterator[Line]:
    """The lines of one way of hearing Slack ("socket" or "http")."""
    for _ in range(3):  # five open incidents would be many; three are a busy morning
        await world.sandbox.pagerduty.trigger("Redis memory high")
    for text in COMMANDS:
        await alone(world, text, min(n, 20))  # caches filled, code paths warm
        took = await alone(world, text, n)
        where = conditions(CLOCKS[way], how=ALONE, setup=SETTINGS)
        yield Line(f"slash.{way}.{text}.alone", len(took), spread(took), ALONE_TARGET, where)
        took = await crowd(world, text, rounds)
        where = conditions(CLOCKS[way], how=CROWD, setup=SETTINGS)
        yield Line(f"slash.{way}.{text}.at_once", len(took), spread(took), CROWD_TARGET, where)


async def baseline(way: str, n: int, rounds: int) -> AsyncIterator[Line]:
    """The same clock on a program that only acknowledges: what of the figures is not the bot's."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    with tempfile.TemporaryDirectory(prefix="ats-bench-") as name:
        folder = Path(name)
        async with sandbox(folder, url, http_mode=way == "http") as (built, _):
            settings = built.bot_environment() | {"ATS_PORT": str(port)}
            async with Program("bench.echo", settings=settings, log=folder / "echo.log") as echo:
                await echo.answers(f"{url}/readyz")
                took = [await _type(built, "help") for _ in range(n)]
                crowds = [
                    await asyncio.gather(*(_type(built, "help") for _ in range(AT_ONCE))) for _ in range(rounds)
                ]
    where = conditions(
        CLOCKS[way], setup="bench/echo.py instead of the bot: acknowledges and does nothing else"
    )
    yield Line(f"slash.{way}.baseline.alone", n, spread(took), {}, where)
    together = [seconds for crowd in crowds for seconds in crowd]
    yield Line(f"slash.{way}.baseline.at_once", len(together), spread(together), {}, where)
