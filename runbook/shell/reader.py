"""Text into statements: tree-sitter finds the structure, the strict lexer confirms every word of it."""

import re
from dataclasses import dataclass
from functools import cache

import tree_sitter_bash
from tree_sitter import Language, Parser
from tree_sitter import Node as Syntax

from runbook.shell.lexer import LexError, Word, is_assignment, lex
from runbook.shell.nodes import AndOr, Node, Not, Pipe, Redirect, Simple, Unproved

MAX_TEXT = 20_000  # characters of one block; a longer one stays with a person
INVALID = "it is not valid shell"
MAX_STATEMENTS = 400  # of one block
MAX_ANGLES = 200  # "<" in one block: more are no commands, and slow to parse
MAX_DEPTH = 40
MAX_NESTING = 60  # opening brackets at once, checked before parsing

_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f\x80-\xa0\u00ad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_LONG_DELIMITER = re.compile(r"<<-?\s*\S{60}")
_GAP = re.compile(r"(?:[ \t\n]|\\\n)*")
_REDIRECTS = {
    ">": Redirect(stdout="null"),
    "1>": Redirect(stdout="null"),
    ">>": Redirect(stdout="null"),
    "2>": Redirect(stderr="null"),
    "2>>": Redirect(stderr="null"),
    "&>": Redirect(stdout="null", stderr="null"),
    ">&": Redirect(stdout="null", stderr="null"),
}
_REASONS = {
    "for_statement": "a loop",
    "c_style_for_statement": "a loop",
    "while_statement": "a loop",
    "if_statement": "a condition",
    "case_statement": "a condition",
    "function_definition": "a function",
    "subshell": "a subshell",
    "compound_statement": "a group of commands",
    "variable_assignment": "setting a shell variable",
    "variable_assignments": "setting a shell variable",
    "declaration_command": "setting a shell variable",
    "unset_command": "setting a shell variable",
    "test_command": "a test",
    "heredoc_redirect": "a here-document",
    "herestring_redirect": "a here-string",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement and where it stands; lines and columns count from 1 within the text."""

    node: Node
    text: str
    line: int
    line_end: int
    column: int


@dataclass(frozen=True, slots=True)
class Comment:
    text: str
    line: int
    trailing: bool = False  # stands behind a command on the same line


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


class _Refused(Exception):  # noqa: N818 it carries a reason, it is no error
    """A part of a statement that cannot be proved."""


def _needs_shell(what: str) -> str:
    return f"{what} needs a shell"


class _Reader:
    def __init__(self, text: str, slots: tuple[str, ...]) -> None:
        self.text = text
        # tree-sitter-bash looks characters up in a table of 256 and can crash beyond it, so it only sees ASCII: to a
        # shell, every other character is just part of a word. One character stays one byte, so places stay the same.
        self.source = _BEYOND_ASCII.sub(".", text).encode("ascii")
        self.slots = slots

    def text_of(self, node: Syntax) -> str:
        return self.text[node.start_byte : node.end_byte]

    def _between(self, start: int, end: int) -> str:
        return self.text[start:end]

    def check_gaps(self, node: Syntax) -> None:
        """Nothing but blanks stands between the parts of a node: no text is skipped unseen."""
        at = node.start_byte
        for child in [*node.children, None]:
            until = child.start_byte if child is not None else node.end_byte
            if not _GAP.fullmatch(self._between(at, until)):
                raise _Refused("part of it is not understood")
            at = child.end_byte if child is not None else at

    def statement(self, syntax: Syntax) -> Node:
        text = self.text_of(syntax)
        if syntax.has_error:
            return Unproved(INVALID, text)
        try:
            return self.convert(syntax, 0)
        except (_Refused, LexError) as refusal:
            return Unproved(str(refusal), text)

    def convert(self, syntax: Syntax, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _Refused("it is nested too deeply")
        match syntax.type:
            case "command":
                return self._command(syntax)
            case "pipeline":
                return self._pipeline(syntax, depth)
            case "list":
                return self._list(syntax, depth)
            case "negated_command":
                return self._negated(syntax, depth)
            case "redirected_statement":
                return self._redirected(syntax, depth)
            case kind:
                raise _Refused(_needs_shell(_REASONS.get(kind, "a construct of this kind")))

    def _command(self, syntax: Syntax) -> Simple:
        redirect, body = Redirect(), syntax.children
        while body and body[0].type == "file_redirect":
            redirect = redirect.then(self._redirect(body[0]))
            body = body[1:]
        if any("redirect" in child.type for child in body) or not body:
            raise _Refused(_needs_shell("a redirection in this place"))
        text = self._between(body[0].start_byte, syntax.end_byte)
        words = lex(text, self.slots)
        if len(words) != self._count(body):
            raise _Refused("two readings of it disagree")
        return self._simple(words, redirect, text)

    @staticmethod
    def _count(body: list[Syntax]) -> int:
        """Words as tree-sitter sees them; parts that touch are one word (it splits `$"x"`, for one)."""
        return sum(1 for i, n in enumerate(body) if i == 0 or n.start_byte != body[i - 1].end_byte)

    @staticmethod
    def _simple(words: list[Word], redirect: Redirect, text: str) -> Simple:
        env: list[tuple[str, Word]] = []
        rest = words
        while rest and is_assignment(rest[0].leading) and not _quoted_name(rest[0]):
            name, _, _ = rest[0].leading.partition("=")
            env.append((name, rest[0]))
            rest = rest[1:]
        if not rest:
            raise _Refused(_needs_shell("setting a shell variable"))
        return Simple(tuple(rest), tuple(env), redirect, text)

    def _redirect(self, syntax: Syntax) -> Redirect:
        text = re.sub(r"\s+", "", self.text_of(syntax))
        if text == "2>&1":
            return Redirect(stderr="stdout")
        if text in {">&2", "1>&2"}:
            return Redirect(stdout="stderr")
        operator, null, rest = text.partition("/dev/null")
        if null and not rest and operator in _REDIRECTS:
            return _REDIRECTS[operator]
        raise _Refused(_needs_shell("a redirection to or from a file"))

    def _redirected(self, syntax: Syntax, depth: int) -> Node:
        self.check_gaps(syntax)
        body, *redirects = syntax.children
        if any(child.type != "file_redirect" for child in redirects):
            raise _Refused(_needs_shell(_REASONS.get(redirects[0].type, "a redirection of this kind")))
        redirect = Redirect()
        for child in redirects:
            redirect = redirect.then(self._redirect(child))
        return _redirect_last(self.convert(body, depth + 1), redirect)

    def _pipeline(self, syntax: Syntax, depth: int) -> Node:
        self.check_gaps(syntax)
        items: list[Node] = []
        for index, child in enumerate(syntax.children):
            if index % 2 and child.type != "|":
                raise _Refused(_needs_shell(f"“{child.type}”"))
            if index % 2 == 0:
                item = self.convert(child, depth + 1)
                items += item.items if isinstance(item, Pipe) else [item]
        negated = isinstance(items[0], Not)
        if isinstance(items[0], Not):
            items[0] = items[0].item
        if not all(isinstance(item, Simple) for item in items):
            raise _Refused(_needs_shell("a pipeline of this shape"))
        pipe = Pipe(tuple(items))
        return Not(pipe) if negated else pipe

    def _list(self, syntax: Syntax, depth: int) -> Node:
        self.check_gaps(syntax)
        if len(syntax.children) != 3:  # noqa: PLR2004 a comment or a line break may stand between its parts
            raise _Refused("a list of this shape is not understood")
        left, operator, right = syntax.children
        if operator.type not in {"&&", "||"}:
            raise _Refused(_needs_shell(f"“{operator.type}”"))
        op = "and" if operator.type == "&&" else "or"
        return AndOr(op, self.convert(left, depth + 1), self.convert(right, depth + 1))

    def _negated(self, syntax: Syntax, depth: int) -> Node:
        self.check_gaps(syntax)
        if len(syntax.children) != 2:  # noqa: PLR2004 the mark and what it negates
            raise _Refused("a negation of this shape is not understood")
        return Not(self.convert(syntax.children[1], depth + 1))


def _quoted_name(word: Word) -> bool:
    first = word.parts[0]
    return getattr(first, "quoted", False)


def _redirect_last(node: Node, redirect: Redirect) -> Node:
    """A redirection belongs to the last command; tree-sitter hangs it on the whole list."""
    match node:
        case Simple(words, env, own, text):
            return Simple(words, env, own.then(redirect), text)
        case AndOr(op, left, right):
            return AndOr(op, left, _redirect_last(right, redirect))
        case Pipe(items):
            return Pipe((*items[:-1], _redirect_last(items[-1], redirect)))
        case Not(item):
            return Not(_redirect_last(item, redirect))
        case _:
            return node


def _nesting(text: str) -> int:
    depth = most = 0
    for char in text:
        if char in "({[":
            depth += 1
            most = max(most, depth)
        elif char in ")}]":
            depth = max(depth - 1, 0)
    return most


def _whole(text: str, reason: str) -> list[Statement | Comment]:
    lines = text.rstrip("\n").count("\n") + 1
    return [Statement(Unproved(reason, text), text, 1, lines, 1)]


def parse(text: str, slots: tuple[str, ...] = ()) -> list[Statement | Comment]:
    """The statements and comments of a block in order. Never raises; what is not proved says why."""
    if len(text) > MAX_TEXT:
        return _whole(text, f"it is longer than {MAX_TEXT:,} characters")
    if _INVISIBLE.search(text):
        return _whole(text, "it holds invisible characters")
    if (
        _LONG_DELIMITER.search(text)
        or text.count("<") > MAX_ANGLES
        or text.count("\n") + text.count(";") + text.count("|") > 3 * MAX_STATEMENTS
    ):
        return _whole(text, "it is too long to be proved")
    if _nesting(text) > MAX_NESTING:
        return _whole(text, "it is nested too deeply")
    reader = _Reader(text, slots)
    root = _parser().parse(reader.source).root_node
    return _top(reader, root)


def _top(reader: _Reader, root: Syntax) -> list[Statement | Comment]:
    found: list[Statement | Comment] = []
    for index, child in enumerate(root.children):
        if child.type == "comment":
            row = child.start_point.row
            before = root.children[index - 1] if index else None
            trailing = before is not None and before.end_point.row == row
            found.append(Comment(reader.text_of(child), row + 1, trailing))
        elif child.is_named or child.type == "ERROR":
            found.append(_place(reader, child))
        elif child.type not in {";", "\n"}:
            _spoil(found, f"“{child.type}” after it needs a shell")
    try:
        reader.check_gaps(root)
    except _Refused as refusal:
        return _whole(reader.text, str(refusal))
    return found


def _spoil(found: list[Statement | Comment], reason: str) -> None:
    for index in range(len(found) - 1, -1, -1):
        last = found[index]
        if isinstance(last, Statement):
            found[index] = Statement(
                Unproved(reason, last.text), last.text, last.line, last.line_end, last.column
            )
            return


def _place(reader: _Reader, syntax: Syntax) -> Statement:
    start, end = syntax.start_point, syntax.end_point
    column = syntax.start_byte - reader.text.rfind("\n", 0, syntax.start_byte)
    text = reader.text_of(syntax)
    last = end.row + 1 if end.column or end.row == start.row else end.row
    return Statement(reader.statement(syntax), text, start.row + 1, last, column)
