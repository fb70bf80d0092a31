"""The words of one simple command, read strictly: what is not understood is refused, never guessed.

This is the second opinion beside tree-sitter: both must find the same words.
"""

import re
from dataclasses import dataclass
from functools import cached_property

SLOT_FIRST, SLOT_LAST = 0xE000, 0xE0FF  # private-use characters that stand for a person's placeholders
MAX_WORDS = 400

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?-)([A-Za-z0-9_./:@%+,=-]*))?\}")
_DOUBLE_RUN = re.compile(r'[^"`$\\\ue000-\ue0ff]+')
_RUN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")  # characters that mean nothing to a shell, except = and : before ~
_META = frozenset("|&;<>()`\n")
_SPACE = frozenset(" \t")
_ESCAPED_IN_DOUBLE = frozenset('$`"\\\n')
_BRACE_EXPANSION = re.compile(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")


class LexError(ValueError):
    """The text holds something that only a shell could make sense of."""


@dataclass(frozen=True, slots=True)
class Literal:
    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Var:
    """A variable of the target's environment, always exactly one argument."""

    name: str
    default: str | None = None
    quoted: bool = False

    @property
    def shown(self) -> str:
        return f"${{{self.name}}}" if self.default is None else f"${{{self.name}:-{self.default}}}"


@dataclass(frozen=True, slots=True)
class Param:
    """A placeholder that a person fills in."""

    name: str

    @property
    def shown(self) -> str:
        return f"[{self.name}]"


Part = Literal | Var | Param


@dataclass(frozen=True)
class Word:
    """One argument: literal text, variables and placeholders side by side."""

    parts: tuple[Part, ...]
    glob: bool = False  # an unquoted *, ? or [: a shell would look for file names
    tilde: bool = False  # begins with an unquoted ~

    @cached_property
    def literal(self) -> str | None:
        """The text, when nothing in it is variable."""
        if any(not isinstance(p, Literal) for p in self.parts):
            return None
        return "".join(p.text for p in self.parts if isinstance(p, Literal))

    @cached_property
    def leading(self) -> str:
        """The literal text before the first variable or placeholder."""
        text = ""
        for part in self.parts:
            if not isinstance(part, Literal):
                break
            text += part.text
        return text

    @cached_property
    def shown(self) -> str:
        """The argument for a person: `${NAME}` and `[placeholder]` stand for what is filled in."""
        return "".join(p.text if isinstance(p, Literal) else p.shown for p in self.parts)

    @property
    def opaque(self) -> bool:
        """Whether it begins with something that is not known before it runs."""
        return bool(self.parts) and not isinstance(self.parts[0], Literal)

    @property
    def wholly_unknown(self) -> bool:
        return bool(self.parts) and not any(isinstance(p, Literal) and p.text for p in self.parts)

    def json(self) -> str | list[dict[str, str]]:
        """The word in a plan: a string, or its parts when something in it is filled in."""
        if self.literal is not None:
            return self.literal
        return [_part_json(p) for p in self.parts]


def _part_json(part: Part) -> dict[str, str]:
    if isinstance(part, Literal):
        return {"text": part.text}
    if isinstance(part, Param):
        return {"param": part.name}
    return {"var": part.name} if part.default is None else {"var": part.name, "default": part.default}


def word(text: str) -> Word:
    """A literal word, as a rewrite adds it."""
    return Word((Literal(text, quoted=True),))


class _Lexer:
    def __init__(self, text: str, slots: tuple[str, ...]) -> None:
        self.text, self.at, self.slots = text, 0, slots
        self.words: list[Word] = []
        self._clear()

    def _clear(self) -> None:
        self._parts: list[Part] = []
        self._open = self._glob = self._tilde = False
        self._bare = ""  # what stands outside quotes, to find brace expansions

    def _add(self, text: str, *, quoted: bool) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Literal) and last.quoted == quoted:
            self._parts[-1] = Literal(last.text + text, quoted)
        else:
            self._parts.append(Literal(text, quoted))
        self._open = True

    def _end(self) -> None:
        if not self._open:
            return
        if _BRACE_EXPANSION.search(self._bare):
            raise LexError("a brace expansion needs a shell")
        parts = tuple(p for p in self._parts if not isinstance(p, Literal) or p.text)
        self.words.append(Word(parts or (Literal("", quoted=True),), self._glob, self._tilde))
        if len(self.words) > MAX_WORDS:
            raise LexError(f"it has more than {MAX_WORDS} words")
        self._clear()

    def run(self) -> list[Word]:
        while self.at < len(self.text):
            self._step(self.text[self.at])
        self._end()
        return self.words

    def _step(self, char: str) -> None:
        if char in _SPACE:
            self._end()
            self.at += 1
        elif char == "\\":
            self._backslash()
        elif char == "'":
            self._single()
        elif char == '"':
            self._double()
        elif char == "$":
            self._dollar(quoted=False)
        elif char in _META:
            raise LexError(f"an unquoted {char!r} in it needs a shell")
        else:
            self._plain(char)

    def _plain(self, char: str) -> None:
        if char == "#" and not self._open:
            raise LexError("a comment inside a command")
        if SLOT_FIRST <= ord(char) <= SLOT_LAST:
            self._slot(char)
            return
        run = _RUN.match(self.text, self.at)
        if run is not None:
            self._bare += run[0]
            self._add(run[0], quoted=False)
            self.at = run.end()
            return
        if char in "*?[":
            self._glob = True
        if char == "~" and (not self._open or self._bare.endswith(("=", ":"))):
            self._tilde = True
        self._bare += char
        self._add(char, quoted=False)
        self.at += 1

    def _slot(self, char: str) -> None:
        while self.at < len(self.text) and self.text[self.at] == char:
            self.at += 1
        number = ord(char) - SLOT_FIRST
        if number >= len(self.slots):
            raise LexError("it holds a character that cannot be shown")
        self._parts.append(Param(self.slots[number]))
        self._bare += "_"
        self._open = True

    def _backslash(self) -> None:
        following = self.text[self.at + 1 : self.at + 2]
        if following == "\n":
            self.at += 2
            return
        if not following:
            raise LexError("it ends in a backslash")
        self._add(following, quoted=True)
        self._bare += "_"
        self.at += 2

    def _single(self) -> None:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise LexError("a quote is not closed")
        self._add(self.text[self.at + 1 : end], quoted=True)
        self._bare += "_"
        self.at = end + 1

    def _double(self) -> None:
        self.at += 1
        self._add("", quoted=True)
        self._bare += "_"
        while True:
            if self.at >= len(self.text):
                raise LexError("a quote is not closed")
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return
            self._in_double(char)

    def _in_double(self, char: str) -> None:
        if char == "`":
            raise LexError("a command substitution needs a shell")
        if char == "$":
            self._dollar(quoted=True)
        elif SLOT_FIRST <= ord(char) <= SLOT_LAST:
            self._slot(char)
        elif char != "\\":
            end = _DOUBLE_RUN.match(self.text, self.at)
            text = end[0] if end is not None else char
            self._add(text, quoted=True)
            self.at += len(text)
        elif self.text[self.at + 1 : self.at + 2] in _ESCAPED_IN_DOUBLE:
            following = self.text[self.at + 1 : self.at + 2]
            if following != "\n":
                self._add(following, quoted=True)
            self.at += 2 if following else 1
        else:
            self._add(char, quoted=True)
            self.at += 1

    def _dollar(self, *, quoted: bool) -> None:
        rest = self.text[self.at + 1 : self.at + 2]
        if rest in {"(", "'", '"', "["} and not (quoted and rest in {"'", '"', "["}):
            raise LexError("a substitution needs a shell")
        name = _NAME.match(self.text, self.at + 1)
        braced = _BRACED.match(self.text, self.at + 1)
        if name is not None:
            self._parts.append(Var(name[0], None, quoted))
            self.at = name.end()
        elif braced is not None:
            self._parts.append(Var(braced[1], braced[3], quoted))
            self.at = braced.end()
        elif rest and (rest in "{@*#?!$-_" or rest.isdigit()):
            raise LexError("an expansion of this kind needs a shell")
        else:
            self._add("$", quoted=quoted)
            self.at += 1
        self._bare += "_"
        self._open = True


def lex(text: str, slots: tuple[str, ...] = ()) -> list[Word]:
    """The words of a simple command.

    Raises:
        LexError: something in it needs a shell, or is not understood.
    """
    return _Lexer(text, slots).run()


def is_assignment(text: str) -> bool:
    """Whether a word begins like `NAME=`."""
    return bool(_ASSIGNMENT.match(text))
