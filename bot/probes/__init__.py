"""Health of each system under care. Adding one is a file, and a line here."""

from collections.abc import AsyncGenerator, Collection, Mapping

from bot.domain.health import HealthReport, Reading, Sample
from bot.probes import (
    api,
    app_log,
    backup_logs,
    backups,
    certificates,
    clocks,
    containers,
    cpu,
    disk,
    docker,
    grafana,
    heap,
    helm,
    kubernetes,
    loki,
    memory,
    mlflow,
    models,
    nginx,
    performance,
    pm2,
    postgres,
    prometheus,
    rate_gate,
    redis,
    sockets,
    statements,
    systemd,
    timescale,
)
from bot.probes.examine import Probes, chosen, each, examine_all
from bot.probes.probe import Context, Probe
from bot.probes.settings import ProbeSettings, checked
from bot.targets import Target

PROBES: Probes = {
    "api": api.PROBE,
    "performance": performance.PROBE,
    "heap": heap.PROBE,
    "models": models.PROBE,
    "websocket": sockets.PROBE,
    "rate-gate": rate_gate.PROBE,
    "database": postgres.PROBE,
    "statements": statements.PROBE,
    "timescale": timescale.PROBE,
    "redis": redis.PROBE,
    "pm2": pm2.PROBE,
    "docker": docker.PROBE,
    "containers": containers.PROBE,
    "kubernetes": kubernetes.PROBE,
    "helm": helm.PROBE,
    "loki": loki.PROBE,
    "prometheus": prometheus.PROBE,
    "grafana": grafana.PROBE,
    "mlflow": mlflow.PROBE,
    "backups": backups.PROBE,
    "backup-logs": backup_logs.PROBE,
    "nginx": nginx.PROBE,
    "systemd": systemd.PROBE,
    "disk": disk.PROBE,
    "memory": memory.PROBE,
    "cpu": cpu.PROBE,
    "log": app_log.PROBE,
    "certificates": certificates.PROBE,
    "clocks": clocks.PROBE,
}

__all__ = ["PROBES", "Context", "Probe", "ProbeSettings", "Sample", "configured", "examine", "examine_each"]


def configured(leave_out: list[str], options: Mapping[str, object]) -> ProbeSettings:
    """`[probes]` as the settings give it, checked; raises ConfigError with the name that is wrong."""
    return checked({name: probe.options for name, probe in PROBES.items()}, leave_out, options)


async def examine(
    target: Target, context: Context, *, only: Collection[str] | None = None, deadline: float = 5.0
) -> HealthReport:
    """Ask every system at once how it is, and report all of them, whatever is down.

    Never raises, takes no longer than the slowest probe, and leaves nothing running.

    Args:
        target: How to reach the systems.
        context: The runbook's table (a metric that it lacks is judged by usual values, and said so), the time, and
            what was measured before.
        only: Names from `PROBES`; None: all that the settings do not leave out.
        deadline: Seconds for each probe.
    """
    wanted = chosen(PROBES, context, target.settings.deployment, only)
    return await examine_all(wanted, target, context, deadline=deadline)


def examine_each(
    target: Target, context: Context, *, only: Collection[str] | None = None, deadline: float = 5.0
) -> AsyncGenerator[tuple[str, tuple[Reading, ...]], None]:
    """The same, each probe's name and readings as it answers; close the iterator if you leave it early."""
    wanted = chosen(PROBES, context, target.settings.deployment, only)
    return each(wanted, target, context, deadline=deadline)
