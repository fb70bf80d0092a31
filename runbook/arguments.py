"""Arguments taken apart by a program's own flags: options, operands, and what is not known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from runbook.shell import Var, Word
from runbook.tables_of_programs import Flag

_VALUE = re.compile(r"-(?:\d|$|%[a-z]{2})")  # "-5", "-1 day", "-" and "-%mem" are values

UNSEEN = Word((Var("xargs"),))  # what xargs adds


@dataclass(slots=True)
class Option:
    name: str
    value: Word | str | None = None
    first: int = 0  # index of its first word
    size: int = 1  # how many words it takes


@dataclass(slots=True)
class Arguments:
    """What was found; `problem` says why it is no proved reading."""

    options: list[Option] = field(default_factory=list)
    operands: list[Word] = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # word index of each operand
    problem: str = ""
    limit: int = 1_000_000  # index of the first word that was not understood

    def has(self, *names: str) -> bool:
        return any(o.name in names for o in self.options)

    def value(self, *names: str) -> Word | str | None:
        return next((o.value for o in reversed(self.options) if o.name in names), None)

    def text(self, *names: str) -> str | None:
        """The value of an option, when it is literal."""
        value = self.value(*names)
        return value if isinstance(value, str) or value is None else value.literal


def _allowed(flag: Flag, value: str | None) -> bool:
    return not flag.values or (value is not None and any(fnmatchcase(value, p) for p in flag.values))


def _takes(flag: Flag, following: Word) -> bool:
    """Whether the next word can only be this flag's value: should the table be wrong, a dash might begin a flag."""
    if not _allowed(flag, following.literal) or following == UNSEEN:
        return False
    return not following.leading.startswith("-") or bool(_VALUE.match(following.leading))


class _Parser:
    def __init__(self, words: list[Word], flags: Mapping[str, Flag], stop: int) -> None:
        self.words, self.flags, self.stop = words, flags, stop
        self.found = Arguments()
        self.at = 0

    def run(self) -> Arguments:
        ended = False
        while self.at < len(self.words):
            if self.stop and len(self.found.operands) >= self.stop:
                break
            word = self.words[self.at]
            lead = word.leading
            if ended or not lead.startswith("-") or lead == "-":
                self.found.operands.append(word)
                self.found.places.append(self.at)
                self.at += 1
            elif word.literal == "--":
                ended = True
                self.at += 1
            else:
                self._option(word)
        return self.found

    def _refuse(self, text: str) -> None:
        self.found.problem = self.found.problem or f"the flag {text} is not known to keep it a read"
        self.found.limit = min(self.found.limit, self.at)
        self.at += 1

    def _option(self, word: Word) -> None:
        lead = word.leading
        name, equals, _ = lead.partition("=")
        flag = self.flags.get(name)
        if flag is not None and (equals or word.literal is not None):
            self._named(word, flag, has_value=bool(equals))
        elif lead.startswith("--") or word.literal is None:
            self._attached_or_refuse(word)
        else:
            self._cluster(word, lead)

    def _named(self, word: Word, flag: Flag, *, has_value: bool) -> None:
        if has_value:
            value = None if word.literal is None else word.literal.partition("=")[2]
            if not flag.takes or not _allowed(flag, value):
                self._refuse(word.shown)
                return
            self._add(Option(flag.name, value if value is not None else word, self.at, 1))
        elif flag.takes == "value":
            following = self.words[self.at + 1] if self.at + 1 < len(self.words) else None
            if following is None or not _takes(flag, following):
                self._refuse(word.shown)
                return
            self._add(Option(flag.name, following, self.at, 2))
        else:
            self._add(Option(flag.name, None, self.at, 1))

    def _add(self, option: Option) -> None:
        self.found.options.append(option)
        self.at += option.size

    def _attached_or_refuse(self, word: Word) -> None:
        """`-p$PORT`: a short option with its value attached, the value variable."""
        flag = self.flags.get(word.leading[:2])
        short = len(word.leading) > 1 and not word.leading.startswith("--")
        if short and flag is not None and flag.takes and not flag.values and word.literal is None:
            self._add(Option(flag.name, word, self.at, 1))
        else:
            self._refuse(word.shown)

    def _cluster(self, word: Word, text: str) -> None:
        """`-lah`, `-n5`, `-50`: letters one by one; the last may have a value."""
        if text[1:].isdigit() and "-#" in self.flags:
            self._add(Option("-#", text[1:], self.at, 1))
            return
        options: list[Option] = []
        for index in range(1, len(text)):
            flag = self.flags.get("-" + text[index])
            if flag is None:
                self._refuse(word.shown)
                return
            rest = text[index + 1 :]
            if flag.takes and rest:
                if not _allowed(flag, rest):
                    self._refuse(word.shown)
                    return
                options.append(Option(flag.name, rest, self.at, 1))
                break
            if flag.takes == "value":
                following = self.words[self.at + 1] if self.at + 1 < len(self.words) else None
                if following is None or not _takes(flag, following):
                    self._refuse(word.shown)
                    return
                options.append(Option(flag.name, following, self.at, 2))
                break
            options.append(Option(flag.name, None, self.at, 1))
        self.found.options += options
        self.at += max((o.size for o in options), default=1)


def parse_arguments(words: list[Word], flags: Mapping[str, Flag], *, stop: int = 0) -> Arguments:
    """Take arguments apart; with `stop`, no further than that many operands (for wrappers and subcommands)."""
    return _Parser(words, flags, stop).run()
