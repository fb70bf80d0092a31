"""The values that a parameter may have, from what a read of the live system printed."""

from collections.abc import Iterator, Mapping

from runbook.filling import FillError, check_parameter
from runbook.model import Plan, Step

MOST = 100


def source_of(plan: Plan, kind: str) -> Step | None:
    """The step that lists the choices of a parameter such as "int from ats.history"."""
    return plan.step(kind.partition(" from ")[2])


def choices(kind: str, printed: str) -> list[tuple[str, str]]:
    """(value, the line it stands in), in the order printed; "one of a|b" needs no list."""
    wanted = kind.partition(" from ")[0]
    if wanted.startswith("one of "):
        return [(value, value) for value in wanted.removeprefix("one of ").split("|")]
    found: dict[str, str] = {}
    for line in printed.splitlines():
        for value in _candidates(wanted, line):
            if value not in found and _fits(kind, value):
                found[value] = " ".join(line.replace("│", " ").split())
    return list(found.items())[-MOST:]


def _candidates(wanted: str, line: str) -> Iterator[str]:
    """Numbers stand first in a line (helm history), names last (a listing) or second in a frame (pm2)."""
    if "│" in line:
        cells = [cell.strip() for cell in line.strip().strip("│").split("│")]
        if len(cells) > 1 and cells[0].isdigit():
            yield cells[0] if wanted == "int" else cells[1]
        return
    words = line.split()
    if not words:
        return
    if wanted == "int":
        yield words[0]
    elif len(words) > 1 and words[0] != "PRE":
        yield words[-1]


def _fits(kind: str, value: str) -> bool:
    try:
        check_parameter("x", kind, value)
    except FillError:
        return False
    return True


def missing(step: Step, parameters: Mapping[str, str]) -> list[str]:
    """The placeholders that nobody has filled in."""
    return [name for name in step.params if not parameters.get(name)]
