"""Risks, their order, and verdicts: values only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from runbook.model import Kind, Risk

_ORDER = {risk: number for number, risk in enumerate(Risk)}


def rank(risk: Risk) -> int:
    """Where a risk stands, least first."""
    return _ORDER[risk]


def at_least(risk: Risk, floor: Risk) -> Risk:
    """The higher of two."""
    return risk if rank(risk) >= rank(floor) else floor


def worst(risks: Iterable[Risk]) -> Risk:
    """The highest of several; read when there are none."""
    return max(risks, key=rank, default=Risk.READ)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one command: its class, why, and how it would be carried out."""

    risk: Risk
    reason: str
    kind: Kind = Kind.MANUAL
    leaf: Mapping[str, Any] | None = None  # how it is run; None: only a person can
    never: bool = False  # nobody may unlock it
    rewrites: tuple[str, ...] = ()
    warnings: tuple[tuple[str, str, str], ...] = ()  # code, message, hint
    filters: bool = field(
        default=False
    )  # only passes text on (grep, jq, echo): the other commands give the step its kind

    speaks: bool = False  # sends what is piped into it to somewhere else

    @property
    def runnable(self) -> bool:
        return self.leaf is not None

    def but(self, **changes: Any) -> "Verdict":
        return replace(self, **changes)


def manual(reason: str, *, never: bool = False) -> Verdict:
    """Stays with a person, and cannot be run at all."""
    return Verdict(Risk.MANUAL, reason, never=never)
