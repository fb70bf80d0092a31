"""Which systems of the sandbox's platform are broken on purpose, and how."""

from collections.abc import Callable
from dataclasses import dataclass, replace

HTTP_SYSTEMS = ("api", "rate-gate", "loki", "prometheus", "grafana", "mlflow")
PROGRAMS = ("pm2", "docker", "helm", "kubectl", "aws", "nginx", "systemctl")
SYSTEMS = (*HTTP_SYSTEMS, "redis", *PROGRAMS)
GARBLES = ("garbage", "huge", "binary", "ansi", "utf8", "drip")


@dataclass(frozen=True, slots=True)
class Fault:
    """How one system misbehaves; the default is: not at all."""

    down: bool = False  # connections are refused
    hanging: bool = False  # connections are accepted and never answered
    delay: float = 0.0  # seconds before each answer
    unauthorized: bool = False  # the credentials in use are refused
    garble: str = ""  # what is answered instead of an answer: one of GARBLES
    deaf: bool = False  # it says that it has done what was asked, and has not


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

    def garble(self, system: str, kind: str) -> None:
        """Answer nonsense: no JSON, 10 MB, binary, terminal escapes, no UTF-8, or a byte now and then."""
        if kind not in GARBLES:
            raise ValueError(f'There is no way "{kind}" to garble; there are: {", ".join(GARBLES)}.')
        self._change(system, replace(self.of(system), garble=kind))

    def deaf(self, system: str) -> None:
        """Confirm each change and carry out none."""
        self._change(system, replace(self.of(system), deaf=True))

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
