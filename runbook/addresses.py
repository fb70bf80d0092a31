"""Addresses whose GET only shows something: proved by the words that they are made of, never by the absence of others.

A path is known to show something when

- it is one of a well-known system's (`known_paths`), or
- it ends in a word that speaks of a state (`read_endings`: /health, /metrics, /status …), or
- it is a probe of the service itself (`probe_endings`: /ready, /api/ping; but not /servers/3/up), or
- it is made of nothing but words that name things (`read_words`, a plural at its end), versions, and identifiers behind
  a plural (/api/orders/42),

and no word of it, nor of its query, is one that acts (`acting_words`). A query may only ask for what `read_keys` names.
Everything else may act: many do on a GET (/reload, /job/x/build, ?cmd=…), and no list of those is ever complete.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import unquote

from runbook.environment import secret_in
from runbook.model import Risk
from runbook.shell import Literal, Word

HOLE = "\x00"  # stands for a variable or a placeholder
_SCHEME = re.compile(r"(?i)^([a-z][a-z0-9+.-]*)://")
_TOKENS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
# Acting words written together with another: "flushcache", "restartall", "startjob".
_ACTING_PART = re.compile(
    "restart|delet|reset|flush|shutdown|reboot|terminat|purge|trigger|execut|destroy|kill|force|freeos|evict|truncat|remov"
)
_STARTS = re.compile(r"(?:start|stop)(?!(?:up|ed|ped|time|date|s)(?:$|s$|z$))")
_RANGE_KEYS = re.compile(r"(?<=[?&])(?:start|end|since|until|order|sort)=(?=[\d$\x00-]|now|asc|desc|time)")
_SEGMENT = re.compile(r"[\w.:@+~,=\x00-]{1,120}")
_VERSION = re.compile(r"v?\d{1,4}(?:[.-]\d{1,4}){0,3}(?:(?:alpha|beta)\d{0,2})?")
_IDENTIFIER = re.compile(r"(?=[^/]*[\d\x00])[\w.:@\x00-]{1,80}")
_PLURAL = re.compile(r"[a-z]{3,30}(?<!s)s")
_ENDING = re.compile(r"\.(?:json|html|txt|xml|csv)$")


@dataclass(frozen=True, slots=True)
class _Lists:
    verbs: frozenset[str]
    probes: frozenset[str]
    probed: frozenset[str]
    choosing: frozenset[str]
    secrets: frozenset[str]
    endings: frozenset[str]
    words: frozenset[str]
    keys: frozenset[str]
    known: tuple[re.Pattern[str], ...]
    free: tuple[re.Pattern[str], ...]
    free_keys: frozenset[str]


@cache
def _lists() -> _Lists:
    raw = tomllib.loads(files("runbook").joinpath("programs/http.toml").read_text(encoding="utf-8"))
    return _Lists(
        verbs=frozenset(raw["acting_words"].split()),
        probes=frozenset(raw["probe_endings"].split()),
        probed=frozenset(raw["probe_words"].split()),
        choosing=frozenset(raw["choosing_keys"].split()),
        secrets=frozenset(raw["secret_words"].split()),
        endings=frozenset(raw["read_endings"].split()),
        words=frozenset(raw["read_words"].split()),
        keys=frozenset(raw["read_keys"].split()),
        known=_patterns(raw["known_paths"]),
        free=_patterns(raw["free_queries"]),
        free_keys=frozenset(raw["free_keys"].split()),
    )


def _patterns(texts: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text.replace("NAME", r"[\w.:@%\x00-]+")) for text in texts)


def acts(address: str) -> str:
    """The word in an address that says that even a GET of it may act; empty when there is none."""
    scheme = _SCHEME.match(address)
    rest = address[scheme.end() :] if scheme else address
    path = rest[rest.find("/") :] if "/" in rest else rest[rest.find("?") :] if "?" in rest else ""
    for token in _TOKENS.findall(_RANGE_KEYS.sub("", unquote(path))):
        lower = token.lower()
        if lower in _lists().verbs or _ACTING_PART.search(lower) or _STARTS.match(lower):
            return str(token)
    return ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a GET is not known to only show something, and what it may do at worst."""

    risk: Risk
    reason: str


def doubt(address: Word, queries: Sequence[str] = (), *, literal: bool = False) -> Doubt | None:
    """Why a GET of this address is not known to only show something; None when it is.

    Args:
        address: as written.
        queries: more of its query, as `curl -G` sends it.
        literal: brackets in it are no pattern (`curl -g`).
    """
    text = address.shown
    if secret_in(address):
        return Doubt(Risk.MANUAL, f"it sends {secret_in(address)} in the address, where every log shows it")
    if address.opaque and not re.match(r"\$\{[^}]+\}[/:]", text):
        return Doubt(Risk.MANUAL, f"{text}: the path it asks for is only known when it runs")
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() not in {"http", "https"}:
        return Doubt(Risk.MANUAL, f"{scheme[1]} addresses are not known to be read")
    if any(c in address.leading for c in ("*\\" if literal else "[]{}*\\")) or (
        "%" in address.leading and re.search(r"%(?:0|1|5c)", text, re.IGNORECASE)
    ):
        return Doubt(Risk.MANUAL, "the address holds a pattern")
    known = "".join(p.text if isinstance(p, Literal) else HOLE for p in address.parts)
    path, query = _taken_apart(known)
    if any(t.lower() in _lists().secrets for t in _TOKENS.findall(unquote(path))) or "169.254.169.254" in known:
        return Doubt(Risk.MANUAL, "the address may show secrets")
    return _why_not_shown(path, [*(q for q in query.split("&") if q), *queries])


def _taken_apart(known: str) -> tuple[str, str]:
    """Path and query of an address; its fragment is never sent."""
    rest = _SCHEME.sub("", known).partition("#")[0]
    before, _, query = rest.partition("?")
    _, slash, path = before.partition("/")
    return (f"/{path}" if slash else "/"), query


def _why_not_shown(path: str, queries: Sequence[str]) -> Doubt | None:
    free = _matches(_lists().free, path)
    read = [q for q in queries if not (free and _key(q) in _lists().free_keys)]
    word = "" if _matches(_lists().known, path) else acts(path)
    word = word or acts("/?" + "&".join(read))
    if word:
        return Doubt(Risk.DESTRUCTIVE, f"a GET of an address that says “{word}” may act")
    if not shows(path):
        return Doubt(Risk.MUTATING, f"a GET of {_said(path)} is not known to only show something")
    keys = _lists().keys - _not_asked(path)
    unknown = next((_key(q) for q in read if _key(q) not in keys), None)
    if unknown is None:
        return None
    return Doubt(Risk.MUTATING, f"what “{_said(unknown)}” in the query of a GET does is not known")


def _said(text: str) -> str:
    return text.replace(HOLE, "…")


def _key(query: str) -> str:
    return unquote(query.partition("=")[0]).lower()


def _matches(patterns: tuple[re.Pattern[str], ...], path: str) -> bool:
    return any(p.fullmatch(path.rstrip("/") or "/") for p in patterns)


def shows(path: str) -> bool:
    """Whether a path is known to name things or a state, and nothing that is done."""
    if _matches(_lists().known, path):
        return True
    segments = [unquote(s) for s in path.split("/") if s and s != "-"]
    if any(not _SEGMENT.fullmatch(s) or s.strip(".") == "" for s in segments):
        return False
    if not segments or _is_ending(segments[-1]):
        return True
    if _plain(segments[-1]) in _lists().probes:
        return all(_plain(s) in _lists().probed or _VERSION.fullmatch(s) for s in segments[:-1])
    return all(
        _is_named(s, segments[i - 1] if i else "", last=i == len(segments) - 1) for i, s in enumerate(segments)
    )


def _not_asked(path: str) -> frozenset[str]:
    """Keys of a query that may do more than choose what is shown, at this path."""
    if not path.strip("/"):
        return _lists().free_keys  # a database's own address: its query is a statement
    return _lists().choosing if _names_one(path) else frozenset()


def _names_one(path: str) -> bool:
    """Whether a path ends in the name of one thing among many (/orders/42)."""
    *before, last = [unquote(s) for s in path.split("/") if s] or [""]
    return bool(before) and not _is_ending(last) and _plain(last) not in _lists().words


def _plain(segment: str) -> str:
    return _ENDING.sub("", segment.lower())


def _is_ending(segment: str) -> bool:
    return segment.lower() in _lists().endings or _plain(segment) in _lists().endings


def _is_named(segment: str, before: str, *, last: bool) -> bool:
    """Whether a segment is a word that names things, a version, or one of the things that stand before it."""
    if _is_word(segment) or _VERSION.fullmatch(segment):
        return True
    if _IDENTIFIER.fullmatch(segment):
        return _is_plural(before)
    return last and _is_plural(segment)


def _is_plural(segment: str) -> bool:
    return bool(_PLURAL.fullmatch(_plain(segment))) and not _is_ending(segment)


def _is_word(segment: str) -> bool:
    plain, words = _plain(segment), _lists().words | _lists().endings
    if plain in words:
        return True
    tokens = [t.lower() for t in _TOKENS.findall(_ENDING.sub("", segment))]
    return bool(tokens) and HOLE not in segment and all(t in words or t.isdigit() for t in tokens)
