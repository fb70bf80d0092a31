"""What a probe is: something that measures, and a pure function that reads the measured answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from bot.domain.health import Reading, Sample, Status
from bot.probes.settings import ProbeSettings
from bot.targets import Target
from runbook.model import BaselineRow

Measured = TypeVar("Measured")
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """What a reading depends on besides the measured answer.

    `options` is filled in for each probe: its own, with the defaults for what the settings do not name.
    """

    baseline: Sequence[BaselineRow] = ()  # the runbook's table
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    history: Mapping[str, Sequence[Sample]] = field(default_factory=dict)  # by figure's key, oldest first
    settings: ProbeSettings = field(default_factory=ProbeSettings)
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Probe(Generic[Measured]):
    """One system's probe.

    `measure` gets the target, its deadline in seconds and its options, and raises an AtsError when the system cannot
    be asked; `read` is pure. A probe measures nothing that it would have to undo.
    """

    system: str  # the line's name in a report when the measuring fails
    measure: Callable[[Target, float, Options], Awaitable[Measured]]
    read: Callable[[Measured, Context], tuple[Reading, ...]]
    asks: str  # what it asks, for the documentation
    normal: str  # what is normal, for the failing case
    warning: str  # when it warns, for the documentation
    critical: str  # when it is critical
    source: str  # where these bounds come from
    hint: str  # where to look when it cannot be asked
    failing: Status = Status.CRITICAL  # what it means that it cannot be asked
    styles: tuple[str, ...] = ()  # deployments that it belongs to; with another one live it is left out
    programs: bool = (
        False  # it starts programs on the target: begun once the others' questions are on their way
    )
    options: Options = field(default_factory=dict)  # what `[probes.NAME]` may set, with the defaults
