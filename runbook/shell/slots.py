"""Placeholders: "[REVISION]" and "<pod-name>" are for a person to fill in, and globs or redirections to a shell.

Before parsing, each is replaced by as many copies of one private-use character, so that lines and columns stay.
"""

import re
from dataclasses import dataclass

from runbook.shell.lexer import SLOT_FIRST, SLOT_LAST

_SQUARE = re.compile(r"(?<![\w$\[\]\\*?{}(.^])\[(?P<name>[A-Za-z][A-Za-z0-9_ -]{1,40})\](?![\w\[\]*+?{(^])")
_ANGLE = re.compile(
    r"(?<![<>&\d\w)\]])<(?P<name>[A-Za-z][\w .:/-]{0,58}\w|[A-Za-z])>(?=[\s\"'/:.,;)\]}=@&|-]|$)"
    r"|(?<=[\w/=:.@-])<(?P<inner>[A-Za-z][\w-]{0,58}\w|[A-Za-z])>(?=[\"'/:.,)\]}=@-]|\s|$)"
)
_CURLY = re.compile(r"\{\{\s{0,3}(?P<name>[A-Za-z][\w.-]{0,40})\s{0,3}\}\}")
_RANGE = re.compile(r"[A-Za-z0-9]-[A-Za-z0-9]")
_SHORTEST = 3
_LIMIT = SLOT_LAST - SLOT_FIRST + 1


@dataclass(frozen=True, slots=True)
class Slots:
    """A text with its placeholders replaced, and their names by number."""

    text: str
    names: tuple[str, ...]


def _quotes(text: str) -> list[str]:
    """For each character of a text, the quote that it stands in ("", "'" or '"')."""
    state, marks, escaped = "", [], False
    for char in text:
        marks.append(state)
        if escaped:
            escaped = False
        elif char == "\\" and state != "'":
            escaped = True
        elif state:
            state = "" if char == state else state
        elif char in "'\"":
            state = char
    return marks


def _is_placeholder(name: str) -> bool:
    return len(name) >= _SHORTEST and not _RANGE.fullmatch(name) and not name.startswith(("-", " "))


def fill_slots(text: str) -> Slots:
    """Replace the placeholders of a shell text."""
    if "[" not in text and "<" not in text and "{{" not in text:
        return Slots(text, ())
    quotes, names = _quotes(text), list[str]()

    def slot(name: str, length: int) -> str | None:
        name = re.sub(r"[^A-Za-z0-9_]+", "_", name.strip())
        if name not in names:
            if len(names) >= _LIMIT:
                return None
            names.append(name)
        return chr(SLOT_FIRST + names.index(name)) * length

    def square(found: re.Match[str]) -> str:
        if quotes[found.start()] or not _is_placeholder(found["name"]):
            return found[0]
        return slot(found["name"], len(found[0])) or found[0]

    def angle(found: re.Match[str]) -> str:
        name = found["name"] or found["inner"]
        if quotes[found.start()] == "'":
            return found[0]
        return slot(name, len(found[0])) or found[0]

    text = _SQUARE.sub(square, text)
    text = _ANGLE.sub(angle, text)
    return Slots(
        _CURLY.sub(lambda m: m[0] if quotes[m.start()] == "'" else slot(m["name"], len(m[0])) or m[0], text),
        tuple(names),
    )


def restore(text: str, names: tuple[str, ...]) -> str:
    """The text for a person, with the placeholders' names back."""
    if not names:
        return text
    pattern = re.compile(f"([{chr(SLOT_FIRST)}-{chr(SLOT_LAST)}])\\1*")

    def name(found: re.Match[str]) -> str:
        number = ord(found[1]) - SLOT_FIRST
        return f"[{names[number]}]" if number < len(names) else found[0]

    return pattern.sub(name, text)
