"""What a probe is: something that measures, and a pure function that reads the measured answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.domain.health import Reading, Status
from bot.targets import Target
from runbook.model import BaselineRow

Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Probe(Generic[Measured]):
    """One system's probe.

    `measure` gets the target and its deadline in seconds, and raises an AtsError when the system cannot be
    asked; `read` is pure. A probe measures nothing that it would have to undo.
    """

    system: str  # the line's name in a report when the measuring fails
    measure: Callable[[Target, float], Awaitable[Measured]]
    read: Callable[[Measured, Sequence[BaselineRow]], tuple[Reading, ...]]
    normal: str  # what is normal, for the failing case
    hint: str  # where to look when it cannot be asked
    failing: Status = Status.CRITICAL  # what it means that it cannot be asked
    this_host: bool = False  # it measures the host that the bot runs on
