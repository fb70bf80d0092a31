"""Fenced blocks taken apart: groups of commands with the comments above and below them."""

import re
from dataclasses import dataclass, field

from runbook.cautions import is_caution, is_marked
from runbook.document import Fence
from runbook.shell import INVALID, Comment, Statement, Unproved, fill_slots, parse
from runbook.shell.slots import restore

SHELLS = frozenset(
    {
        "",
        "bash",
        "sh",
        "shell",
        "zsh",
        "console",
        "shell-session",
        "shellsession",
        "terminal",
        "sh-session",
        "bash-session",
    }
)
SQLS = {
    "sql": "postgres",
    "psql": "postgres",
    "postgresql": "postgres",
    "postgres": "postgres",
    "pgsql": "postgres",
    "mysql": "mysql",
}
DATA = frozenset(
    "yaml yml json jsonc toml ini xml html css md markdown text txt plaintext log output diff csv mermaid promql logql env conf nginx properties hcl tf".split()  # noqa: SIM905, E501
)
_SQL_START = re.compile(
    r"^(?:SELECT|WITH|SHOW|EXPLAIN|INSERT|UPDATE|DELETE|ALTER|CREATE|DROP|TRUNCATE|VACUUM|ANALYZE|GRANT|REVOKE|BEGIN|COMMIT|ROLLBACK|REINDEX|SET)\s"
)
_NUMBERED = re.compile(r"^\s*(?:step\s+)?(\d{1,3})[.)]\s+", re.IGNORECASE)
_PROMPT = re.compile(r"^\s*(?:\([\w.-]+\)\s*)?(?:[\w.-]+@[\w.-]+[:~/\w.-]*)?\$\s+")


@dataclass(slots=True)
class Note:
    """A comment and its line in the document."""

    text: str
    line: int

    @property
    def numbered(self) -> bool:
        return bool(_NUMBERED.match(self.text))

    @property
    def said(self) -> str:
        """The comment without its number."""
        return _NUMBERED.sub("", self.text).strip()


@dataclass(slots=True)
class Group:
    """What becomes one step: commands, the notes about them and the annotations above them."""

    line: int
    line_end: int
    statements: list[Statement] = field(default_factory=list)
    before: list[Note] = field(default_factory=list)
    after: list[Note] = field(default_factory=list)
    annotations: list[Note] = field(default_factory=list)
    sql: str = ""
    texts: list[str] = field(default_factory=list)  # the statements as written
    offset: int = 0  # of the statements' lines within the document

    @property
    def notes(self) -> list[Note]:
        return [*self.before, *self.after]


Item = Statement | Comment


def _chunks(lines: list[str]) -> list[tuple[int, int]]:
    """Ranges of lines between blank ones."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    for index, line in enumerate([*lines, ""]):
        if line.strip() and start is None:
            start = index
        elif not line.strip() and start is not None:
            found.append((start, index))
            start = None
    return found


def _merged(chunks: list[tuple[int, int]], items: list[Item]) -> list[tuple[int, int]]:
    """The ranges, joined where one statement spans a blank line."""
    spans = [(s.line - 1, s.line_end) for s in items if isinstance(s, Statement) and s.line_end > s.line]
    joined: list[tuple[int, int]] = []
    at = 0
    for start, end in chunks:
        while at < len(spans) and joined and spans[at][1] <= joined[-1][1]:
            at += 1
        if joined and at < len(spans) and spans[at][0] < joined[-1][1] <= start < spans[at][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _is_sql(lines: list[str]) -> bool:
    real = [line.strip() for line in lines if line.strip()]
    first = next((line for line in real if not line.startswith("--")), "")
    return bool(_SQL_START.match(first)) or (not first and bool(real))


def without_prompts(lines: list[str]) -> list[str]:
    """A terminal session as its commands alone: what has no prompt is output. Line numbers stay."""
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    if not _PROMPT.match(first):
        return lines
    kept, going_on = [], False
    for line in lines:
        command = bool(_PROMPT.match(line))
        comment = line.lstrip().startswith("#")
        kept.append(_PROMPT.sub("", line) if command else line if going_on or comment else "")
        going_on = (command or going_on) and line.rstrip().endswith("\\")
    return kept


def _queries(lines: list[str], found: list[Item]) -> set[tuple[int, int]]:
    """The ranges that are SQL and not part of a longer shell statement, such as a here-document."""
    spans = [(s.line - 1, s.line_end) for s in found if isinstance(s, Statement) and not _invalid(s)]
    chunks = [(a, b) for a, b in _chunks(lines) if _is_sql(lines[a:b])]
    return {(a, b) for a, b in chunks if not any(start < a < end for start, end in spans)}


def _invalid(statement: Statement) -> bool:
    return isinstance(statement.node, Unproved) and statement.node.reason == INVALID


def groups_of(fence: Fence) -> tuple[list[Group], tuple[str, ...]]:
    """The groups of a shell block, and the names of its placeholders."""
    lines = without_prompts(fence.lines)
    slots = fill_slots("\n".join(lines))
    filled = slots.text.split("\n")
    found = parse(slots.text, slots.names)
    queries = _queries(lines, found)
    if queries:
        for start, end in queries:
            filled[start:end] = [""] * (end - start)
        found = parse("\n".join(filled), slots.names)
    groups: list[Group] = []
    chunks = _merged(_chunks(lines), found)
    at = 0
    for start, end in chunks:
        if (start, end) in queries:
            groups.append(_sql_group(lines[start:end], fence.line + start))
            continue
        while at < len(found) and found[at].line <= start:
            at += 1
        inside = []
        while at < len(found) and found[at].line <= end:
            inside.append(found[at])
            at += 1
        if _torn(found, inside, start, end):
            inside = _again("\n".join(filled[start:end]), slots.names, start)
        groups += _split(inside, fence.line + start, fence.line + end - 1, fence.line - 1)
    names = slots.names
    for group in groups:
        group.texts = [_as_written(s, lines, group.offset - fence.line + 1) for s in group.statements]
    return _attached([_named(g, names) for g in groups]), names


def _as_written(statement: Statement, lines: list[str], shift: int) -> str:
    """A statement with its placeholders as the author wrote them; replacing them kept every character in place."""
    first = statement.line - 1 + shift
    text = "\n".join(lines[first : statement.line_end + shift])
    return text[statement.column - 1 : statement.column - 1 + len(statement.text)] or statement.text


def _torn(found: list[Item], inside: list[Item], start: int, end: int) -> bool:
    """Whether a statement reaches over the borders of this range, as SQL in a shell block makes them do."""
    reaches = any(isinstance(s, Statement) and s.line <= start < s.line_end for s in found)
    beyond = any(isinstance(s, Statement) and s.line_end > end for s in inside)
    return reaches or beyond or not inside


def _again(text: str, names: tuple[str, ...], offset: int) -> list[Item]:
    moved: list[Item] = []
    for item in parse(text, names):
        if isinstance(item, Comment):
            moved.append(Comment(item.text, item.line + offset, item.trailing))
        else:
            moved.append(
                Statement(item.node, item.text, item.line + offset, item.line_end + offset, item.column)
            )
    return moved


def _named(group: Group, names: tuple[str, ...]) -> Group:
    for note in group.notes:
        note.text = restore(note.text, names)
    for note in group.annotations:
        note.text = restore(note.text, names)
    return group


def _sql_group(lines: list[str], line: int) -> Group:
    group = Group(line, line + len(lines) - 1, offset=line - 1)
    for index, text in enumerate(lines):
        if text.strip().startswith("--"):
            body = text.strip().lstrip("-").strip()
            (group.annotations if body.startswith("#:") else group.before).append(Note(body, line + index))
    group.sql = "\n".join(t for t in lines if not t.strip().startswith("--")).strip()
    return group


def sql_groups(fence: Fence) -> list[Group]:
    """The groups of a block of SQL."""
    chunks = _chunks(fence.lines)
    return _attached([_sql_group(fence.lines[a:b], fence.line + a) for a, b in chunks])


def _split(items: list[Item], line: int, line_end: int, offset: int) -> list[Group]:
    """One range into groups: a comment that is no caution, behind a command, begins the next one."""
    groups = [Group(line, line_end, offset=offset)]
    for item in items:
        here = groups[-1]
        if isinstance(item, Statement):
            here.statements.append(item)
            continue
        text = item.text.lstrip("#").strip() if not item.text.startswith("#:") else item.text
        note = Note(text, item.line + offset)
        if item.text.startswith("#!"):
            continue
        starts_new = here.statements and not item.trailing and not (is_caution(text) and is_marked(text))
        if starts_new and (item.text.startswith("#:") or not _ends_with_notes(items, item)):
            here.line_end = note.line - 1
            groups.append(Group(note.line, line_end, offset=offset))
            here = groups[-1]
        _place(here, item, note)
    return groups


def _place(group: Group, item: Comment, note: Note) -> None:
    if item.text.startswith("#:"):
        group.annotations.append(note)
    elif group.statements:
        group.after.append(note)
    else:
        group.before.append(note)


def _ends_with_notes(items: list[Item], item: Comment) -> bool:
    """Whether nothing but comments follows, so that they belong to what stands above."""
    behind = items[items.index(item) :]
    return all(isinstance(i, Comment) for i in behind) and is_caution(" ".join(i.text for i in behind))


def _attached(groups: list[Group]) -> list[Group]:
    """Cautions that stand by themselves go to the step below them, or else to the one above."""
    result: list[Group] = []
    waiting: list[Note] = []
    for group in groups:
        alone = not group.statements and not group.sql and not group.annotations
        only_cautions = bool(group.before) and all(
            is_caution(n.text) and is_marked(n.text) for n in group.before[:1]
        )
        if alone and not group.before:
            continue
        if alone and only_cautions:
            waiting += group.before
            continue
        group.before = [*waiting, *group.before]
        waiting = []
        result.append(group)
    if waiting and result:
        result[-1].after += waiting
    elif waiting:
        result.append(Group(waiting[0].line, waiting[-1].line, before=waiting))
    return result
