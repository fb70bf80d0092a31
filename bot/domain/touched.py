"""Which systems a step of the runbook looks at, and so whose probes say more about it. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from runbook.model import Step

_PROGRAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "pm2": ("pm2",),
    "psql": ("database",),
    "pg_stat_statements": ("statements",),
    "timescaledb_information": ("timescale",),
    "redis-cli": ("redis",),
    "docker": ("docker", "containers"),
    "compose": ("docker",),
    "kubectl": ("kubernetes",),
    "helm": ("helm", "kubernetes"),
    "aws": ("backups",),
    "nginx": ("nginx",),
    "systemctl": ("systemd",),
    "df": ("disk",),
    "free": ("memory",),
    "ps": ("memory", "cpu"),
    "top": ("cpu", "memory"),
    "wscat": ("websocket",),
    "loki": ("loki",),
}
_PORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "3001": ("rate-gate",),
    "3100": ("loki",),
    "8000": ("api",),
    "9090": ("prometheus",),
    "3000": ("grafana",),
    "5000": ("mlflow",),
}
_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "/api/models": ("models",),
    "/api/metrics/performance": ("performance",),
    "/api/metrics/memory": ("heap",),
    "/ws/": ("websocket",),
    "backup.log": ("backup-logs",),
    "logs/combined.log": ("log",),
}
HOST: Final = ("cpu", "memory", "disk")  # a full host explains almost anything
_WORD = re.compile(r"[\w-]+")
_PORT = re.compile(r"localhost:(\d+)")


def touched(step: Step, known: Iterable[str]) -> tuple[str, ...]:
    """The probes (of those known) of the systems that a step's commands name."""
    source = "\n".join(line for line in step.source.splitlines() if not line.lstrip().startswith("#"))
    found: dict[str, None] = {}
    for word in _WORD.findall(source):
        found.update(dict.fromkeys(_PROGRAMS.get(word, ())))
    for port in _PORT.findall(source):
        found.update(dict.fromkeys(_PORTS.get(port, ())))
    for part, names in _PATHS.items():
        if part in source:
            found.update(dict.fromkeys(names))
    kept = set(known)
    return tuple(name for name in found if name in kept)


def of_steps(steps: Iterable[Step], known: Iterable[str]) -> tuple[str, ...]:
    """The probes for several steps, and the host's."""
    kept = tuple(known)
    found = dict.fromkeys(name for step in steps for name in touched(step, kept))
    found.update(dict.fromkeys(name for name in HOST if name in kept))
    return tuple(found)
