"""Redis: PING. `redis-cli ping` ends with 0 even on NOAUTH; here that is a failure."""

import time
from dataclasses import dataclass

from bot.domain.health import Reading, Status
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Redis"
_NORMAL = "PONG"
_HINT = "Look at Redis's log, and at its password in the target's settings."


@dataclass(frozen=True, slots=True)
class Ping:
    """What came back, and after how many seconds."""

    answer: object
    took: float


async def measure(target: Target, deadline: float, _options: Options) -> Ping:
    began = time.perf_counter()
    answer = await target.redis("PING", deadline=deadline)
    return Ping(answer, time.perf_counter() - began)


def read(ping: Ping, _context: Context) -> tuple[Reading, ...]:
    """One line: the answer and its time; redis-py gives PONG as True."""
    if ping.answer is True or ping.answer == "PONG":
        return (Reading(SYSTEM, Status.OK, f"PONG in {ping.took * 1000:.1f} ms", _NORMAL, took=ping.took),)
    said = str(ping.answer)[:60]
    return (Reading(SYSTEM, Status.CRITICAL, f"answers “{said}” to PING", _NORMAL, _HINT, ping.took),)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="PING",
    normal=_NORMAL,
    warning="-",
    critical="no PONG",
    source="Redis",
    hint=_HINT,
)
