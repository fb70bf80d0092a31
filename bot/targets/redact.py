"""Taking secrets out of text that people will see. Pure."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus

HIDDEN = "[redacted]"
_SHORTEST = 4  # a shorter "secret" would take half of every text with it
_ENCODED = 6  # from this length on, a secret is looked for in its encoded forms too

_WORD = (
    r"(?:password|passwd|passphrase|pgpassword|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signature"
    r"|credentials?)"
)
_KEYED = rf"(?i)({_WORD}(?:[_-](?:id|key|hash))?(?:\\*[\"'])?\s*[=:]\s*)"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
    (re.compile(r"(?:^[A-Za-z0-9+/=]{40,80}\n)+(?=-----END [A-Z ]*PRIVATE KEY)", re.MULTILINE), f"{HIDDEN}\n"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://[^\s:/@?#]*):[^\s/?#]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{6,}"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)\b(token\s+token=)[\"']?[^\s\"',]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:set-)?cookie:\s*)[^\r\n]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(hooks\.slack\.com/services/)[\w/-]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(\"Env\"\s*:\s*\[)[^\]]+"), rf'\1"{HIDDEN}"'),  # docker inspect
    (re.compile(r"(\"(?:filter_)?env\"\s*:\s*\{)[^{}]+"), rf'\1"{HIDDEN}": ""'),  # pm2 jlist
    (
        re.compile(rf"(?i)([│|]\s*[\w.-]{{0,60}}{_WORD}[\w.-]{{0,20}}\s*[│|]\s*)[^│|\n]+?(\s*[│|])"),
        rf"\1{HIDDEN}\2",
    ),
    (re.compile(rf"(?i)(\s--?(?:{_WORD}|pass)[ =])(?!\[)[^\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(_KEYED + r"\"[^\"\n]+(?:\"|\Z)"), rf'\1"{HIDDEN}"'),
    (re.compile(_KEYED + r"'[^'\n]+(?:'|\Z)"), rf"\1'{HIDDEN}'"),
    (re.compile(_KEYED + r"(\\+[\"'])[^\"'\\\n]+"), rf"\1\2{HIDDEN}"),
    (re.compile(_KEYED + r"(?![\"'\[\\])[^\s\"',;&}]+"), rf"\1{HIDDEN}"),
    (
        re.compile(rf"(?i)\b({_WORD}(?: is)? +[\"']?)(?=[A-Za-z+/_=-]*\d)[A-Za-z0-9+/_=-]{{20,}}"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{8,}"), HIDDEN),
    (
        re.compile(r"\b(?:gh[opusr]_|github_pat_|glpat-|npm_|hvs\.|[sr]k_(?:live|test)_)[A-Za-z0-9_-]{12,}"),
        HIDDEN,
    ),
    (re.compile(r"\b(?:AIza[A-Za-z0-9_-]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), HIDDEN),
)
# Long runs of mixed letters and digits look like keys; commits and digests (lower-case hex) do not.
_LONG = re.compile(r"(?<![\w/+.-])(?=[A-Za-z0-9+/_-]*[A-Z])(?=[A-Za-z0-9+/_-]*[a-z])[A-Za-z0-9+/_-]{40,}={0,2}")
# What `ps e` and `env` print: NAME=value, one after another.
_ENVIRONMENT = re.compile(r"(?:(?<!\S)[A-Z_][A-Z0-9_]*=\S*(?:[ \t]+|\r?\n)){3,}[A-Z_][A-Z0-9_]*=\S*")
_ASSIGNED = re.compile(r"(?<!\S)([A-Z_][A-Z0-9_]*)=\S+")
_SHOWN = frozenset(
    {"PATH", "PWD", "OLDPWD", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "SHLVL", "TZ", "_"}
)
_PM2_KEY = re.compile(r"(\"[A-Z][A-Z0-9_]{2,60}\"\s*:\s*)\"[^\"\n]+\"")  # its environment, among its own fields
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]+[0-~]|[0-Z\\-~])|\x9b[0-?]*[@-~]"
)
_CUT = re.compile(r"\n?… (?:[\d,]+ bytes|the rest) left out …")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace known secrets, and whatever looks like one, by "[redacted]"; doing it twice changes nothing.

    Terminal escapes go too: one in the middle of a secret would hide it from us and not from a reader.
    """
    text = _without_escapes(text)
    known = forms(frozenset(s for s in secrets if len(s) >= _SHORTEST))
    for form in known:
        text = text.replace(form, HIDDEN)
    if "left out …" in text:
        text = _mended_cuts(text, known)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    text = _ENVIRONMENT.sub(_hide_environment, text)
    if '"pm2_env"' in text:
        text = _PM2_KEY.sub(rf'\1"{HIDDEN}"', text)
    return _LONG.sub(_hide_mixed, text)


def _without_escapes(text: str) -> str:
    """Again and again, for what is left when one is taken out may be another."""
    while ("\x1b" in text or "\x9b" in text) and (shorter := _ESCAPES.sub("", text)) != text:
        text = shorter
    return text.replace("\x1b", "").replace("\x9b", "")


@lru_cache(maxsize=64)
def forms(secrets: frozenset[str]) -> tuple[str, ...]:
    """The secrets, and how they look percent-encoded, in JSON, in HTML and in base64; longest first."""
    found = set(secrets)
    for secret in secrets:
        if len(secret) >= _ENCODED:
            found |= set(_encoded(secret))
    return tuple(sorted((f for f in found if len(f) >= _SHORTEST and f not in HIDDEN), key=len, reverse=True))


def _encoded(secret: str) -> Iterator[str]:
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    raw = secret.encode("utf-8", "surrogatepass")
    for before in range(
        3
    ):  # behind "user:" it may begin at any of three places; what shares a digit is left off
        digits = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        inner = digits[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield inner
        yield inner.translate({ord("+"): "-", ord("/"): "_"})


def _mended_cuts(text: str, known: Iterable[str]) -> str:
    """Where something was left out, a secret may be cut in two: its halves go as well."""
    pieces, last = [], 0
    for cut in _CUT.finditer(text):
        pieces += [text[last : cut.start()], cut[0]]
        last = cut.end()
    pieces.append(text[last:])
    for at in range(0, len(pieces), 2):
        if at + 1 < len(pieces):
            pieces[at] = _without_half(pieces[at], known, end=True)
        if at:
            pieces[at] = _without_half(pieces[at], known, end=False)
    return "".join(pieces)


def _without_half(piece: str, known: Iterable[str], *, end: bool) -> str:
    lead = "" if end else piece[: len(piece) - len(piece.lstrip("\n"))]
    piece = piece[len(lead) :]
    for secret in known:
        for size in range(len(secret) - 1, _SHORTEST - 1, -1):
            if end and piece.endswith(secret[:size]):
                return piece[:-size] + HIDDEN
            if not end and piece.startswith(secret[-size:]):
                return lead + HIDDEN + piece[size:]
    return lead + piece


def _hide_environment(found: re.Match[str]) -> str:
    return _ASSIGNED.sub(lambda m: m[0] if m[1] in _SHOWN else f"{m[1]}={HIDDEN}", found[0])


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
