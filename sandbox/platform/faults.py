"""Which systems of the sandbox's platform are broken on purpose, and how."""

from collections.abc import Callable
from dataclasses import dataclass, replace

HTTP_SYSTEMS = ("api", "rate-gate", "loki", "prometheus", "grafana", "mlflow")
PROGRAMS = ("pm2", "docker", "helm", "kubectl", "aws")
SYSTEMS = (*HTTP_SYSTEMS, "redis", *PROGRAMS)


@dataclass(frozen=True, slots=True)
class Fault:
    """How one system misbehaves; the default is: not at all."""

    down: bool = False  # connections are refused
    hanging: bool = False  # connections are accepted and never answered
    delay: float = 0.0  # seconds before each answer
    unauthorized: bool = False  # the credentials in use are refused


class Faults:
    """Switches, one set per system; whoever must react (listeners, history) registers a watcher."""

    def __init__(self) -> None:
        self._faults = dict.fromkeys(SYSTEMS, Fault())
        self._watchers: list[Callable[[str, Fault], None]] = []

    def of(self, system: str) -> Fault:
        return self._faults[_known(system)]

    def watch(self, watcher: Callable[[str, Fault], None]) -> None:
        """Call `watcher(system, fault)` after each change."""
        self._watchers.append(watcher)

    def down(self, system: str) -> None:
        """Refuse connections (a program says that its daemon cannot be reached)."""
        self._change(system, replace(self.of(system), down=True))

    def up(self, system: str) -> None:
        """Take every fault of this system away."""
        self._change(system, Fault())

    def slow(self, system: str, seconds: float) -> None:
        """Answer each request only after so many seconds."""
        self._change(system, replace(self.of(system), delay=seconds))

    def hang(self, system: str) -> None:
        """Accept and never answer."""
        self._change(system, replace(self.of(system), hanging=True))

    def unauthorized(self, system: str) -> None:
        """Refuse the credentials that the bot was given, as after a rotation it was not told of."""
        self._change(system, replace(self.of(system), unauthorized=True))

    def clear(self) -> None:
        """Everything works again."""
        for system, fault in self._faults.items():
            if fault != Fault():
                self.up(system)

    def _change(self, system: str, fault: Fault) -> None:
        self._faults[_known(system)] = fault
        for watcher in self._watchers:
            watcher(system, fault)


def _known(system: str) -> str:
    if system not in SYSTEMS:
        raise ValueError(f'There is no system "{system}" in the sandbox; there are: {", ".join(SYSTEMS)}.')
    return system
