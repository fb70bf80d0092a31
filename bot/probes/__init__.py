"""Health of each system under care. Adding one is a file, and a line here."""

from collections.abc import Collection, Sequence

from bot.domain.health import HealthReport
from bot.probes import api, cpu, disk, docker, memory, pm2, postgres, redis
from bot.probes.examine import Probes, examine_all
from bot.probes.probe import Probe
from bot.targets import Target
from runbook.model import BaselineRow

PROBES: Probes = {
    "api": api.PROBE,
    "database": postgres.PROBE,
    "redis": redis.PROBE,
    "pm2": pm2.PROBE,
    "docker": docker.PROBE,
    "disk": disk.PROBE,
    "memory": memory.PROBE,
    "cpu": cpu.PROBE,
}

__all__ = ["PROBES", "Probe", "examine"]


async def examine(
    target: Target,
    baseline: Sequence[BaselineRow],
    *,
    only: Collection[str] | None = None,
    deadline: float = 5.0,
    local_host: bool = True,
) -> HealthReport:
    """Ask every system at once how it is, and report all of them, whatever is down.

    Never raises, takes no longer than the slowest probe, and leaves nothing running.

    Args:
        target: How to reach the systems.
        baseline: The runbook's table; a metric that it lacks is judged by usual values, and said so.
        only: Names from `PROBES`; None: all.
        deadline: Seconds for each probe.
        local_host: Whether the target is the host that the bot runs on.
    """
    return await examine_all(PROBES, target, baseline, only=only, deadline=deadline, local_host=local_host)
