"""How severe an incident is."""

import re
from collections.abc import Collection

KNOWN = ("P0", "P1", "P2")
_NAMED = re.compile(r"\bP([0-9])\b", re.IGNORECASE)


def severity(*, priority: str, entry_severity: str, urgency: str, known: Collection[str] = KNOWN) -> str:
    """The priority set in PagerDuty if it is one of the runbook's, else the entry's, else by urgency.

    High urgency (or none stated) without an entry is P1: it pages, for nobody knows yet that it is harmless.
    """
    named = _NAMED.search(priority)
    if named and f"P{named[1]}" in known:
        return f"P{named[1]}"
    if entry_severity in known:
        return entry_severity
    return "P2" if urgency == "low" else "P1"
