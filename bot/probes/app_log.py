"""The application's log: errors of the last minutes, whatever case they are written in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.health import Reading, Status
from bot.errors import AbsentError, ServerError, UnauthorizedError
from bot.probes import answers
from bot.probes.judging import USUAL, Bounds, Finding, above, line, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Application log"
_KEEP = 512 * 1024  # bytes
_LINES = "2000"
_ODD = re.compile(r"error|unauthorized|failed", re.IGNORECASE)  # the runbook's own search
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?")
_HINT = "The runbook's search: `grep -iE '(error|unauthorized|failed)' logs/combined.log | tail -n 100`."
_HINT_REFUSED = "Somebody is refused again and again: a rotated key, or an attack. See “Suspected Breach”."
_SHOWN = 160  # characters of the newest one


@dataclass(frozen=True, slots=True)
class Tail:
    lines: tuple[str, ...]  # redacted, oldest first


async def measure(target: Target, deadline: float, options: Options) -> Tail:
    path = options["path"]
    answer = await target.run(["tail", "-n", _LINES, path], deadline=deadline, keep=_KEEP)
    if answer.exit:
        said = answers.last_line(answer.stderr)
        if "No such file" in said:
            raise AbsentError(f"not configured: there is no {path} in the target's working directory.")
        if "ermission denied" in said:
            raise UnauthorizedError(f"no permission: {path} may not be read by this user")
        raise ServerError(f"`tail {path}` ended with {answer.exit}: {target.redact(said)}")
    return Tail(tuple(target.redact(row) for row in answer.stdout.splitlines() if _ODD.search(row)))


def read(tail: Tail, context: Context) -> tuple[Reading, ...]:
    """One line: how many, and the newest. Lines without a readable time count as new."""
    minutes, warning, critical = (context.options[n] for n in ("minutes", "warning", "critical"))
    since = context.now - timedelta(minutes=minutes)
    recent = [row for row in tail.lines if (at := stamp(row)) is None or at >= since]
    refused = sum("unauthorized" in row.casefold() for row in recent)
    bounds = Bounds(f"≤ {warning:g} in {minutes:g} min", f"> {critical:g}", USUAL)
    says = f"{plural(len(recent), 'line')} with errors in {minutes:g} min"
    hint = _HINT_REFUSED if refused > warning else _HINT
    findings = [Finding(above(len(recent), warning, critical), says, hint)]
    if refused > 1:
        findings.append(Finding(Status.OK, f"{refused} of them unauthorized"))
    if tail.lines:
        findings.append(Finding(Status.OK, _newest(tail.lines, context.now)))
    return (line(SYSTEM, findings, bounds, number=float(len(recent))),)


def stamp(row: str) -> datetime | None:
    """The time that a line begins with, or has near its beginning."""
    found = _STAMP.search(row[:60])
    if not found:
        return None
    try:
        at = datetime.fromisoformat(found[0].replace(",", "."))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _newest(lines: Sequence[str], now: datetime) -> str:
    row = lines[-1]
    at = stamp(row)
    ago = f" ({span(max(0.0, (now - at).total_seconds()))} ago)" if at else ""
    text = " ".join(_STAMP.sub("", row, count=1).split())
    return f"the newest{ago}: {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}"


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="the last 2,000 lines of `logs/combined.log`: error, unauthorized, failed, in any case; redacted",
    normal="≤ 5 in 15 min",
    warning="> 5 in 15 min",
    critical="> 50 in 15 min",
    source=USUAL,
    hint="Set the target's working directory, or [probes.log] path.",
    programs=True,
    failing=Status.UNKNOWN,
    options={"path": "logs/combined.log", "minutes": 15.0, "warning": 5, "critical": 50},
)
