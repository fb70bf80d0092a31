"""Sections into entries: alerts with their trigger and impact, procedures, and their steps."""

import re
from dataclasses import dataclass, field, replace

from runbook.cautions import clean, is_caution
from runbook.document import Item, Section
from runbook.model import Entry, Kind, Risk, Step
from runbook.steps import Context, steps_of_fence
from runbook.text import Names, clean_title, plain, slug

_FIELD = re.compile(
    r"^\s*(?:\*\*|__)?(?P<key>[A-Za-z][A-Za-z /_-]{1,40}?)(?:\s*:\s*(?:\*\*|__)|(?:\*\*|__)\s*:|:)\s*"
)
_SEVERITY = re.compile(r"\b(?:P|SEV-?|Priority\s)([0-5])\b", re.IGNORECASE)
_KEYS = {
    "trigger": "trigger",
    "triggers": "trigger",
    "condition": "trigger",
    "alert condition": "trigger",
    "expression": "trigger",
    "impact": "impact",
    "effect": "impact",
    "escalation": "escalation",
    "escalate if": "escalation",
    "severity": "severity",
    "priority": "severity",
    "query": "query",
    "queries": "query",
    "promql": "query",
    "aliases": "aliases",
    "alias": "aliases",
    "also known as": "aliases",
}


@dataclass(slots=True)
class _Fields:
    trigger: str = ""
    impact: str = ""
    escalation: str = ""
    severity: str = ""
    aliases: str = ""
    queries: list[str] = field(default_factory=list)


def _read_field(text: str, into: _Fields) -> bool:
    found = _FIELD.match(text)
    name = _KEYS.get(found["key"].strip().lower()) if found else None
    if found is None or name is None:
        return False
    value = plain(text[found.end() :])
    if name == "query":
        into.queries.append(value)
    elif not getattr(into, name):
        setattr(into, name, value)
    return True


def _fields(section: Section) -> _Fields:
    fields = _Fields()
    for item in section.items:
        if not item.ordered:
            _read_field(item.text, fields)
    for paragraph in section.paragraphs:
        for line in paragraph.text.split("\n"):
            _read_field(line, fields)
    return fields


def severity(*texts: str) -> str:
    """The severity ("P0" to "P5") named in the first text that names one."""
    for text in texts:
        found = _SEVERITY.search(text)
        if found:
            return f"P{found[1]}"
    return ""


def _cautions(section: Section) -> tuple[str, ...]:
    lines = [line for p in section.paragraphs for line in p.text.split("\n")]
    lines += [line for item in section.items for line in item.text.split("\n")]
    lines += [cell for table in section.tables for row in table.rows for cell in row]
    return tuple(dict.fromkeys(clean(li) for li in lines if is_caution(li) and not _read_field(li, _Fields())))


def _item_step(item: Item, names: Names, entry_id: str) -> Step:
    text = plain(item.text)
    title = text.split("\n")[0][:200]
    return Step(
        id=names.unique(f"{entry_id}.{slug(title)[:48] or 'step'}"),
        title=title,
        kind=Kind.CHECKLIST,
        risk=Risk.MANUAL,
        reason="this is an instruction for a person, not a command",
        source=item.text,
        line_start=item.line,
        line_end=max(item.line, min(item.line_end, item.line + item.text.count("\n"))),
        cautions=(clean(item.text),) if is_caution(item.text) else (),
    )


def _steps(section: Section, entry_id: str, context: Context) -> list[Step]:
    spoken = [i for i in section.items if i.ordered and not i.fences and i.text]
    steps = [_item_step(item, context.names, entry_id) for item in spoken]
    for fence in section.fences:
        lead = plain(fence.item.text) if fence.item is not None else ""
        steps += steps_of_fence(fence, entry_id, lead, context)
    return sorted(steps, key=lambda s: s.line_start)


def entry_of(section: Section, text_lines: list[str], names: Names, context: Context) -> Entry:
    """One section as an entry."""
    title = clean_title(section.title) or context.title
    fields = _fields(section)
    entry_id = names.unique(slug(title) or f"section-{section.line}")
    is_alert = bool(fields.trigger)
    rank = severity(fields.severity, title, *reversed(section.path)) if is_alert else ""
    body = "\n".join(text_lines[section.line - 1 : section.line_end])
    return Entry(
        id=entry_id,
        title=title,
        kind="alert" if is_alert else "procedure",
        severity=rank,
        trigger=fields.trigger,
        impact=fields.impact,
        escalation=fields.escalation,
        path=tuple(clean_title(p) for p in section.path),
        steps=tuple(_steps(section, entry_id, context)),
        cautions=_cautions(section),
        text=body.rstrip("\n -\t") if body.rstrip().endswith("---") else body.rstrip("\n"),
        line_start=section.line,
        line_end=section.line_end,
        queries=tuple(fields.queries),
        aliases=tuple(a.strip() for a in fields.aliases.split(",") if a.strip()),
    )


def entries_of(sections: list[Section], text_lines: list[str], context: Context) -> list[Entry]:
    """Every section with content; the title's own section only when it holds steps."""
    names = Names()
    entries = []
    for section in sections:
        if section.empty:
            continue
        entry = entry_of(section, text_lines, names, context)
        heading = section.level == 0 or (section.level == 1 and section.line == context.title_line)
        if entry.steps or entry.kind == "alert" or not heading:
            entries.append(entry)
    return _placed(entries)


def _placed(entries: list[Entry]) -> list[Entry]:
    return [replace(e, line_end=max(e.line_end, e.line_start)) for e in entries]
