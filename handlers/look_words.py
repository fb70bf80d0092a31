"""What can be typed after `/ats health` and `/ats diag`. Pure."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

USUAL: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(hours=4)
_WATCH = re.compile(r"(?:^|\s)(?:--|—|–)?watch(?:[\s=]+(\d{1,4})\s*(s|sec|m|min|h)?)?(?=\s|$)", re.IGNORECASE)
_UNITS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "": 60}


@dataclass(frozen=True, slots=True)
class HealthWords:
    """A system, or none; how long the report is to be kept current, or not at all; or what is wrong."""

    system: str = ""
    watch: timedelta | None = None
    problem: str = ""


def health_words(text: str) -> HealthWords:
    """Read “disk --watch 10m”; phones make a dash of two hyphens, which is taken too."""
    found = _WATCH.search(text)
    if found is None:
        unknown = re.search(r"(?:--|—|–)\S*", text)
        if unknown:
            return HealthWords(problem=f"“{unknown[0][:30]}” is no option of /ats health.")
        return HealthWords(text.strip())
    system = (text[: found.start()] + " " + text[found.end() :]).strip()
    lasting = timedelta(seconds=int(found[1]) * _UNITS[(found[2] or "").lower()]) if found[1] else USUAL
    if not timedelta() < lasting <= LONGEST:
        return HealthWords(problem="A report is kept current for 1 second to 4 hours.")
    return HealthWords(system, lasting)
