"""Start of `ats-bot run` → ready, on a database that exists already; and what it then holds in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

from bench.line import Line, percentile
from bench.machine import conditions
from bench.process import LOOPBACK, POLL, Program, free_port
from bench.world import SETTINGS, postgres, sandbox
from bot.store import embedded

READY_TARGET = {"max_ms": 2000.0}
MEMORY_TARGET = {"value": 150.0}
CLOCK = f"process started → first 200 of GET /readyz, asked every {POLL * 1000:.0f} ms"
STATES = {
    "running": "its embedded PostgreSQL runs already, as after a restart of the bot alone",
    "stopped": "its embedded PostgreSQL is stopped and has to be started too, as after a restart of the machine",
}


async def bench(n: int) -> AsyncIterator[Line]:
    """Both ways of starting; the first start of all, which makes the schema, does not count."""
    with postgres() as (folder, _):
        async with sandbox(folder, f"http://{LOOPBACK}:{free_port()}") as (built, _):
            settings = built.bot_environment() | {"ATS_DATA_DIR": str(folder), "ATS_LOG_LEVEL": "WARNING"}
            await _start(settings)
            for state, said in STATES.items():
                took = []
                for _ in range(n):
                    if state == "stopped":
                        embedded.stop(folder / "postgres")
                    took.append(await _start(settings))
                yield Line(f"start.{state}", n, _spread(took), READY_TARGET, conditions(CLOCK, setup=said))


async def _start(settings: dict[str, str]) -> float:
    port = free_port()
    log = Path(settings["ATS_DATA_DIR"]) / "bot.log"
    async with Program("bot", "run", settings=settings | {"ATS_PORT": str(port)}, log=log) as bot:
        return await bot.answers(f"http://{LOOPBACK}:{port}/readyz")


def _spread(seconds: list[float]) -> dict[str, float]:
    points = {"min_ms": min(seconds), "p50_ms": percentile(seconds, 50), "max_ms": max(seconds)}
    return {name: round(value * 1000) for name, value in points.items()}


def memory(bot: Program, when: str) -> Line:
    """Resident memory of a running bot, the processes that it started included."""
    value = {"value": round(bot.resident / 1e6, 1), "unit": "MB"}
    where = conditions("resident set size of the process and its children", when=when, setup=SETTINGS)
    return Line(f"memory.{when.rsplit(maxsplit=1)[-1]}", 1, value, MEMORY_TARGET, where)
