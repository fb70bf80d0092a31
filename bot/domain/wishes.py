"""What people type after the number of an incident: how long, whom, into which. Pure; InputError says what is wrong."""

import re
from datetime import timedelta
from typing import Final

from bot.errors import InputError

LONGEST_SNOOZE: Final = timedelta(days=7)  # PagerDuty's own
_PART: Final = re.compile(
    r"(\d{1,6})\s*(d|days?|h|hours?|hrs?|m|min|mins|minutes?|s|sec|secs|seconds?)?(?![a-z])", re.IGNORECASE
)
_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SLACK: Final = re.compile(r"<@([UW][A-Z0-9]{2,40})(?:\|[^>]*)?>")
_INTO: Final = re.compile(r"^(?:into\s+)?#?(\d{1,9})$", re.IGNORECASE)


def snooze(text: str) -> timedelta:
    """Read “30m”, “2 h”, “1h30m”, “90” (minutes); a second to a week."""
    rest = _PART.sub("", text)
    parts = _PART.findall(text)
    if not parts or rest.strip(" ,"):
        raise InputError(f"“{text[:40]}” is no length of time. Type it as 30m, 2h or 1d.")
    seconds = sum(int(number) * _UNITS[(unit or "m")[0].lower()] for number, unit in parts)
    if not 1 <= seconds <= LONGEST_SNOOZE.total_seconds():
        raise InputError(
            "PagerDuty snoozes for a second at least and a week at most. Type it as 30m, 2h or 1d."
        )
    return timedelta(seconds=seconds)


def people(text: str) -> tuple[tuple[str, ...], str]:
    """Who is meant, and the words after them: `@sam, @dana please look` or `sam@x.example please look`.

    A person is a mention, an e-mail address, or one word after an @; without any, the first word is one.
    """
    found: list[str] = []
    rest = text.strip()
    while rest:
        word, _, after = rest.partition(" ")
        bare = word.strip(",;")
        if not (_SLACK.fullmatch(bare) or "@" in bare) and found:
            break
        mentioned = _SLACK.fullmatch(bare)
        found.append(mentioned[1] if mentioned else bare)
        rest = after.strip()
    if not found:
        raise InputError("Say who: a mention, an e-mail address, or a role such as secondary.")
    return tuple(dict.fromkeys(found)), rest


def target(text: str) -> int:
    """The number in "into 12" or "12"."""
    found = _INTO.match(text.strip())
    if found is None:
        raise InputError("Say into which incident: /ats merge 41 into 42.")
    return int(found[1])
