"""The document's own facts: title, version, owner, channel. Placeholders in them are never evaluated."""

import re
from collections.abc import Iterator

from runbook.document import Section
from runbook.text import clean_title, plain

_BOLD = re.compile(r"^\s*\*\*(?P<key>[^*\n]{1,80}?):?\*\*:?\s*(?P<value>.*?)\s*$")
_ITALIC = re.compile(r"^\s*\*(?P<key>[^*:\n]{1,80}):\s*(?P<value>[^\n]*?)\*\s*$")
_CHANNEL = re.compile(r"(?<![\w/#])#([a-z0-9][a-z0-9_-]{1,79})(?![\w-])")
_VERSION = re.compile(r"\bv?(\d{1,6}(?:\.\d{1,6}){1,3})\b")
_SPOKEN = 2


def _lines(sections: list[Section]) -> Iterator[str]:
    for section in sections:
        for paragraph in section.paragraphs:
            yield from paragraph.text.split("\n")


def _pairs(sections: list[Section]) -> Iterator[tuple[str, str]]:
    for line in _lines(sections):
        for pattern in (_BOLD, _ITALIC):
            found = pattern.match(line)
            if found and found["value"]:
                yield plain(found["key"]).rstrip(":"), found["value"].rstrip("\\").strip().strip("`").strip()
                break


def facts(sections: list[Section]) -> dict[str, str]:
    """Bold or italic "Key: value" lines, the first of each key; values as written, never run."""
    found: dict[str, str] = {}
    for key, value in _pairs(sections):
        found.setdefault(key, value)
    return found


def title(sections: list[Section], path: str) -> str:
    """The first heading of the highest rank, or the file's name."""
    headed = [s for s in sections if s.level]
    if not headed:
        return clean_title(path.rsplit("/", 1)[-1].removesuffix(".md"))
    return clean_title(min(headed, key=lambda s: (s.level, s.line)).title)


def version(known: dict[str, str], document_title: str) -> str:
    """The stated version, else the one in the title."""
    stated = next((v for k, v in known.items() if k.lower() == "version"), "")
    found = _VERSION.search(stated or document_title)
    return found[1] if found else stated


def owner(known: dict[str, str]) -> str:
    return next((v for k, v in known.items() if k.lower() in {"owner", "owners", "team", "maintainer"}), "")


def channel(known: dict[str, str], sections: list[Section]) -> str:
    """The team's Slack channel: from a line that says "channel", else the first one named."""
    labelled = [v for k, v in known.items() if "channel" in k.lower()]
    for value in [*labelled, *_lines(sections)]:
        found = _CHANNEL.search(value)
        if found and (value in labelled or "channel" in value.lower() or "slack" in value.lower()):
            return f"#{found[1]}"
    return ""
