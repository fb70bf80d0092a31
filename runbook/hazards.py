"""Warnings by rule: what experience says goes wrong, found in the text before it does."""

import re
from collections.abc import Iterator
from datetime import date

from runbook.cautions import demands_condition
from runbook.model import Diagnostic, Entry, Kind, Plan, Risk, Step
from runbook.places import Places

_RESTART_ALL = re.compile(
    r"\bpm2\s+(?:restart|reload|delete|stop)\s+all\b|\bsupervisorctl\s+restart\s+all\b|\brestart\s+\$\(\s*docker\s+ps"
    r"|\bkubectl\b[^\n]{0,200}\bdelete\s+pods?\b[^\n]{0,200}--all\b|\bsystemctl\s+restart\s+['\"]?\*"
)
_DOWN_VOLUMES = re.compile(r"\bcompose\s[^\n]{0,200}\bdown\b[^\n]{0,200}\s(?:-\w*v\w*\b|--volumes\b)")
_FIREWALL = re.compile(
    r"\bufw\s+(?:--force\s+)?(?:deny|reject|enable|default|limit|reset|delete)\b|\bip6?tables\s[^\n]{0,200}-(?:A|I|P|F|D)\b"
    r"|\bnft\s+(?:add|flush|delete)\b"
    r"|\bfirewall-cmd\b"
)
_TEMPORARY = re.compile(
    r"\btemporar(?:y|ily)\b|\bfor\s+now\b|\buntil\s+(?:it|this)\s+is\s+(?:fixed|solved)\b", re.IGNORECASE
)
_SECRET = re.compile(
    r"(?i)(?:\b|_|-)(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)\s*[=:]\s*['\"]?(?![$<\[{*'\"])(?!x{3,}|\.{3}|your|change)[^\s'\"$<\[{]{6,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
)
_REVIEW_KEYS = re.compile(r"(?i)^next\s+review|^review\s+(?:due|by|date)")
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
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
    for entry in plan.entries:
        found += _of_alert(entry, places)
        for step in entry.steps:
            found += _of_step(step, notes.get(step.id, ""), places)
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


# Pattern of a step's text, code, what is wrong, how to mend it.
_DANGERS = (
    (
        _RESTART_ALL,
        "restart-all",
        "It restarts or removes everything at once; after a changed configuration that can start it all twice.",
        "Name the configuration file, or one process.",
    ),
    (
        _DOWN_VOLUMES,
        "down-volumes",
        "down -v deletes the volumes of whatever folder it runs in.",
        "Leave -v out; remove a volume by its name, by hand.",
    ),
    (
        _FIREWALL,
        "firewall",
        "This firewall rule can cut off the bot, Slack, PagerDuty and the exchanges, and nothing undoes it.",
        "Say what must be done before it, and how it is taken back.",
    ),
    (
        _SECRET,
        "secret-in-argument",
        "A secret seems to stand in the text, for everybody who reads this document.",
        "Put it into a variable, and change it where it is valid.",
    ),
)


def _of_step(step: Step, notes: str, places: Places) -> Iterator[Diagnostic]:
    for pattern, code, message, hint in _DANGERS:
        found = pattern.search(step.source)
        if found is not None:
            yield _warn(code, places.within(step, found), message, hint)
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
