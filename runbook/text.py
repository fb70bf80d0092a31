"""Words as people wrote them: encoding repaired, titles cleaned, slugs made."""

import re
import unicodedata
from collections.abc import Callable

_LOSSLESS = ("mac_roman", "cp1252")
_ALLOWED_ABOVE = 0xA0  # below it are control characters, which no repair may introduce
_LINE_BREAKS = frozenset({"\u2028", "\u2029", "\x85"})


def _char_of(byte: int, encoding: str) -> str:
    return bytes([byte]).decode(encoding, errors="replace")


def _class_of(first: int, last: int, encoding: str) -> str:
    chars = (_char_of(b, encoding) for b in range(first, last + 1))
    return "".join(re.escape(c) for c in chars if c != "\ufffd")


def _pattern(encoding: str) -> re.Pattern[str]:
    """UTF-8 sequences whose bytes were read in another encoding; narrow, so that real text is left alone."""
    tail = f"[{_class_of(0x80, 0xBF, encoding)}]"
    latin = f"[{_class_of(0xC2, 0xC3, encoding)}]{tail}"
    symbol = f"[{_class_of(0xE2, 0xE3, encoding)}{_class_of(0xEF, 0xEF, encoding)}]{tail}{{2}}"
    emoji = f"[{_class_of(0xF0, 0xF0, encoding)}]{tail}{{3}}"
    return re.compile(f"{emoji}|{symbol}|{latin}")


# An emoji whose first character, Apple's logo, was lost on the way: "üö®" for 🚨.
_BEHEADED = re.compile(f"ü[{_class_of(0x8C, 0xAC, 'mac_roman')}][{_class_of(0x80, 0xBF, 'mac_roman')}]")


def _crowned(found: re.Match[str]) -> str:
    try:
        return (b"\xf0" + found[0].encode("mac_roman")).decode("utf-8")
    except UnicodeError:
        return found[0]


_PATTERNS = tuple((encoding, _pattern(encoding)) for encoding in _LOSSLESS)


def _restorer(encoding: str) -> Callable[[re.Match[str]], str]:
    def restore(found: re.Match[str]) -> str:
        try:
            text = found[0].encode(encoding).decode("utf-8")
        except UnicodeError:
            return found[0]
        safe = all(ord(c) >= _ALLOWED_ABOVE and c not in _LINE_BREAKS for c in text)
        return text if safe else found[0]

    return restore


def repair(text: str) -> str:
    """Undo a double encoding ("üö®" is UTF-8 read as Mac Roman) without moving a line.

    Only sequences that decode to Latin letters, symbols or emoji are touched; everything else stays as it is.
    """
    if text.isascii():
        return text
    for encoding, pattern in _PATTERNS:
        text = pattern.sub(_restorer(encoding), text)
    return _BEHEADED.sub(_crowned, text)


_MARKUP = re.compile(r"(`+)(.*?)\1|[*`]+|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)|~~", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,2000}\)")
_ANCHOR = re.compile(r"\s*\{#[\w-]+\}\s*$")
_SYMBOLS = frozenset({"So", "Sk", "Co", "Cs", "Cn", "Cf"})
_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """Inline Markdown as plain words, emoji kept."""
    return _SPACE.sub(" ", _MARKUP.sub(lambda m: m[2] or "", _LINK.sub(r"\1", text))).strip()


def clean_title(text: str) -> str:
    """A heading as a person would say it: no markup, no emoji, one line."""
    words = plain(_ANCHOR.sub("", text))
    if not words.isascii():
        words = "".join(c for c in words if unicodedata.category(c) not in _SYMBOLS and c != "\ufe0f")
    return _SPACE.sub(" ", words).strip().strip(":").strip()


def slug(text: str) -> str:
    """A stable id from a title: lower-case ASCII words joined by dashes."""
    folded = unicodedata.normalize("NFKD", clean_title(text)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", folded.lower()).strip("-")[:80].strip("-")


class Names:
    """Hands out ids, each once: the second "logs" becomes "logs-2"."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._count: dict[str, int] = {}

    def unique(self, wanted: str) -> str:
        name = wanted
        while name in self._taken:
            self._count[wanted] = self._count.get(wanted, 1) + 1
            name = f"{wanted}-{self._count[wanted]}"
        self._taken.add(name)
        return name

    def take(self, name: str) -> bool:
        """Reserve a name chosen by a person; False when it is already taken."""
        if name in self._taken:
            return False
        self._taken.add(name)
        return True
