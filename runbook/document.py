"""Markdown into sections with a line map: headings, tables, fences, lists and paragraphs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MAX_NESTING = 20
_LANGUAGE = re.compile(r"\{?\s*\.?([\w+#-]*)")  # "bash", "bash title=x", "{.bash}", "sh,ignore"


@dataclass(slots=True)
class Fence:
    """A fenced or indented block of code."""

    language: str
    lines: list[str]
    line: int  # of the first line of content
    item: "Item | None" = None  # the ordered-list item that holds it
    closed: bool = (
        True  # an open one reaches to the end of what holds it, the whole rest of the document perhaps
    )


@dataclass(slots=True)
class Item:
    """A list item: its own first text."""

    text: str
    line: int
    line_end: int
    ordered: bool
    depth: int
    fences: list[Fence] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A table as written; cells are raw inline Markdown."""

    header: list[str]
    rows: list[list[str]]
    line: int
    row_lines: list[int]


@dataclass(slots=True)
class Paragraph:
    text: str
    line: int
    quoted: bool = False


@dataclass(slots=True)
class Section:
    """A heading and what stands under it, up to the next heading."""

    title: str
    level: int
    line: int
    line_end: int = 0
    path: tuple[str, ...] = ()
    fences: list[Fence] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    paragraphs: list[Paragraph] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.fences or self.items or self.tables or self.paragraphs)


def parser() -> MarkdownIt:
    """CommonMark with tables, blocks only: inline markup is of no use here and costs most of the time."""
    md = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable("table")
    md.core.ruler.enableOnly(["normalize", "block"])
    # Link definitions are kept as text: they are quadratic on hostile input and nothing here follows them.
    md.block.ruler.disable("reference")
    return md


class _Reader:
    """Walks the token stream once."""

    def __init__(self, lines_total: int) -> None:
        self.sections = [Section("", 0, 1)]
        self._total = lines_total
        self._stack: list[Section] = []
        self._items: list[Item] = []
        self._homeless = 0  # open items, from the outermost on, that belong to a section before this one
        self._lists: list[bool] = []
        self._quotes = 0
        self._table: Table | None = None
        self._row: list[str] | None = None
        self._in_heading: Token | None = None

    @property
    def here(self) -> Section:
        return self.sections[-1]

    def read(self, tokens: list[Token]) -> list[Section]:
        for token in tokens:
            handler = getattr(self, f"_{token.type}", None)
            if handler is not None:
                handler(token)
        self.here.line_end = self._total
        return self.sections

    def _heading_open(self, token: Token) -> None:
        self._in_heading = token

    def _heading_close(self, _token: Token) -> None:
        self._in_heading = None

    def _start_section(self, token: Token, title: str) -> None:
        level, line = int(token.tag[1]), _line(token)
        self.here.line_end = max(line - 1, self.here.line)
        for item in self._items:  # a heading within a list item ends it, as far as its section goes
            item.line_end = min(item.line_end, max(line - 1, item.line))
        self._homeless = len(self._items)
        while self._stack and self._stack[-1].level >= level:
            self._stack.pop()
        path = tuple(s.title for s in self._stack)
        section = Section(title, level, line, path=path)
        self._stack.append(section)
        self.sections.append(section)

    def _inline(self, token: Token) -> None:
        if self._in_heading is not None:
            self._start_section(self._in_heading, token.content)
        elif self._row is not None:
            self._row.append(token.content)
        elif len(self._items) > self._homeless:
            item = self._items[-1]
            if not item.text:
                item.text, item.line = token.content, _line(token)
            else:
                self.here.paragraphs.append(Paragraph(token.content, _line(token), self._quotes > 0))
        else:
            self.here.paragraphs.append(Paragraph(token.content, _line(token), self._quotes > 0))

    def _fence(self, token: Token) -> None:
        language = _LANGUAGE.match(token.info.strip())
        first, behind = token.map or (0, 0)
        lines = token.content.count("\n") + (token.content[-1:] not in {"", "\n"})
        closed = behind - first == lines + 2  # its two fences beside its lines
        self._code(token, language[1].lower() if language else "", _line(token) + 1, closed=closed)

    def _code_block(self, token: Token) -> None:
        self._code(token, "", _line(token))

    def _code(self, token: Token, language: str, line: int, *, closed: bool = True) -> None:
        lines = token.content.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        item = next((i for i in reversed(self._items[self._homeless :]) if i.ordered), None)
        fence = Fence(language, lines, line, item, closed)
        if item is not None:
            item.fences.append(fence)
        self.here.fences.append(fence)

    def _blockquote_open(self, _token: Token) -> None:
        self._quotes += 1

    def _blockquote_close(self, _token: Token) -> None:
        self._quotes -= 1

    def _ordered_list_open(self, _token: Token) -> None:
        self._lists.append(True)

    def _bullet_list_open(self, _token: Token) -> None:
        self._lists.append(False)

    def _ordered_list_close(self, _token: Token) -> None:
        self._lists.pop()

    _bullet_list_close = _ordered_list_close

    def _list_item_open(self, token: Token) -> None:
        start, end = token.map or (0, 0)
        item = Item("", start + 1, end, self._lists[-1], len(self._lists))
        self._items.append(item)
        self.here.items.append(item)

    def _list_item_close(self, _token: Token) -> None:
        self._items.pop()
        self._homeless = min(self._homeless, len(self._items))

    def _table_open(self, token: Token) -> None:
        self._table = Table([], [], _line(token), [])

    def _table_close(self, _token: Token) -> None:
        if self._table is not None:
            self.here.tables.append(self._table)
        self._table = None

    def _tr_open(self, token: Token) -> None:
        self._row = []
        if self._table is not None and self._table.header:
            self._table.row_lines.append(_line(token))

    def _tr_close(self, _token: Token) -> None:
        if self._table is not None and self._row is not None:
            if self._table.header:
                self._table.rows.append(self._row)
            else:
                self._table.header = self._row
        self._row = None


def _line(token: Token) -> int:
    return (token.map[0] if token.map else 0) + 1


def read(text: str) -> list[Section]:
    """All sections of a Markdown text in order; the first (level 0) is what stands before any heading."""
    return _Reader(text.count("\n") + 1).read(parser().parse(text))


def every_fence(sections: list[Section]) -> Iterator[Fence]:
    for section in sections:
        yield from section.fences
