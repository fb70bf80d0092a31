"""In which order a channel's messages go out: what wakes people first, then the worst incident. Pure."""

from typing import Final

REMINDER: Final = "reminder"  # asks a person for something
CARD: Final = "card"
GROUP: Final = "storm"  # the card of many incidents
WORD: Final = "text"  # everything else that is said

SEVERITIES: Final = ("P0", "P1", "P2", "")
LIST: Final = 45  # which ones they are
_STEP: Final = {"P0": 0, "P1": 1, "": 1, "P2": 2}
_BASE: Final = {REMINDER: 0, GROUP: 5, CARD: 10, WORD: 15}
_SPREAD: Final = {REMINDER: 1, GROUP: 1, CARD: 10, WORD: 10}


def rank(kind: str, severity: str) -> int:
    """The lower the sooner; of equal ones the older. A P0's card comes before any word about a P1."""
    kind = kind if kind in _BASE else WORD
    return _BASE[kind] + _SPREAD[kind] * _STEP.get(severity, 1)
