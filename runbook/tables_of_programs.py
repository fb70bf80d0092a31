"""The program tables as values. Whatever they do not name is not known, and so not read."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from runbook.model import Risk

_PATTERN = re.compile(r"[*?\[]")
FAMILIES = (
    "aws",
    "cluster",
    "containers",
    "databases",
    "files",
    "filters",
    "gcloud",
    "git",
    "host",
    "messaging",
    "monitoring",
    "network",
    "processes",
    "services",
    "shell",
    "wrappers",
)


@dataclass(frozen=True, slots=True)
class Flag:
    """One option: `-x` alone, `-x=` with a value, `--x?` with a value only behind "="."""

    name: str
    takes: str = ""  # "" | "value" | "optional"
    values: tuple[str, ...] = ()  # patterns that the value must match; empty: any


@dataclass(frozen=True, slots=True)
class Bound:
    """How an endless or interactive command is made to end."""

    drop: tuple[str, ...] = ()  # flags that are left out
    unless: tuple[str, ...] = ()  # when none of these flags is there …
    add: tuple[str, ...] = ()  # … these arguments are added
    at_end: tuple[str, ...] = ()  # arguments added behind the operands, when there are `operands` of them
    operands: int = -1
    say: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of a program, or of one of its subcommands."""

    name: str
    path: tuple[str, ...]
    risk: Risk
    reason: str
    flags: Mapping[str, Flag]
    opaque: int = 999  # from this operand on, a variable may stand alone: no flag in it could make things worse
    fewest: int = 0
    most: int = 999
    counts: tuple[int, ...] = ()
    files: bool = False  # operands are files to read: those that hold secrets are refused
    texts: int = 0  # of `files`, the first so many operands are no files but what is looked for; none with -e
    speaks: bool = False  # it sends what is piped into it to somewhere else
    refuse: tuple[str, ...] = ()  # operands (patterns) that keep it from being read
    refuse_reason: str = ""
    allow: tuple[str, ...] = ()  # when given, every operand must match one of these
    first: tuple[str, ...] = ()  # when given, the first operand must match one of these
    never: tuple[str, ...] = ()  # operands or flags (patterns) with which nobody may ever unlock it
    never_reason: str = ""
    raises: Mapping[str, Risk] = field(default_factory=dict)  # flag or operand pattern -> risk
    needs: tuple[str, ...] = ()  # one of these flags must be there for a read
    bounds: tuple[Bound, ...] = ()
    plus: bool = False  # operands may begin with "+" (find, sort, date)
    script: str = ""  # "awk" | "sed" | "jq" | "find": the operand that is a program by itself
    wrapper: Mapping[str, Any] | None = None  # it runs another command
    filters: bool = False  # it only passes text on
    fixed: bool = False  # a variable in an operand would show a part of the environment
    shell_free: bool = False  # operands may hold * and ? because the program itself reads them


@dataclass(frozen=True, slots=True)
class Program:
    """A program by its names."""

    names: tuple[str, ...]
    about: str
    rule: Rule | None
    commands: tuple[Rule, ...]
    flags: Mapping[str, Flag]  # allowed before the subcommand
    handler: str = ""
    wrapper: Mapping[str, Any] | None = None
    by_first: Mapping[str, tuple[Rule, ...]] = field(
        default_factory=dict
    )  # commands by first word; "*": patterns
    longest: int = 0  # words of the longest subcommand

    def find(self, words: list[str | None]) -> Rule | None:
        """The rule of the longest subcommand that these operands begin with."""
        first = words[0] if words else None
        if first is None:
            return None
        likely = [*self.by_first.get(first, ()), *self.by_first.get("*", ())]
        fitting = [rule for rule in likely if _fits(rule.path, words)]
        return max(fitting, key=lambda rule: _specific(rule.path), default=None)


def _fits(path: tuple[str, ...], words: list[str | None]) -> bool:
    pairs = zip(path, words, strict=False)
    return len(words) >= len(path) and all(w is not None and fnmatchcase(w, p) for p, w in pairs)


def _specific(path: tuple[str, ...]) -> tuple[int, int]:
    return sum("*" not in p for p in path), len(path)


def flags_of(text: str) -> dict[str, Flag]:
    """Flags as the tables write them."""
    found: dict[str, Flag] = {}
    for token in text.split():
        name, equals, values = token.partition("=")
        if equals:
            found[name] = Flag(name, "value", tuple(values.split("|")) if values else ())
        elif token.endswith("?"):
            found[token[:-1]] = Flag(token[:-1], "optional")
        else:
            found[token] = Flag(token)
    return found


def _words(value: str | list[str]) -> tuple[str, ...]:
    return tuple(value.split()) if isinstance(value, str) else tuple(value)


def _bound(raw: Mapping[str, Any]) -> Bound:
    return Bound(
        drop=_words(raw.get("drop", "")),
        unless=_words(raw.get("unless", "")),
        add=_words(raw.get("add", "")),
        at_end=_words(raw.get("at_end", "")),
        operands=int(raw.get("operands", -1)),
        say=raw.get("say", ""),
    )


_RULE_KEYS = frozenset(
    {f.name for f in fields(Rule)} - {"name", "path", "fewest", "most"} | {"path", "paths", "operands"}
)
_PROGRAM_KEYS = frozenset({"names", "about", "flags", "command", "handler", "wrapper", "risk"})


def _opaque(raw: bool | int) -> int:
    if isinstance(raw, bool):
        return 0 if raw else 999
    return raw


def _rule(raw: Mapping[str, Any], name: str, path: str, flags: Mapping[str, Flag], family: str) -> Rule:
    unknown = set(raw) - _RULE_KEYS - _PROGRAM_KEYS
    if unknown:
        raise ValueError(f"{name} {path}: unknown keys {sorted(unknown)}")
    fewest, most = raw.get("operands", [0, 999])
    return Rule(
        name=name,
        path=tuple(path.split()),
        risk=Risk(raw["risk"]),
        reason=raw.get("reason", ""),
        flags={**flags, **flags_of(raw.get("flags", ""))},
        opaque=_opaque(raw.get("opaque", False)),
        fewest=fewest,
        most=most,
        counts=tuple(raw.get("counts", ())),
        files=raw.get("files", False),
        texts=raw.get("texts", 0),
        speaks=raw.get("speaks", False),
        refuse=_words(raw.get("refuse", "")),
        refuse_reason=raw.get("refuse_reason", ""),
        allow=_words(raw.get("allow", "")),
        first=_words(raw.get("first", "")),
        never=_words(raw.get("never", "")),
        never_reason=raw.get("never_reason", ""),
        raises={k: Risk(v) for k, v in raw.get("raises", {}).items()},
        needs=_words(raw.get("needs", "")),
        bounds=tuple(_bound(b) for b in raw.get("bounds", ())),
        plus=raw.get("plus", False),
        script=raw.get("script", ""),
        shell_free=raw.get("shell_free", False),
        filters=raw.get("filters", family == "filters"),
        fixed=raw.get("fixed", False),
        wrapper=raw.get("wrapper") if path else None,
    )


def _program(raw: Mapping[str, Any], family: str) -> Program:
    names = tuple(raw["names"])
    flags = flags_of(raw.get("flags", ""))
    commands = [
        _rule(command, names[0], path, flags, family)
        for command in raw.get("command", ())
        for path in command.get("paths", [command.get("path", "")])
    ]
    return Program(
        names=names,
        about=raw.get("about", ""),
        rule=_rule(raw, names[0], "", {}, family) if "risk" in raw else None,
        commands=tuple(commands),
        flags=flags,
        handler=raw.get("handler", ""),
        wrapper=raw.get("wrapper"),
        by_first=_by_first(commands),
        longest=max((len(rule.path) for rule in commands), default=0),
    )


def _by_first(commands: list[Rule]) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in commands:
        first = rule.path[0] if not _PATTERN.search(rule.path[0]) else "*"
        found[first] = (*found.get(first, ()), rule)
    return found


@cache
def programs() -> Mapping[str, Program]:
    """Every program by name; read once from the package's own data."""
    known: dict[str, Program] = {}
    for family in FAMILIES:
        text = files("runbook").joinpath(f"programs/{family}.toml").read_text(encoding="utf-8")
        for raw in tomllib.loads(text).get("program", ()):
            program = _program(raw, family)
            for name in program.names:
                if name in known:
                    raise ValueError(f"{name} stands in two tables")
                known[name] = program
    return known
