"""Guards and verifications: conditions that are read on the target (see runbook/checks.py for how they are written)."""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.errors import ConfigError
from bot.targets.leaves import Ran, Running
from bot.targets.steps import run_program
from bot.targets.target import Target
from runbook.checks import Check, CheckError, parse_checks
from runbook.filling import FillError, fill
from runbook.model import Kind, Risk, Step

_PAUSES = (0.2, 0.5, 1.0, 2.0)  # seconds between looks; the last one from then on
_LONGEST = 160  # characters of an answer that a reading shows
_NAME = 80  # characters of a command that a reading names
_STEPS = re.compile(r"\.?([A-Za-z_][\w-]*)|\.?\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds, and what was read to find out, in words."""

    holds: bool
    reading: str
    took: float  # seconds


@dataclass(frozen=True, slots=True)
class _Read:
    holds: bool
    words: str


async def evaluate(
    target: Target,
    condition: str,
    *,
    patient: bool = False,
    deadline: float = 10.0,
    now: datetime | None = None,
) -> Verdict:
    """Read a condition. What cannot be read does not hold; never raises for what the system does.

    Args:
        target: where it is read.
        condition: as the runbook has it; several joined by `&&` must all hold; "" holds.
        patient: look again until it holds or its `within` is over; else look once.
        deadline: seconds for each look.
        now: what time it is, for `age`; None: the clock's.
    """
    began = time.monotonic()
    if not condition.strip():
        return Verdict(holds=True, reading="", took=0.0)
    try:
        checks = parse_checks(condition)
    except CheckError as error:
        return Verdict(holds=False, reading=f"the condition is not understood: {error}", took=0.0)
    found: list[_Read] = []
    for check in checks:
        found.append(await _until(target, check, deadline, began=began, patient=patient, now=now))
        if not found[-1].holds:
            break
    words = target.redact("; ".join(read.words for read in found))
    return Verdict(all(read.holds for read in found), words, time.monotonic() - began)


async def _until(
    target: Target, check: Check, deadline: float, *, began: float, patient: bool, now: datetime | None
) -> _Read:
    """Look once, or again and again until the condition's time is over."""
    ends = began + (check.within if patient else 0.0)
    looks = 0
    while True:
        left = ends - time.monotonic()
        read = await _look(target, check, min(deadline, max(left, 1.0)) if patient else deadline, now, began)
        left = ends - time.monotonic()
        if read.holds or left <= 0:
            if patient and check.within and not read.holds:
                return _Read(holds=False, words=f"{read.words}, still after {check.within:g} s")
            return read
        await asyncio.sleep(min(_PAUSES[min(looks, len(_PAUSES) - 1)], left))
        looks += 1


async def _look(target: Target, check: Check, deadline: float, now: datetime | None, began: float) -> _Read:
    try:
        program = _filled(target, check)
    except (FillError, ConfigError) as error:
        return _Read(holds=False, words=f"not readable: {error}")
    ran = await run_program(Running(target, time.monotonic() + deadline, reading=True), program)
    last = ran.parts[-1] if ran.parts else None
    if last is not None and last.error and not (check.kind == "exec" and last.exit is not None and check.op):
        return _Read(holds=False, words=f"{last.command}: {last.error}")
    if not check.op:
        return _Read(holds=ran.true, words=_success(check, ran))
    moment = (now or datetime.now(UTC)).timestamp() + (time.monotonic() - began if now else 0.0)
    return _compared(check, ran, moment)


def _filled(target: Target, check: Check) -> dict[str, Any]:
    step = Step("condition", "", Kind.EXEC, Risk.READ, "", check.text, 0, 0, program=check.program)
    return fill(step, {}, target.settings.variables())


def _success(check: Check, ran: Ran) -> str:
    part = ran.parts[-1]
    said = "answers" if check.kind == "http" else "ended with status"
    return f"{part.command} {said} {part.exit}"


def _compared(check: Check, ran: Ran, moment: float) -> _Read:
    """The answer against the value that is wanted."""
    try:
        answer = _answer(check, ran, moment)
    except LookupError as error:
        return _Read(holds=False, words=str(error.args[0]))
    holds = check.holds(answer)
    name = f"{_name(ran)}: {check.path}" if check.path else _name(ran)
    shown = _duration(answer) if check.path == "age" and isinstance(answer, float) else _short(answer)
    wanted = (
        _duration(check.value)
        if check.path == "age" and isinstance(check.value, float)
        else _short(check.value)
    )
    if check.op == "contains":  # the answer may be a page; what is looked for in it is what matters
        return _Read(
            holds, f"{name} contains {wanted}" if holds else f"{name} does not contain {wanted}: {shown}"
        )
    return _Read(holds, f"{name} is {shown}" if holds else f"{name} is {shown}, not {check.op} {wanted}")


def _name(ran: Ran) -> str:
    words = " ".join(ran.parts[-1].command.split())
    return words if len(words) <= _NAME else f"{words[: _NAME - 1]}…"


def _answer(check: Check, ran: Ran, moment: float) -> object:
    """What is compared; raises LookupError with the reason when it cannot be read."""
    if check.path == "age":
        return _age(str(ran.value or "").strip(), moment)
    if check.kind == "sql":
        if ran.value is None and not ran.parts[-1].rows:
            raise LookupError(f"{_name(ran)} gave no row")
        return _bare(ran.value)
    text = str(ran.value or "")
    if not check.path:
        return text.strip()
    try:
        whole = json.loads(text)
    except ValueError:
        raise LookupError(f"{_name(ran)} did not answer with JSON: {_short(text)}") from None
    return _at(whole, check.path)


def _bare(value: object) -> object:
    """A database's value as JSON knows it: numbers of any kind compare as numbers."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _at(whole: object, path: str) -> object:
    """The value at a path such as .providers.binance[0]."""
    here = whole
    for name, index in _STEPS.findall(path):
        if name and isinstance(here, Mapping) and name in here:
            here = here[name]
        elif index and isinstance(here, list) and int(index) < len(here):
            here = here[int(index)]
        else:
            raise LookupError(f"the answer has no {path}")
    return here


def _age(text: str, moment: float) -> float:
    """Seconds since a time: ISO 8601, or seconds of the epoch."""
    try:
        then = float(text) if re.fullmatch(r"\d{9,11}(?:\.\d+)?", text) else _stamp(text)
    except ValueError:
        raise LookupError(f"no time was given: {_short(text) or 'nothing'}") from None
    return moment - then


def _stamp(text: str) -> float:
    parsed = datetime.fromisoformat(text.strip('"'))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
