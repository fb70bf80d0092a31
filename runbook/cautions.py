"""What in a runbook's words is a caution, and what it says."""

import re

from runbook.text import plain

_MARK = re.compile(
    r"\b(?:warning|caution|danger|note|important|attention|beware|careful|n\.b\.)\b\s*(?:[:!–-]|$)|⚠|🚨|☠|⛔|‼",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"\b(?:only\s+(?:if|when|after|as|once|do|run|use|reset)|do\s+not|don['’]?t|never|must\s+not|(?:in\s+an?\s+)?emergency"
    r"\s+only|irreversible|last\s+resort|be\s+careful|dangerous|destructive|data\s+loss|make\s+sure|unless)\b",
    re.IGNORECASE,
)
# One of these stands in every caution: a cheap look before the patterns.
_HINTS = (
    *(
        "warning",
        "caution",
        "danger",
        "note",
        "important",
        "attention",
        "beware",
        "careful",
        "n.b.",
        "only",
        "never",
    ),
    *(
        "do not",
        "don't",
        "don’t",
        "dont",
        "must",
        "emergency",
        "irreversible",
        "last",
        "destructive",
        "loss",
        "make",
    ),
    *("unless", "⚠", "🚨", "☠", "⛔", "‼"),
)
_MARKER = re.compile(r"^\s*(?:[⚠🚨☠⛔‼️]+\s*)+")


def is_caution(text: str) -> bool:
    """Whether a comment or a line of text warns."""
    lower = text.lower()
    return any(hint in lower for hint in _HINTS) and bool(_MARK.search(text) or _WORDS.search(text))


def is_marked(text: str) -> bool:
    """Whether it says so itself ("WARNING: …"), so that it is no title."""
    return bool(_MARK.search(text[:40]))


def demands_condition(text: str) -> bool:
    """Whether a caution names a condition or a prohibition, which a guard should check."""
    return bool(_WORDS.search(text))


def clean(text: str) -> str:
    """A caution as it is shown: without markup and warning signs."""
    return _MARKER.sub("", plain(text)).strip()
