"""A postmortem's first draft from what is recorded: facts filled in, judgement left to people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of the timeline."""

    at: datetime
    text: str
    who: str = ""
    source: str = "bot"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the incident."""

    number: int
    title: str
    severity: str
    status: str
    service: str
    url: str
    entry: str
    impact: str
    triggered_at: datetime
    acked_at: datetime | None = None
    acked_by: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""
    timeline: tuple[Happening, ...] = ()


def draft(facts: Facts) -> str:
    """Markdown; times in UTC. What nobody has recorded is a question in italics, never a guess."""
    return "\n".join([
        f"# Postmortem: #{facts.number} {_inline(facts.title)}",
        "",
        *_table(facts),
        "",
        "## Impact",
        "",
        _inline(facts.impact) or "_Who noticed, and what did it cost?_",
        "",
        "## Timeline (UTC)",
        "",
        *_timeline(facts.timeline),
        "",
        "## Cause",
        "",
        "_What made it happen, and why was that possible?_",
        "",
        "## What helped, and what did not",
        "",
        "_Which steps of the runbook fitted? What was missing?_",
        "",
        "## What will be done",
        "",
        "- [ ] _Action, owner, date_",
        "",
    ])  # fmt: skip


def _table(facts: Facts) -> list[str]:
    rows = [
        ("Severity", facts.severity),
        ("Service", facts.service),
        ("Status", facts.status),
        ("Runbook entry", facts.entry or "none matched"),
        ("Triggered", _moment(facts.triggered_at)),
        ("Acknowledged", _after(facts.acked_at, facts.triggered_at, facts.acked_by)),
        ("Resolved", _after(facts.resolved_at, facts.triggered_at, facts.resolved_by)),
        ("PagerDuty", facts.url),
    ]
    return ["| | |", "|-|-|", *(f"| {name} | {_cell(value)} |" for name, value in rows if value)]


def _timeline(happened: Sequence[Happening]) -> list[str]:
    ordered = sorted(happened, key=lambda h: h.at)
    lines = (f"- **{_moment(h.at)}** {_inline(h.text)}{_by(h)}" for h in ordered)
    return list(lines) or ["_Nothing was recorded._"]


def _by(happening: Happening) -> str:
    return f" ({_inline(happening.who)}, {happening.source})" if happening.who else f" ({happening.source})"


def _after(at: datetime | None, since: datetime, who: str) -> str:
    if at is None:
        return "never"
    return f"{_moment(at)}, after {_length(at - since)}{' by ' + who if who else ''}"


def _length(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if n) or "0 s"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _inline(text: str) -> str:
    """Text from outside on one line, its Markdown shown rather than obeyed."""
    flat = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_[]<>#|" else c for c in flat)


def _cell(text: str) -> str:
    return text if text.startswith("https://") and " " not in text and "|" not in text else _inline(text)
