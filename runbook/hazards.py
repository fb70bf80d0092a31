"""Warnings by rule: what experience says goes wrong, found in the text before it does."""

import re
from collections.abc import Collection, Iterator
from datetime import date
from itertools import islice

from runbook.cautions import demands_condition
from runbook.dangers import DANGERS
from runbook.model import Diagnostic, Entry, Kind, Plan, Risk, Step
from runbook.places import Places

_TEMPORARY = re.compile(
    r"\btemporar(?:y|ily)\b|\bfor\s+now\b|\buntil\s+(?:it|this)\s+is\s+(?:fixed|solved)\b", re.IGNORECASE
)
_REVIEW_KEYS = re.compile(r"(?i)^next\s+review|^review\s+(?:due|by|date)")
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MOST = 20  # findings of one kind that are looked at in a step, for one that was not said yet
_LONGEST_BLOCK = 400  # lines that are looked through for a placeholder or a fact
_URGENT = frozenset({"P0", "P1"})
_TRIGGER = re.compile(r"(?i)\btrigger")
_PROSE_PLACEHOLDER = re.compile(r"^[A-Z][A-Z _]+$")


def _warn(code: str, place: tuple[int, int], message: str, hint: str) -> Diagnostic:
    return Diagnostic("warning", code, *place, message, hint)


def hazards(plan: Plan, today: date | None, notes: dict[str, str], places: Places) -> list[Diagnostic]:
    """Every warning about a plan.

    Args:
        plan: the compiled runbook.
        today: what the review date is held against; None leaves that check out.
        notes: the comments of each step, by its id.
        places: where words stand in the document.
    """
    found: list[Diagnostic] = []
    said = {(d.code, d.line) for d in plan.diagnostics}
    for entry in plan.entries:
        found += _of_alert(entry, places)
        for step in entry.steps:
            found += _of_step(step, notes.get(step.id, ""), places, said)
    return [*found, *_review(plan, today, places)]


def _of_alert(entry: Entry, places: Places) -> Iterator[Diagnostic]:
    if entry.kind != "alert":
        return
    heading = places.at(entry.line_start)
    if entry.severity in _URGENT and not entry.steps:
        yield _warn(
            "alert-without-step",
            heading,
            f"{entry.severity} “{entry.title}” has no step: whoever is woken up finds nothing to do.",
            "Add at least one command that shows what is wrong.",
        )
    if not entry.severity:
        yield _warn(
            "alert-without-severity",
            heading,
            f"“{entry.title}” has no severity, so it cannot page.",
            "Put it under a heading with P0, P1 or P2, or add “- **Severity:** P1”.",
        )
    if not entry.queries:
        yield _warn(
            "trigger-without-query",
            places.at(entry.line_start, entry.trigger or _TRIGGER, _TRIGGER, until=entry.line_end),
            f"The trigger of “{entry.title}” is no query that Prometheus understands.",
            "Add “- **Query:** `…`” in PromQL.",
        )


def _said_already(step: Step, code: str, line: int, said: Collection[tuple[str, int]]) -> bool:
    """Whether the command of this line, as it was read, has brought this finding already."""
    if code == "endless-command":
        return any("never ends" in c.rewrite for c in step.commands if c.line <= line <= c.line_end)
    return (code, line) in said


def _of_step(step: Step, notes: str, places: Places, said: Collection[tuple[str, int]]) -> Iterator[Diagnostic]:
    for danger in DANGERS:
        for found in islice(danger.pattern.finditer(step.source), _MOST):
            place = places.within(step, found)
            if not _said_already(step, danger.code, place[0], said):
                yield _warn(danger.code, place, danger.message, danger.hint)
                break
    for command in step.commands:
        if "never ends" in command.rewrite:
            yield _warn(
                "endless-command",
                (command.line, command.column),
                f"“{command.text[:60]}” never ends by itself.",
                f"Write {command.rewrite}.",
            )
    yield from _of_changing_step(step, notes, places)


def _of_changing_step(step: Step, notes: str, places: Places) -> Iterator[Diagnostic]:
    if step.risk is Risk.READ or step.kind is Kind.CHECKLIST:
        return
    if _TEMPORARY.search(f"{step.title}\n{notes}") and not step.revert:
        yield _warn(
            "temporary-without-revert",
            places.at(step.line_start, _TEMPORARY, until=step.line_end),
            f"“{step.title}” is meant for a while, and nothing takes it back.",
            "Add a step that does, and revert=ITS-ID here.",
        )
    caution = next((c for c in step.cautions if demands_condition(c)), None)
    if step.role and caution and not step.guard:
        yield _warn(
            "caution-without-guard",
            places.at(step.line_start, caution.split(". ")[0][:40], "#:", until=step.line_end),
            f"The step is unlocked, and only people read its caution: “{caution[:80]}”",
            'Add guard="…" that checks it.',
        )


def missing_parameters(plan: Plan, lines: dict[str, int], places: Places) -> Iterator[Diagnostic]:
    """Placeholders that nobody has given a kind."""
    known = {name for e in plan.entries for s in e.steps for name, kind in s.params.items() if kind}
    for name, line in lines.items():
        if name not in known:
            prose = bool(_PROSE_PLACEHOLDER.match(name)) and " " in name
            hint = (
                "Fill it in."
                if prose
                else f'Add param.{name}="name" (or int, or "one of a|b") above the command.'
            )
            written = re.compile(
                r"(?:\[|<|\{\{\s{0,3})" + re.escape(name).replace("_", r"[^A-Za-z0-9\]>}]{1,5}")
            )
            yield _warn(
                "placeholder-without-parameter",
                places.at(line, written, until=line + _LONGEST_BLOCK),
                f"[{name}] is for a person to fill in, and nothing says with what.",
                hint,
            )


def _review(plan: Plan, today: date | None, places: Places) -> Iterator[Diagnostic]:
    stated = next(((k, v) for k, v in plan.facts.items() if _REVIEW_KEYS.match(k)), None)
    if stated is None:
        return
    place = places.at(1, stated[0], until=_LONGEST_BLOCK)
    found = _DATE.search(stated[1])
    due = _as_date(found) if found else None
    if due is None:
        yield _warn(
            "review-without-date",
            place,
            f"{stated[0]} is “{stated[1][:60]}”, which is no date and so never due.",
            "Write a date such as 2027-01-31.",
        )
    elif today is not None and due < today:
        yield _warn(
            "review-overdue",
            place,
            f"The review was due on {due.isoformat()}.",
            "Review the runbook, and write the next date.",
        )


def _as_date(found: re.Match[str]) -> date | None:
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
