"""Groups of commands into steps: typed, classed, with their cautions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from runbook import databases
from runbook.blocks import DATA, SHELLS, SQLS, Group, Note, groups_of, sql_groups
from runbook.cautions import clean, is_caution, is_marked
from runbook.document import Fence
from runbook.lower import join, lower
from runbook.model import Command, Diagnostic, Kind, Risk, Step
from runbook.risk import Verdict, manual, rank
from runbook.shell.lexer import SLOT_FIRST
from runbook.text import Names, plain, slug

_CONTINUES = re.compile(r"^[a-z(]|^Resetting|^This|^It\b|^That|^Otherwise")
_PSQL_DSN = re.compile(r"^psql\s+(?P<dsn>\S+)\s*$")
_PLACEHOLDER = re.compile(r"\[([A-Z][A-Z _-]{2,40})\]")
_ID_LENGTH = 48


@dataclass(slots=True)
class Context:
    """What the steps of one document share and report."""

    title: str
    title_line: int
    names: Names = field(default_factory=Names)
    problems: list[Diagnostic] = field(default_factory=list)
    placeholders: dict[str, int] = field(default_factory=dict)  # name -> line
    items: int = 0
    lines: list[str] = field(default_factory=list)
    annotations: dict[str, list[Note]] = field(default_factory=dict)  # step id -> its annotation lines
    leads: dict[str, list[Note]] = field(default_factory=dict)

    def warn(self, verdict: Verdict, command: Command) -> None:
        """Keep what the verdict on a command warns of."""
        for code, message, hint in verdict.warnings:
            self.problems.append(Diagnostic("warning", code, command.line, command.column, message, hint))


def steps_of_fence(fence: Fence, entry_id: str, lead: str, context: Context) -> list[Step]:
    """The steps of one block; what is no command gives none."""
    if fence.language in SQLS:
        return _steps_of_sql(fence, entry_id, lead, context)
    if fence.language in DATA:
        return []
    if fence.language not in SHELLS:
        return [_foreign(fence, entry_id, lead, context)] if any(t.strip() for t in fence.lines) else []
    groups, names = groups_of(fence)
    for name in names:
        context.placeholders.setdefault(name, fence.line)
    connection: dict[str, object] = {"dsn": [{"var": "DATABASE_URL"}]}
    steps: list[Step] = []
    lead = lead if len(groups) == 1 else ""
    for group in groups:
        connection = _session(group, connection)
        steps += _steps_of_group(group, names, entry_id, lead, context, connection)
    return steps


def _session(group: Group, connection: dict[str, object]) -> dict[str, object]:
    """A bare psql says which database the SQL under it is meant for."""
    if len(group.statements) == 1:
        found = _PSQL_DSN.match(group.statements[0].text)
        variable = re.fullmatch(r'"?\$\{?([A-Za-z_]\w*)\}?"?', found["dsn"]) if found else None
        if variable:
            return {"dsn": [{"var": variable[1]}]}
    return connection


def _steps_of_sql(fence: Fence, entry_id: str, lead: str, context: Context) -> list[Step]:
    dialect = SQLS[fence.language]
    connection: dict[str, object] = {"dsn": [{"var": "DATABASE_URL"}]}
    steps: list[Step] = []
    for group in sql_groups(fence):
        steps += _sql_steps(group, entry_id, lead, context, connection, dialect)
    return steps


def _foreign(fence: Fence, entry_id: str, lead: str, context: Context) -> Step:
    source = "\n".join(fence.lines)
    verdict = manual(f"{fence.language} is not understood")
    title = lead or f"{fence.language} to run by hand"
    return _step(entry_id, title, verdict, source, (fence.line, fence.line + len(fence.lines) - 1), context)


def _steps_of_group(
    group: Group,
    names: tuple[str, ...],
    entry_id: str,
    lead: str,
    context: Context,
    connection: dict[str, object],
) -> list[Step]:
    if group.sql:
        return _sql_steps(group, entry_id, lead, context, connection, "postgres")
    if not group.statements:
        return _checklist(group, entry_id, lead, context)
    steps = _numbered(group, entry_id, context)
    verdicts = [lower(s.node) for s in group.statements]
    columns = _columns(context.lines, [s.line + group.offset for s in group.statements], group.texts)
    commands = tuple(
        Command(
            text,
            s.line + group.offset,
            column,
            v.risk,
            v.reason,
            s.line_end + group.offset,
            "; ".join(v.rewrites),
        )
        for s, v, text, column in zip(group.statements, verdicts, group.texts, columns, strict=True)
    )
    context.items += len(commands)
    for command, found in zip(commands, verdicts, strict=True):
        context.warn(found, command)
    verdict = join(verdicts)
    title = _title(group, lead) or commands[0].text.split("\n")[0]
    source = "\n".join(c.text for c in commands)
    lines = (steps[-1].line_end + 1 if steps else group.line, max(group.line_end, commands[-1].line_end))
    used = tuple(n for i, n in enumerate(names) if any(chr(SLOT_FIRST + i) in s.text for s in group.statements))
    step = _step(
        entry_id,
        title,
        verdict,
        source,
        lines,
        context,
        cautions=_cautions(group),
        commands=commands,
        params=used,
    )
    context.annotations[step.id] = group.annotations
    context.leads[step.id] = group.notes
    return [*steps, step]


def _columns(lines: list[str], numbers: list[int], texts: list[str]) -> list[int]:
    """Where commands begin in their lines of the document; two on one line stand behind each other."""
    found: list[int] = []
    before, behind = 0, 0
    for line, text in zip(numbers, texts, strict=True):
        found.append(_column(lines, line, text, behind if line == before else 0))
        before, behind = line, found[-1] - 1 + len(text.split("\n", 1)[0])
    return found


def _column(lines: list[str], line: int, text: str, after: int = 0) -> int:
    """Where a command begins in its line of the document."""
    if not 0 < line <= len(lines):
        return 1
    here = lines[line - 1]
    found = here.find(text.split("\n", 1)[0], after)
    return found + 1 if found >= 0 else len(here) - len(here.lstrip()) + 1


def _sql_steps(
    group: Group, entry_id: str, lead: str, context: Context, connection: dict[str, object], dialect: str
) -> list[Step]:
    if not group.sql:
        return _checklist(group, entry_id, lead, context)
    verdict = databases.sql_step(group.sql, dialect, connection)
    if dialect == "postgres" and verdict.leaf is not None and not verdict.rewrites:
        verdict = verdict.but(rewrites=('psql -c "…": run as one statement instead of in a session',))
    context.items += 1
    first = group.line + len(group.before)
    command = Command(
        group.sql,
        first,
        _column(context.lines, first, group.sql),
        verdict.risk,
        verdict.reason,
        group.line_end,
        "; ".join(verdict.rewrites),
    )
    title = _title(group, lead) or group.sql.split("\n")[0]
    step = _step(
        entry_id,
        title,
        verdict,
        group.sql,
        (group.line, group.line_end),
        context,
        cautions=_cautions(group),
        commands=(command,),
    )
    context.annotations[step.id] = group.annotations
    context.leads[step.id] = group.notes
    return [step]


def _numbered(group: Group, entry_id: str, context: Context) -> list[Step]:
    """Numbered comments above a command are instructions of their own; the last one is its title."""
    numbered = [n for n in group.before if n.numbered]
    if len(numbered) < 2:  # noqa: PLR2004 one number is only a title's
        return []
    last = group.before.index(numbered[-1])
    listed = group.before[: last + 1]
    group.before = [numbered[-1], *group.before[last + 1 :]]
    title = next((n.said for n in listed if not n.numbered), listed[0].said)
    source = "\n".join(n.text for n in listed)
    step = _step(entry_id, title, _instruction(), source, (listed[0].line, listed[-1].line), context)
    return [step]


def _instruction() -> Verdict:
    return manual("this is an instruction for a person, not a command").but(kind=Kind.CHECKLIST)


def _checklist(group: Group, entry_id: str, lead: str, context: Context) -> list[Step]:
    notes = group.before
    if group.annotations:
        message = "An annotation stands above no command."
        context.problems.append(
            Diagnostic(
                "error",
                "annotation-without-command",
                group.annotations[0].line,
                1,
                message,
                "Move it directly above the command.",
            )
        )
    if not notes:
        return []
    for note in notes:
        for found in _PLACEHOLDER.findall(note.text):
            context.placeholders.setdefault(found, note.line)
    title = _title(group, lead) or notes[0].said
    lines = (notes[0].line, notes[-1].line)
    source = "\n".join(n.text for n in notes)
    return [_step(entry_id, title, _instruction(), source, lines, context, cautions=_cautions(group))]


def _title(group: Group, lead: str) -> str:
    """What the list item says, or the comment above the commands that is no warning."""
    if lead:
        return lead.split("\n", maxsplit=1)[0]
    previous: Note | None = None
    for note in group.before:
        marked = is_caution(note.text) and is_marked(note.text)
        goes_on = previous is not None and note.line == previous.line + 1 and _CONTINUES.match(note.said)
        if not marked and not goes_on and note.said:
            return plain(note.said)
        previous = note
    return ""


def _cautions(group: Group) -> tuple[str, ...]:
    """What warns, above and below; a line that goes on from a warning belongs to it."""
    found: list[str] = []
    for notes in (group.before, group.after):
        previous: Note | None = None
        for note in notes:
            warns = is_caution(note.text)
            goes_on = previous is not None and note.line == previous.line + 1 and not note.numbered
            if warns:
                found.append(clean(note.said))
            elif goes_on and found and _CONTINUES.match(note.said):
                found[-1] = (
                    f"{found[-1]}. {clean(note.said)}"
                    if note.said[0].isupper()
                    else f"{found[-1]} {clean(note.said)}"
                )
            previous = note if warns or goes_on else None
    return tuple(dict.fromkeys(found))


def _step(
    entry_id: str,
    title: str,
    verdict: Verdict,
    source: str,
    lines: tuple[int, int],
    context: Context,
    *,
    cautions: tuple[str, ...] = (),
    commands: tuple[Command, ...] = (),
    params: tuple[str, ...] = (),
) -> Step:
    title = title[:200]
    leaf = verdict.leaf
    parts = _parts(leaf) if leaf is not None else _Parts()
    return Step(
        id=context.names.unique(f"{entry_id}.{slug(title)[:_ID_LENGTH].strip('-') or 'step'}"),
        title=title,
        kind=verdict.kind,
        risk=verdict.risk,
        reason=verdict.reason,
        source=source,
        line_start=lines[0],
        line_end=max(lines),
        argv=tuple(parts.argv),
        program=leaf,
        request=parts.requests[0] if len(parts.requests) == 1 else None,
        sql=";\n".join(parts.sql),
        params=dict.fromkeys(params, ""),
        cautions=cautions,
        rewrites=verdict.rewrites,
        commands=commands,
        never=verdict.never,
        digest=digest_of(leaf, source),
    )


@dataclass(slots=True)
class _Parts:
    argv: list[tuple[str, ...]] = field(default_factory=list)
    requests: list[Mapping[str, object]] = field(default_factory=list)
    sql: list[str] = field(default_factory=list)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    text = ""
    for part in value if isinstance(value, list) else []:
        name = part.get("var")
        default = f":-{part['default']}" if "default" in part else ""
        text += part.get("text", "") or (f"${{{name}{default}}}" if name else f"[{part.get('param', '')}]")
    return text


def _parts(leaf: Mapping[str, object]) -> _Parts:
    """The commands of a program in order, for people and for runners of the simple kinds."""
    parts = _Parts()
    waiting: list[Mapping[str, object]] = [leaf]
    while waiting:
        here = waiting.pop()
        items = here.get("items")
        if isinstance(items, list):
            waiting += reversed(items)
        elif here["op"] == "http":
            parts.requests.append(_request(here))
        elif here["op"] == "sql":
            statements = here["sql"]
            parts.sql += [s.rstrip("; ") for s in statements] if isinstance(statements, list) else []
        else:
            words = here.get("argv") or here.get("command")
            parts.argv += [tuple(_shown(w) for w in words)] if isinstance(words, list) else []
    return parts


def _request(leaf: Mapping[str, object]) -> Mapping[str, object]:
    headers: dict[str, str] = {}
    raw = leaf.get("headers")
    for header in raw if isinstance(raw, list) else []:
        name, _, value = _shown(header).partition(":")
        headers[name.strip()] = value.strip()
    kept = {k: v for k, v in leaf.items() if k in {"websocket", "insecure", "redirects", "query", "data"}}
    return {
        "method": leaf["method"],
        "url": _shown(leaf["url"]),
        "headers": headers,
        "body": _shown(leaf["body"]) if "body" in leaf else None,
        "timeout": leaf.get("timeout", 10.0),
        **kept,
    }


def digest_of(leaf: Mapping[str, object] | None, source: str) -> str:
    """The digest of what a step would do, or of its text when only a person can do it."""
    told = json.dumps(leaf, sort_keys=True, separators=(",", ":")) if leaf is not None else source
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def raised(step: Step, floor: Risk) -> Risk:
    """The higher of a step's risk and a floor."""
    return step.risk if rank(step.risk) >= rank(floor) else floor
