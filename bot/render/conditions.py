"""Guards and verifications in words, for somebody who reads them on a phone at night."""

import json
from datetime import timedelta
from typing import Final

from bot.render.text import Md, code, duration, lines, md
from runbook.checks import Check, CheckError, parse_checks

_SAYS: Final = {
    "==": "is",
    "!=": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "contains": "contains",
}
_AGED: Final = {"<": "younger than", "<=": "at most", ">": "older than", ">=": "at least"}


def condition_lines(condition: str) -> Md:
    """Each part of a condition in a line of its own; as it was written where it is not understood."""
    try:
        checks = parse_checks(condition)
    except CheckError:
        return code(condition, 500)
    said = [_in_words(check) for check in checks]
    return said[0] if len(said) == 1 else lines("", *(md("• {}", each) for each in said))


def _in_words(check: Check) -> Md:
    within = md(" (tried for {})", _span(check.within)) if check.within else ""
    return md("{}{}{}", code(_asked(check), 300), _wanted(check), within)


def _asked(check: Check) -> str:
    match check.kind:
        case "http":
            return f"{check.program['method']} {check.program['url']}"
        case "sql":
            return "; ".join(str(statement) for statement in check.program["sql"])
        case _:
            return check.text if "argv" not in check.program else " ".join(map(str, check.program["argv"]))


def _wanted(check: Check) -> Md:
    if not check.op:
        return md(" answers") if check.kind == "http" else md(" succeeds")
    if check.path == "age":
        return md(
            ": the time that it says is {} {}", _AGED.get(check.op, check.op), _span(float(str(check.value)))
        )
    value = check.value if isinstance(check.value, str) else json.dumps(check.value)
    subject = code(check.path) if check.path else md("its answer")
    return md(": {} {} {}", subject, _SAYS[check.op], code(value, 100))


def _span(seconds: float) -> str:
    whole = duration(timedelta(seconds=seconds))
    return f"{seconds:g} s" if seconds <= 120 or seconds % 60 else whole  # noqa: PLR2004 - duration rounds
