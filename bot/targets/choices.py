"""What may be filled in for a step's parameter, from the live system: names and numbers that are there now."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bot.errors import NotFoundError, ServerError
from bot.targets.steps import run_step
from bot.targets.target import Target
from runbook.model import Plan, Step

MOST: Final = 100  # a menu of Slack takes no more
_TYPE = re.compile(r"(?P<kind>[a-z]+) from (?P<step>[\w.-]+)")
_KEEP = 8 * 1024 * 1024
_INT = re.compile(r"\d{1,9}")
_NAME = re.compile(r"[A-Za-z0-9][\w.@-]{0,99}")


async def choices(target: Target, plan: Plan, step: Step, parameter: str) -> tuple[str, ...]:
    """The values that a parameter can take right now, in the system's own order; the newest revision first.

    Raises:
        NotFoundError: the parameter names no step to take them from.
        AtsError: the system could not be asked.
    """
    found = _TYPE.match(step.params.get(parameter, ""))
    source = plan.step(found["step"]) if found else None
    if found is None or source is None:
        raise NotFoundError(f"The runbook does not say where values for [{parameter}] come from.")
    values = await _values(target, source)
    fits = _INT if found["kind"] == "int" else _NAME
    return tuple(dict.fromkeys(value for value in values if fits.fullmatch(value)))[:MOST]


async def _values(target: Target, source: Step) -> Sequence[str]:
    argv = source.argv[0] if source.argv else ()
    for begins, asking, read in _LISTS:
        if argv[: len(begins)] == begins:
            answer = await target.run(asking(argv), keep=_KEEP)
            if answer.exit:
                said = target.redact(answer.stderr.strip() or answer.stdout.strip())
                raise ServerError(f"`{' '.join(asking(argv)[:3])}` ended with {answer.exit}: {said[:200]}")
            return read(answer.stdout)
    result = await run_step(target, source)
    return [name for part in result.parts for name in from_lines(part.output, part.rows)]


def pm2_names(text: str) -> list[str]:
    """The applications in the output of `pm2 jlist`; their environment is not looked at."""
    return [str(app.get("name")) for app in _array(text) if app.get("name")]


def helm_revisions(text: str) -> list[str]:
    """The revisions in the output of `helm history -o json`, newest first."""
    return [str(row.get("revision")) for row in reversed(_array(text)) if row.get("revision")]


def docker_names(text: str) -> list[str]:
    """The containers in the output of `docker ps --format {{.Names}}`."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def pod_names(text: str) -> list[str]:
    """The pods in the output of `kubectl get pods -o json`."""
    begins = text.find("{")
    try:
        items = json.loads(text[begins:]).get("items", []) if begins >= 0 else []
    except ValueError:
        raise ServerError("`kubectl get pods` did not print JSON.") from None
    return [str((item.get("metadata") or {}).get("name", "")) for item in items]


def from_lines(output: str, rows: Sequence[Sequence[str]] = ()) -> list[str]:
    """The last column of each line (an object's key of `aws s3 ls`, a file's name), or the first of each row."""
    if rows:
        return [row[0] for row in rows if row]
    return [line.split()[-1] for line in output.splitlines() if line.split()][::-1]


def _array(text: str) -> list[Mapping[str, Any]]:
    begins = re.search(r"^\s*\[(?!PM2)", text, re.MULTILINE)
    try:
        found = json.loads(text[begins.start() :]) if begins else None
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ServerError("The list that was asked for did not come.")
    return [row for row in found if isinstance(row, Mapping)]


_Asking = Callable[[tuple[str, ...]], list[str]]
_LISTS: Final[tuple[tuple[tuple[str, ...], _Asking, Callable[[str], list[str]]], ...]] = (
    (("pm2",), lambda _argv: ["pm2", "jlist", "--silent"], pm2_names),
    (("helm", "history"), lambda argv: [*argv, "-o", "json"], helm_revisions),
    (("docker",), lambda _argv: ["docker", "ps", "-a", "--format", "{{.Names}}"], docker_names),
    (("kubectl", "get", "pods"), lambda argv: [*argv, "-o", "json"], pod_names),
)
