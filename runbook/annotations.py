"""The `#:` lines above a command: what they say, checked, every mistake with its line."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from runbook.blocks import Note
from runbook.checks import CheckError, parse_checks
from runbook.durations import parse_duration
from runbook.model import Diagnostic, Risk

ROLES = ("viewer", "responder", "approver", "security", "admin")
MOST_APPROVALS = 5
_PAIR = re.compile(
    r"""\s*(?P<key>[A-Za-z_][\w.-]*)=(?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"']+))(?=\s|$)"""
)
_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*")
_PARAM = re.compile(
    r"(?:int|text|name(?: ending in [\w.-]+)?|one of [\w.:/-]+(?:\|[\w.:/-]+)*)(?: from [a-z0-9][\w.-]*)?"
)
_LONGEST_ID = 80
_LONGEST_TIME = 86_400.0


@dataclass(slots=True)
class Annotation:
    """What the author says of a step."""

    id: str = ""
    risk: Risk | None = None
    role: str = ""
    approvals: int | None = None
    ttl: float = 0.0
    timeout: float = 0.0
    guard: str = ""
    verify: str = ""
    because: str = ""
    revert: str = ""
    before: str = ""
    after: str = ""
    params: dict[str, str] = field(default_factory=dict)
    line: int = 0
    broken: bool = False  # something in it is wrong, so that it unlocks nothing
    lines: dict[str, int] = field(default_factory=dict)  # key -> line

    @property
    def unlocks(self) -> bool:
        """Whether it asks for more than a name."""
        return self.risk is not None or bool(self.role)


class _WrongError(ValueError):
    """A value that is not understood; its text says what is expected."""


def _seconds(text: str) -> float:
    span = parse_duration(text)
    if span is None or not 0 < span.total_seconds() <= _LONGEST_TIME:
        raise _WrongError("write a time of at most a day, such as 10m or 30s")
    return span.total_seconds()


def _set_id(into: Annotation, text: str) -> None:
    if not _ID.fullmatch(text) or len(text) > _LONGEST_ID:
        raise _WrongError("an id is lower-case words joined by dots and dashes, such as rate-gate.reset")
    into.id = text


def _set_risk(into: Annotation, text: str) -> None:
    if text not in set(Risk):
        raise _WrongError("a risk is one of read, mutating, protective, destructive, manual")
    into.risk = Risk(text)


def _set_role(into: Annotation, text: str) -> None:
    if text not in ROLES:
        raise _WrongError(f"a role is one of {', '.join(ROLES)}")
    into.role = text


def _set_approvals(into: Annotation, text: str) -> None:
    if not (text.isascii() and text.isdigit() and int(text[:3]) <= MOST_APPROVALS):
        raise _WrongError(f"write a number from 0 to {MOST_APPROVALS}")
    into.approvals = int(text)


def _set_ttl(into: Annotation, text: str) -> None:
    into.ttl = _seconds(text)


def _set_timeout(into: Annotation, text: str) -> None:
    into.timeout = _seconds(text)


def _condition(text: str) -> str:
    try:
        parse_checks(text)
    except CheckError as error:
        raise _WrongError(str(error)) from None
    return text


def _set_guard(into: Annotation, text: str) -> None:
    into.guard = _condition(text)


def _set_verify(into: Annotation, text: str) -> None:
    into.verify = _condition(text)


def _set_because(into: Annotation, text: str) -> None:
    if len(text.split()) < 2:  # noqa: PLR2004 one word is no reason
        raise _WrongError("say in a few words why the lower risk is right")
    into.because = text


def _set_revert(into: Annotation, text: str) -> None:
    if not _ID.fullmatch(text):
        raise _WrongError("write the id of the step that takes this one back")
    into.revert = text


def _set_before(into: Annotation, text: str) -> None:
    if not _ID.fullmatch(text):
        raise _WrongError("write the id of the step to look at first")
    into.before = text


def _set_after(into: Annotation, text: str) -> None:
    if not _ID.fullmatch(text):
        raise _WrongError("write the id of the step to look at afterwards")
    into.after = text


_SETTERS: dict[str, Callable[[Annotation, str], None]] = {
    "id": _set_id,
    "risk": _set_risk,
    "role": _set_role,
    "approvals": _set_approvals,
    "ttl": _set_ttl,
    "timeout": _set_timeout,
    "guard": _set_guard,
    "verify": _set_verify,
    "because": _set_because,
    "revert": _set_revert,
    "before": _set_before,
    "after": _set_after,
}


def _set(into: Annotation, key: str, text: str) -> None:
    if key.startswith("param."):
        if not _PARAM.fullmatch(text):
            raise _WrongError(
                'a parameter is int, name, "name ending in x", text or "one of a|b", and may say where its choices '
                'come from: "int from ats.history"'
            )
        into.params[key.removeprefix("param.")] = text
        return
    setter = _SETTERS.get(key)
    if setter is None:
        raise _WrongError(f"known keys are {', '.join(_SETTERS)} and param.NAME")
    setter(into, text)


def _pairs(note: Note, problems: list[Diagnostic]) -> list[tuple[str, str, int]]:
    text = note.text.removeprefix("#:")
    indent = len(note.text) - len(text)
    found: list[tuple[str, str, int]] = []
    at = 0
    while text[at:].strip():
        pair = _PAIR.match(text, at)
        if pair is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            message = f"“{text[at:].strip()[:60]}” is not key=value."
            problems.append(
                Diagnostic(
                    "error",
                    "annotation-syntax",
                    note.line,
                    at + indent + 1,
                    message,
                    'Quote a value that has spaces: guard="…".',
                )
            )
            return found
        value = pair["bare"] if pair["bare"] is not None else pair["single"]
        if pair["double"] is not None:
            value = re.sub(r'\\(["\\])', r"\1", pair["double"])
        found.append((pair["key"], value or "", pair.start("key") + indent + 1))
        at = pair.end()
    return found


def read_annotation(notes: list[Note]) -> tuple[Annotation, list[Diagnostic]]:
    """All `#:` lines of one step as one annotation, and everything that is wrong with them."""
    annotation = Annotation(line=notes[0].line if notes else 0)
    problems: list[Diagnostic] = []
    for note in notes:
        for key, value, column in _pairs(note, problems):
            if key in annotation.lines:
                message = f"{key} is given twice."
                problems.append(
                    Diagnostic("error", "annotation-twice", note.line, column, message, "Keep one of them.")
                )
                continue
            annotation.lines[key] = note.line
            try:
                _set(annotation, key, value)
            except _WrongError as wrong:
                known = key in _SETTERS or key.startswith("param.")
                message = (
                    f"{key}={value[:80]} is not understood."
                    if known
                    else f"There is no annotation called {key}."
                )
                code = "annotation-value" if known else "annotation-key"
                problems.append(
                    Diagnostic(
                        "error", code, note.line, column, message, f"{str(wrong)[0].upper()}{str(wrong)[1:]}."
                    )
                )
    return annotation, problems
