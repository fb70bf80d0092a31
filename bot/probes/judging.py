"""Putting what was found about one system into one line, the worst first. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.health import Reading, Status

NAMED = 5  # things named in a line; the rest are counted
USUAL = "usual value"  # source of bounds that neither the runbook nor the system states


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is normal, where it becomes serious, and whose word that is."""

    normal: str
    threshold: str
    source: str = USUAL


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a system."""

    status: Status
    says: str
    hint: str = ""


def above(measured: float, warning: float, critical: float) -> Status:
    """Serious when high: each bound is the last value that is still allowed."""
    if measured > critical:
        return Status.CRITICAL
    return Status.WARNING if measured > warning else Status.OK


def below(measured: float, warning: float, critical: float) -> Status:
    """Serious when low."""
    if measured < critical:
        return Status.CRITICAL
    return Status.WARNING if measured < warning else Status.OK


def worst(statuses: Iterable[Status]) -> Status:
    """OK when there are none."""
    return min(statuses, key=list(Status).index, default=Status.OK)


def line(
    system: str,
    findings: Sequence[Finding],
    bounds: Bounds,
    *,
    number: float | None = None,
    unit: str = "",
    took: float = 0.0,
    figures: tuple[tuple[str, float], ...] = (),
) -> Reading:
    """One reading of several findings: the worst ones first, and the hint of the worst that has one."""
    order = list(Status)
    ranked = sorted(findings, key=lambda f: order.index(f.status))
    return Reading(
        system=system,
        status=worst(f.status for f in ranked),
        value="; ".join(f.says for f in ranked if f.says),
        normal=bounds.normal,
        hint=next((f.hint for f in ranked if f.hint and f.status is not Status.OK), ""),
        took=took,
        number=number,
        unit=unit,
        threshold=bounds.threshold,
        source=bounds.source,
        figures=figures,
    )


def named(things: Sequence[str], most: int = NAMED) -> list[str]:
    """The first few, and how many more there are."""
    return [*things[:most], *([f"{len(things) - most} more"] if len(things) > most else [])]


def plural(count: int, noun: str, nouns: str = "") -> str:
    """1 restart, 2 restarts."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def span(seconds: float) -> str:
    """A time for people: 40 s, 12 min, 3.5 h, 9 days."""
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if abs(count) < 1024:  # noqa: PLR2004
            return f"{count:.0f} {unit}" if unit in {"bytes", "KB"} else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
