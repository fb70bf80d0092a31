"""A plan as a few readable lines, for golden cases; `python -m tests.unit.runbook.sketch` writes them anew."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from runbook import Entry, Plan, Step, compile_text

CASES = Path(__file__).parents[2] / "cases"
TODAY = date(2030, 1, 1)
_CASE = re.compile(
    r"^## (?P<name>.+?)\n+`{5}markdown\n(?P<text>.*?)\n`{5}\n+`{5}plan\n(?P<plan>.*?)\n?`{5}$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Case:
    file: str
    name: str
    text: str
    plan: str


def cases() -> list[Case]:
    """Every golden case; special characters in them are written as JSON escapes between ⟨ and ⟩."""
    return [
        Case(path.stem, found["name"], _unescaped(found["text"]), found["plan"])
        for path in sorted(CASES.glob("*.md"))
        for found in _CASE.finditer(path.read_text(encoding="utf-8"))
    ]


def _unescaped(text: str) -> str:
    return re.sub(r"⟨(\\[^⟩]+)⟩", lambda m: str(json.loads(f'"{m[1]}"')), text)


def sketch(plan: Plan) -> str:
    """What matters of a plan, one thing a line."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    counts = f"blocks={plan.blocks} items={plan.items} tables={plan.tables}"
    yield f"{plan.title!r} version={plan.version!r} owner={plan.owner!r} {counts}"
    for contact in plan.contacts:
        who = f"{contact.role!r} @{contact.handle} {contact.kind}"
        yield f"contact {contact.line} {who} wait={contact.wait} {contact.schedule}".rstrip()
    for row in plan.baseline:
        bounds = [f"{b.op}{b.value:g}{b.unit}{' of ' + b.of if b.of else ''}" for b in (row.normal, row.alert)]
        yield f"baseline {row.line} {row.metric!r} {' | '.join(bounds)} {row.query}".rstrip()
    for resource in plan.resources:
        yield f"resource {resource.line} {resource.service!r} {resource.url} {resource.credentials!r}"
    for entry in plan.entries:
        yield from _entry(entry)
    for problem in plan.diagnostics:
        yield f"{problem.severity} {problem.line}:{problem.column} {problem.code}"


def _entry(entry: Entry) -> Iterator[str]:
    yield f"{entry.kind} {entry.line_start}-{entry.line_end} {entry.id} {entry.title!r} {entry.severity}".rstrip()
    for name in ("trigger", "impact", "escalation", "queries", "aliases", "cautions"):
        value = getattr(entry, name)
        if value:
            yield f"  {name}: {value}"
    for step in entry.steps:
        yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    yield f"  step {step.line_start}-{step.line_end} {step.kind} {step.risk}{' NEVER' if step.never else ''} {step.id}"
    yield f"    title: {step.title}"
    yield f"    because: {step.reason}"
    for words in step.argv:
        yield f"    argv: {list(words)}"
    if step.request is not None:
        request = {k: v for k, v in step.request.items() if v not in ({}, None)}
        yield f"    request: {json.dumps(request, ensure_ascii=False)}"
    if step.sql:
        yield f"    sql: {step.sql}"
    for name in ("params", "cautions", "rewrites", "guard", "verify", "locked"):
        value = getattr(step, name)
        if value:
            yield f"    {name}: {dict(value) if name == 'params' else value}"
    if step.role:
        yield f"    role: {step.role}, approvals: {step.approvals}, timeout: {step.timeout:g}, ttl: {step.ttl:g}"
    if len(step.commands) > 1:
        for command in step.commands:
            yield f"    {command.line}:{command.column} {command.risk}: {command.text.splitlines()[0]}"


def _rewrite(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    def renew(found: re.Match[str]) -> str:
        plan = sketch(compile_text(_unescaped(found["text"]), today=TODAY))
        return f"## {found['name']}\n\n`````markdown\n{found['text']}\n`````\n\n`````plan\n{plan}\n`````"

    path.write_text(_CASE.sub(renew, text), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or [p.name for p in sorted(CASES.glob("*.md"))]:
        _rewrite(CASES / name)
