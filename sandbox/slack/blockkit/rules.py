"""The vocabulary of the Block Kit tables: small checks, each told where it looks by a JSON pointer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Rule = Callable[["Check", Any, str], None]
MOST_ID = 255
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(slots=True)
class Check:
    """One run over one message or view: where it will be shown, and what was found wrong."""

    surface: str  # message, modal or home
    problems: list[str] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    tables: int = 0
    markdown: int = 0

    def wrong(self, problem: str, pointer: str) -> None:
        self.problems.append(f"{problem} [json-pointer:{pointer}]")


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of one kind of object; a field that is not named is refused.

    `also` looks at the object as a whole, once its fields are known.
    """

    required: Mapping[str, Rule] = field(default_factory=dict)
    optional: Mapping[str, Rule] = field(default_factory=dict)
    also: Rule | None = None

    def check(self, check: Check, value: Any, pointer: str) -> None:
        if not isinstance(value, dict):
            check.wrong("must provide an object", pointer)
            return
        for name in self.required:
            if value.get(name) is None:
                check.wrong(f"missing required field: {name}", pointer)
        for name, content in value.items():
            rule = self.required.get(name) or self.optional.get(name)
            if rule is None:
                if name != "type":
                    check.wrong(f"invalid additional property: {name}", pointer)
            elif content is not None:
                rule(check, content, f"{pointer}/{name}")
        if self.also is not None:
            self.also(check, value, pointer)


def string(most: int, least: int = 1) -> Rule:
    def rule(check: Check, value: Any, pointer: str) -> None:
        if not isinstance(value, str):
            check.wrong("must be a string", pointer)
        elif len(value) < least:
            check.wrong(f"must be more than {least - 1} characters", pointer)
        elif len(value) > most:
            check.wrong(f"must be less than {most + 1} characters", pointer)

    return rule


def flag(check: Check, value: Any, pointer: str) -> None:
    if not isinstance(value, bool):
        check.wrong("must be a boolean", pointer)


def whole_number(least: int = 0, most: int | None = None) -> Rule:
    def rule(check: Check, value: Any, pointer: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            check.wrong("must be an integer", pointer)
        elif value < least:
            check.wrong(f"must be greater than or equal to {least}", pointer)
        elif most is not None and value > most:
            check.wrong(f"must be less than or equal to {most}", pointer)

    return rule


def one_of(*allowed: str) -> Rule:
    def rule(check: Check, value: Any, pointer: str) -> None:
        if value not in allowed:
            check.wrong("must be a valid enum value", pointer)

    return rule


def several(each: Rule, *, most: int, least: int = 1) -> Rule:
    def rule(check: Check, value: Any, pointer: str) -> None:
        if not isinstance(value, list):
            check.wrong("must provide an array", pointer)
            return
        if len(value) > most:
            check.wrong(f"no more than {most} items allowed", pointer)
        if len(value) < least:
            check.wrong(f"no fewer than {least} items allowed", pointer)
        for index, item in enumerate(value):
            each(check, item, f"{pointer}/{index}")

    return rule


def text_object(most: int, *kinds: str) -> Rule:
    """A text object of one of the kinds, `plain_text` and `mrkdwn` when none is named."""
    allowed = kinds or ("plain_text", "mrkdwn")

    def rule(check: Check, value: Any, pointer: str) -> None:
        if not isinstance(value, dict):
            check.wrong("must provide an object", pointer)
            return
        kind = value.get("type")
        if kind not in allowed:
            check.wrong(f"unsupported type: {kind}", f"{pointer}/type")
            return
        extra = {"emoji": flag} if kind == "plain_text" else {"verbatim": flag}
        Shape({"text": string(most)}, extra).check(check, value, pointer)

    return rule


def plain(most: int) -> Rule:
    return text_object(most, "plain_text")


def matching(pattern: re.Pattern[str], what: str) -> Rule:
    def rule(check: Check, value: Any, pointer: str) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            check.wrong(f"must be a valid {what}", pointer)

    return rule


def anything(check: Check, value: Any, pointer: str) -> None:
    """Not looked into."""


def unique_action_ids(check: Check, elements: list[Any], pointer: str) -> None:
    """An action_id may stand only once in a block."""
    seen: set[str] = set()
    for index, element in enumerate(elements):
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if not isinstance(action_id, str):
            continue
        if action_id in seen:
            check.wrong(f'`action_id` "{action_id}" already exists', f"{pointer}/{index}/action_id")
        seen.add(action_id)


ident = string(MOST_ID)
date = matching(_DATE, "date")
clock_time = matching(_TIME, "time")
