"""Backups in S3: the newest object's age, and its size against the one before, for each kind.

Listing proves nothing about today's upload; its date and size do.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import AtsError, RejectedError, ServerError, UnauthorizedError, UnreachableError
from bot.probes import answers
from bot.probes.judging import USUAL, Bounds, Finding, above, below, line, size, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target
from bot.targets.trouble import NOT_INSTALLED

_NEWEST = "sort_by(Contents || `[]`, &LastModified)[-3:].{Key: Key, LastModified: LastModified, Size: Size}"
_HINT = "The runbook's “Backup Failure” has the logs, and how to run a backup by hand."
_SMALLER = "Is the dump whole? Compare with the backup's log before you rely on it."


@dataclass(frozen=True, slots=True)
class Stored:
    key: str
    modified: datetime
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Kind:
    """One prefix: its newest objects, oldest first, or why they could not be listed."""

    prefix: str
    objects: tuple[Stored, ...] = ()
    trouble: str = ""


async def measure(target: Target, deadline: float, options: Options) -> tuple[Kind, ...]:
    """Each prefix by itself; raises only when there is no `aws`."""
    return tuple(await asyncio.gather(*(_kind(target, deadline, options, p) for p in options["prefixes"])))


async def _kind(target: Target, deadline: float, options: Options, prefix: str) -> Kind:
    argv = ["aws", *options["arguments"], "s3api", "list-objects-v2", "--bucket", options["bucket"], "--prefix", prefix,
            "--query", _NEWEST, "--output", "json"]  # fmt: skip
    try:
        answer = await target.run(argv, deadline=deadline)
        if answer.exit:
            raise refusal(answer.exit, target.redact(answer.stderr or answer.stdout))
        return Kind(prefix, parse(answer.stdout))
    except AtsError as error:
        if isinstance(error, RejectedError) and error.code == NOT_INSTALLED:
            raise
        return Kind(prefix, trouble=str(error))


def refusal(exit_: int, said: str) -> AtsError:
    """The error for what aws wrote instead of an answer."""
    last, lower = answers.last_line(said), said.casefold()
    if "unable to locate credentials" in lower or "no credentials" in lower or "config profile" in lower:
        return UnauthorizedError(f"no credentials on the target ({last})")
    if "expiredtoken" in lower or "invalidaccesskeyid" in lower or "signaturedoesnotmatch" in lower:
        return UnauthorizedError(f"the credentials are refused: {last}")
    if "accessdenied" in lower or "access denied" in lower or "forbidden" in lower:
        return UnauthorizedError(f"no permission: {last}")
    if "nosuchbucket" in lower:
        return RejectedError(f"there is no such bucket: {last}", code="NoSuchBucket")
    if "could not connect" in lower or "endpoint url" in lower or "timeout" in lower:
        return UnreachableError(f"S3 does not answer: {last}")
    return ServerError(f"`aws s3api` ended with {exit_}: {last}")


def parse(text: str) -> tuple[Stored, ...]:
    """The newest objects, oldest first; raises ServerError when it is something else."""
    rows = answers.tables(answers.parsed(text.strip() or "[]", "aws s3api"))
    try:
        return tuple(sorted(map(_stored, rows), key=lambda o: o.modified))
    except (KeyError, TypeError, ValueError):
        raise ServerError("`aws s3api` printed objects of a shape that is not known. Run it by hand.") from None


def _stored(row: dict[str, Any]) -> Stored:
    return Stored(str(row["Key"]), datetime.fromisoformat(str(row["LastModified"])), int(row["Size"]))


def read(kinds: tuple[Kind, ...], context: Context) -> tuple[Reading, ...]:
    """A line for each kind."""
    return tuple(_reading(kind, context) for kind in kinds)


def _reading(kind: Kind, context: Context) -> Reading:
    warning, critical = context.options["warning_hours"], context.options["critical_hours"]
    system = f"Backup {kind.prefix.strip('/')}"
    bounds = Bounds(
        f"newest ≤ {warning:g} h old, not smaller than before", f"> {critical:g} h old, empty, or none", USUAL
    )
    if kind.trouble:
        hint = "The bot's user on the target needs s3:ListBucket; `aws sts get-caller-identity` says who it is."
        return line(system, [Finding(Status.UNKNOWN, kind.trouble, hint)], bounds)
    if not kind.objects:
        return line(system, [Finding(Status.CRITICAL, "there is none", _HINT)], bounds)
    newest = kind.objects[-1]
    hours = (context.now - newest.modified).total_seconds() / 3600
    name = newest.key.rpartition("/")[2][:80]
    says = f"newest {span(hours * 3600)} old ({name}, {size(newest.size)})"
    findings = [Finding(above(hours, warning, critical), says, _HINT), *_shrunk(kind.objects, context)]
    reading = line(system, findings, bounds, number=round(hours, 2), unit="h")
    return replace(reading, figures=((f"{system} size", float(newest.size)),))


def _shrunk(objects: tuple[Stored, ...], context: Context) -> list[Finding]:
    newest = objects[-1]
    if not newest.size:
        return [Finding(Status.CRITICAL, "it is empty", _SMALLER)]
    if len(objects) < 2 or not objects[-2].size:  # noqa: PLR2004 - nothing to compare with
        return []
    share = 100.0 * newest.size / objects[-2].size
    status = below(share, context.options["size_warning"], context.options["size_critical"])
    says = f"{share:.0f} % of the size of the one before"
    return [Finding(status, says, _SMALLER)]


PROBE = Probe(
    "Backups",
    measure,
    read,
    asks="`aws s3api list-objects-v2` for each prefix: the newest object's age, its size against the one before",
    normal="newest ≤ 26 h old, not smaller than before",
    warning="> 26 h old, or less than 80 % of the one before",
    critical="> 50 h old, less than 50 % of the one before, empty, or none at all",
    source=USUAL,
    hint="Install the AWS CLI for the bot's user on the target.",
    programs=True,
    failing=Status.UNKNOWN,
    options={
        "bucket": "ai-trading-backups",
        "prefixes": ("postgres/", "redis/"),
        "arguments": (),
        "warning_hours": 26.0,
        "critical_hours": 50.0,
        "size_warning": 80.0,
        "size_critical": 50.0,
    },
)
