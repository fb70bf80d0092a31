"""The backup scripts' logs: how the last run ended."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bot.domain.health import Reading, Status
from bot.errors import ServerError, UnauthorizedError
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, line
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

_BOUNDS = Bounds("the last run ended with 0", "", "the runbook's alert: exit code != 0")
_LINES = "50"
_CODE = re.compile(r"exit(?:ed)?(?:\s+(?:code|status|with))*\s*[:=]?\s*(-?\d+)", re.IGNORECASE)
_BAD = re.compile(r"\b(?:error|failed|failure|fatal|denied)\b", re.IGNORECASE)
_GOOD = re.compile(r"\b(?:finished|completed|success\w*|uploaded)\b", re.IGNORECASE)
_HINT = "The runbook's “Backup Failure” has the steps: run it by hand, then verify the upload."


@dataclass(frozen=True, slots=True)
class Log:
    name: str
    text: str = ""
    trouble: str = ""  # why it could not be read
    missing: bool = False


async def measure(target: Target, deadline: float, options: Options) -> tuple[Log, ...]:
    """One after the other: two programs are not worth more."""
    logs = []
    for path in options["paths"]:
        answer = await target.run(["tail", "-n", _LINES, path], deadline=deadline / 2)
        said = answers.last_line(answer.stderr)
        logs.append(Log(PurePosixPath(path).name, target.redact(answer.stdout), said if answer.exit else "",
                        missing=bool(answer.exit) and "No such file" in said))  # fmt: skip
    return tuple(logs)


def read(logs: Sequence[Log], _context: Context) -> tuple[Reading, ...]:
    """A line for each log that there is."""
    return tuple(_reading(log) for log in logs)


def _reading(log: Log) -> Reading:
    system = f"Log {log.name}"
    if log.missing:
        return Reading(system, Status.UNKNOWN, "there is no such file", _BOUNDS.normal, "Has the backup ever run here?",
                       source=_BOUNDS.source, absent=True)  # fmt: skip
    if "ermission denied" in log.trouble:
        raise_ = UnauthorizedError(f"no permission: {log.trouble}")
        return line(system, [Finding(Status.UNKNOWN, str(raise_), "Let the bot's user read it.")], _BOUNDS)
    if log.trouble:
        return line(system, [Finding(Status.UNKNOWN, str(ServerError(log.trouble)))], _BOUNDS)
    code, said = judge(log.text)
    return line(system, [Finding(*said, _HINT)], _BOUNDS, number=code)


def judge(text: str) -> tuple[float | None, tuple[Status, str]]:
    """The last run's exit code if the log tells it; else its last words that are good or bad."""
    for said in reversed([entry.strip() for entry in text.splitlines() if entry.strip()]):
        if found := _CODE.search(said):
            code = int(found[1])
            return float(code), (
                Status.WARNING if code else Status.OK,
                f"the last run ended with {code}: {said[:120]}",
            )
        if _BAD.search(said):
            return None, (Status.WARNING, f"the last run says: {said[:160]}")
        if _GOOD.search(said):
            return None, (Status.OK, said[:160])
    return None, (Status.UNKNOWN, "it tells of no run")


PROBE = Probe(
    "Backup logs",
    measure,
    read,
    asks="the last 50 lines of each backup's log",
    normal=_BOUNDS.normal,
    warning="the last run ended with another code than 0, or speaks of an error",
    critical="-",
    source=_BOUNDS.source,
    hint="Run `tail` on them by hand as the bot's user.",
    programs=True,
    failing=Status.UNKNOWN,
    options={"paths": ("/var/log/postgres-backup.log", "/var/log/redis-backup.log")},
)
