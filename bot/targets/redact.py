"""Taking secrets out of text that people will see. Pure."""

import re
from collections.abc import Callable, Iterable

HIDDEN = "[redacted]"
_SHORTEST = 4  # a shorter "secret" would take half of every text with it

_KEYED = (
    r"(?i)((?:[a-z0-9]+[_-])*(?:password|passwd|pgpassword|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
    r"(?:[_-](?:id|key|hash))?[\"']?\s*[=:]\s*)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@?#]*):[^\s/?#]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{6,}"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)\b(token\s+token=)[\"']?[^\s\"',]+"), rf"\1{HIDDEN}"),
    (re.compile(_KEYED + r"\"[^\"\n]+\""), rf'\1"{HIDDEN}"'),
    (re.compile(_KEYED + r"'[^'\n]+'"), rf"\1'{HIDDEN}'"),
    (re.compile(_KEYED + r"(?![\"'\[])[^\s\"',;&}]+"), rf"\1{HIDDEN}"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{8,}"), HIDDEN),
    (re.compile(r"\b(?:gh[opusr]_|github_pat_|glpat-|[sr]k_(?:live|test)_)[A-Za-z0-9_-]{12,}"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), HIDDEN),
)
# Long runs of mixed letters and digits look like keys; commits and digests (lower-case hex) do not.
_LONG = re.compile(r"(?<![\w/+.-])(?=[A-Za-z0-9+/_-]*[A-Z])(?=[A-Za-z0-9+/_-]*[a-z])[A-Za-z0-9+/_-]{40,}={0,2}")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, and whatever looks like one, by "[redacted]"; doing it twice changes nothing."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _LONG.sub(_hide_mixed, text)


def _hide_mixed(found: re.Match[str]) -> str:
    return HIDDEN if sum(c.isdigit() for c in found[0]) >= 3 else found[0]  # noqa: PLR2004 - a path has fewer


def line_redactor(redact_text: Callable[[str], str], told: Callable[[str], None]) -> Callable[[str], None]:
    """Tell lines one by one without their secrets; a private key goes over several lines."""
    inside = False

    def tell(line: str) -> None:
        nonlocal inside
        if inside or "PRIVATE KEY-----" in line:
            inside = "-----BEGIN" in line or (inside and "-----END" not in line)
            told(HIDDEN)
        else:
            told(redact_text(line))

    return tell
