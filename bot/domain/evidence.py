"""What stands out in what was read: suspicious log lines, and what was changed last. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

LINES: Final = 5  # suspicious lines that are shown
_SUSPICIOUS = re.compile(
    r"\b(?:error|err!|fatal|panic|exception|traceback|critical|refused|timed?[ -]?out|unauthori[sz]ed|denied|"
    r"oom|out of memory|heap|killed|exhausted|deadlock|corrupt\w*|too many|no space left|failed|failure|unreachable)\b",
    re.IGNORECASE,
)
_CALM = re.compile(
    r"\b(?:0|no|without) (?:errors?|failures?|failed)\b|\b(?:errors?|failed)[=:]\s*0\b", re.IGNORECASE
)
_FILES = re.compile(r"\S+\.(?:log|err|out)\b")  # a file named error.log is no error
_NUMBERS = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A suspicious line, and how often one like it was read."""

    text: str
    times: int


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was changed: when, what, and by whom."""

    at: datetime
    what: str
    by: str = ""


def suspicious(texts: Iterable[str], limit: int = LINES) -> tuple[LogLine, ...]:
    """Lines that tell of trouble; those that differ in numbers only are one, as it was read last."""
    found: dict[str, LogLine] = {}
    for text in texts:
        for line in text.splitlines():
            stripped = line.strip()
            if _SUSPICIOUS.search(_FILES.sub("", stripped)) and not _CALM.search(stripped):
                shape = _NUMBERS.sub("#", stripped)[:200]
                found[shape] = LogLine(stripped, found[shape].times + 1 if shape in found else 1)
    often = sorted(found.values(), key=lambda line: -line.times)
    return tuple(often[:limit])


def git_log(text: str) -> tuple[Change, ...]:
    """The output of `git log --format=%ct%x09%h%x09%an%x09%s`."""
    changes = []
    for line in text.splitlines():
        at, _, rest = line.partition("\t")
        commit, _, rest = rest.partition("\t")
        author, _, subject = rest.partition("\t")
        if at.strip().isdigit():
            changes.append(Change(datetime.fromtimestamp(int(at), UTC), f"commit {commit}: {subject}", author))
    return tuple(changes)


def helm_history(rows: object) -> tuple[Change, ...]:
    """The output of `helm history -o json`."""
    changes = []
    for row in rows if isinstance(rows, list) else []:
        at = _time(str(row.get("updated", ""))) if isinstance(row, dict) else None
        if at is not None:
            what = (
                f"Helm revision {row.get('revision')}: {row.get('chart', '')} {row.get('status', '')}".strip()
            )
            changes.append(Change(at, what, ""))
    return tuple(changes)


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def newest(changes: Iterable[Change], limit: int = 3) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.at, reverse=True)[:limit])
