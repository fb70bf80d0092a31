"""Running a step of the runbook on the target."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from bot.errors import RejectedError
from bot.targets.leaves import Part, Ran, Running, failed, run_leaf, run_pipe
from bot.targets.redact import line_redactor
from bot.targets.shown import shown
from bot.targets.target import Target
from runbook.filling import FillError, fill
from runbook.model import Risk, Step

__all__ = ["DEADLINE", "FillError", "Outcome", "Part", "StepResult", "resolve", "run_step", "sealed"]

DEADLINE = 10.0  # seconds for a step that names none
_NONE: Mapping[str, str] = MappingProxyType({})


class Outcome(StrEnum):
    """How a step ended; unknown: the deadline or a lost line after it may have begun. A read is never unknown."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step did."""

    where: str  # "this host", "ats@trading-1 over SSH"
    parts: tuple[Part, ...]
    outcome: Outcome
    took: float  # seconds

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK


async def run_step(
    target: Target,
    step: Step,
    parameters: Mapping[str, str] = _NONE,
    *,
    deadline: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> StepResult:
    """Run a step to its end; cancelling it kills what it has started, on the far side too.

    Args:
        target: where it runs.
        step: a step with a program.
        parameters: its placeholders' values.
        deadline: seconds for all of it; None: the step's own, or 10.
        progress: told each line that a program prints, redacted, as it comes.

    Raises:
        FillError: a parameter or a variable is missing or wrong, or the step is for people only.
    """
    program = fill(step, parameters, target.settings.variables())
    began = time.monotonic()
    lines = line_redactor(target.redact, progress) if progress is not None else None
    ends = began + (deadline if deadline is not None else step.timeout or DEADLINE)
    ran = await run_program(Running(target, ends, step.risk is Risk.READ, lines), program)
    outcome = Outcome.OK if ran.fine else Outcome.UNKNOWN if ran.unknown else Outcome.FAILED
    return StepResult(target.where, ran.parts, outcome, time.monotonic() - began)


def resolve(target: Target, step: Step, parameters: Mapping[str, str] = _NONE) -> str:
    """The exact command, statement or request that `run_step` would run, for people, redacted.

    Raises:
        FillError: as `run_step`.
    """
    return target.redact(shown(fill(step, parameters, target.settings.variables())))


def sealed(target: Target, step: Step, parameters: Mapping[str, str] = _NONE) -> str:
    """What `run_step` would run, headers and secrets included, as a value that can only be compared.

    Two secrets that are redacted to the same words have different ones.

    Raises:
        FillError: as `run_step`.
    """
    program = fill(step, parameters, target.settings.variables())
    return target.seal(json.dumps(_plainly(program), sort_keys=True, default=str))


def _plainly(node: Mapping[str, Any]) -> dict[str, Any]:
    """A program without the switches that are off: a later version may know more of them, and runs the same.

    What is said to others (headers, variables, arguments, bodies) is left as it is, down to an empty word.
    """
    off = {key for key, value in node.items() if value is None or value is False or value in ([], {})}
    kept = {key: value for key, value in node.items() if key not in off}
    items = node.get("items")
    return kept | ({"items": [_plainly(item) for item in items]} if items else {})


async def run_program(running: Running, node: Mapping[str, Any]) -> Ran:
    """Run a filled program (see runbook/lower.py)."""
    items: Sequence[Mapping[str, Any]] = node.get("items", ())
    match node["op"]:
        case "seq":
            return await _in_turn(running, items, goes_on=lambda ran: ran.fine)
        case "and":
            return await _in_turn(running, items, goes_on=lambda ran: ran.true)
        case "or":
            return await _in_turn(running, items, goes_on=lambda ran: not ran.true and not ran.unknown)
        case "not":
            ran = await run_program(running, items[0])
            good = not ran.true and not ran.unknown
            return Ran(ran.parts, true=good, fine=good, unknown=ran.unknown)
        case "pipe":
            return await _piped(running, items)
        case _:
            return await run_leaf(running, node)


async def _in_turn(
    running: Running, items: Sequence[Mapping[str, Any]], *, goes_on: Callable[[Ran], bool]
) -> Ran:
    """One after another, as long as it goes on; the last one that ran decides."""
    parts: tuple[Part, ...] = ()
    ran = Ran()
    for item in items:
        ran = await run_program(running, item)
        parts += ran.parts
        if not goes_on(ran):
            break
    return Ran(parts, ran.true, ran.fine, ran.unknown, ran.value)


async def _piped(running: Running, items: Sequence[Mapping[str, Any]]) -> Ran:
    if all(item["op"] == "exec" for item in items[1:]) and "items" not in items[0]:
        return await run_pipe(running, items)
    error = RejectedError("not supported: a pipe between groups of commands. Run it by hand.", code="pipe")
    return failed(running, {"op": "pipe", "items": items}, error, 0.0)
