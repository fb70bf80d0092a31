"""Which entry an incident belongs to: pure, explained, and silent when it is not sure.

In this order, the first that answers wins:

1. an explicit id or `runbook_url`, in the signals or in the alert's details (score 100);
2. the metric names of an entry's trigger, named in the title or the details (score 95);
3. an alias, that is a person's correction or the runbook's own (at least `ALIAS_THRESHOLD`);
4. the title, word by word and tolerant of typing errors (at least `TITLE_THRESHOLD`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import log

from rapidfuzz import fuzz

from runbook.model import Entry, Match, Plan
from runbook.text import slug

ALIAS_THRESHOLD = 90.0  # per cent of likeness between an alias and the incident's title
TITLE_THRESHOLD = 75.0  # per cent of the entry's title, by weight of its words, found in the incident's title
SHORT_TITLE = 80.0  # score of an incident's title whose words, two or more, all stand in the entry's title
WORD_THRESHOLD = 84.0  # per cent of likeness at which two words count as the same word

_ID_KEYS = frozenset({"runbook", "runbook_id", "runbook_entry", "runbook_section", "entry", "entry_id"})
_URL_KEYS = frozenset({"runbook_url", "runbookurl", "runbook", "runbook_link", "playbook_url"})
_METRIC = re.compile(r"[a-zA-Z][a-zA-Z0-9]*(?:_[a-zA-Z0-9]+)+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z0-9]+")
_FILLER = frozenset(
    "the a an of on in at for to is are was with and or by from has have been firing alert".split()  # noqa: SIM905
)
_SEVERITY = re.compile(r"p[0-5]")
_MAX_TEXT = 20_000
_MAX_VALUES = 500


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of an incident: its title and whatever the alert carries."""

    title: str
    details: Mapping[str, object] = field(default_factory=dict)
    runbook_url: str = ""
    service: str = ""


def _flatten(value: object, key: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, str | int | float):
        yield key, str(value)
    elif isinstance(value, Mapping) and depth < 6:  # noqa: PLR2004 deeper is not an alert any more
        for name, inner in value.items():
            yield from _flatten(inner, str(name), depth + 1)
    elif isinstance(value, list | tuple) and depth < 6:  # noqa: PLR2004
        for inner in value:
            yield from _flatten(inner, key, depth + 1)


def _pairs(details: Mapping[str, object]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for pair in _flatten(details):
        pairs.append(pair)
        if len(pairs) >= _MAX_VALUES:
            break
    return pairs


def words(text: str) -> list[str]:
    """The words of a title that tell it apart, lower case; CamelCase is taken apart."""
    spaced = _CAMEL.sub(" ", text[:_MAX_TEXT]).lower()
    return [w for w in _WORD.findall(spaced) if w not in _FILLER and not _SEVERITY.fullmatch(w)]


def _by_id(plan: Plan, signals: Signals, pairs: list[tuple[str, str]]) -> Match | None:
    named = [(k.lower(), v) for k, v in pairs]
    for key, value in named:
        entry = plan.entry(value.strip()) if key in _ID_KEYS else None
        if entry is not None:
            return Match(entry, 100.0, f"the alert names {entry.id} in {key}")
    for url in [signals.runbook_url, *(v for k, v in named if k in _URL_KEYS)]:
        entry = _by_url(plan, url)
        if entry is not None:
            return Match(entry, 100.0, f"the alert's runbook link points to {entry.id}")
    return None


def _by_url(plan: Plan, url: str) -> Entry | None:
    address, _, fragment = url.partition("#")
    for part in (fragment, address.rstrip("/").rpartition("/")[2].removesuffix(".md")):
        entry = plan.entry(slug(part.replace("-", " "))) if part else None
        if entry is not None:
            return entry
    return None


def _by_metric(plan: Plan, text: str) -> Match | None:
    present = set(_METRIC.findall(text))
    best: tuple[int, Entry, list[str]] | None = None
    tied = False
    for entry in plan.entries:
        named = sorted(set(_METRIC.findall(entry.trigger)) & present) if entry.trigger else []
        if not named:
            continue
        tied = best is not None and len(named) == best[0]
        if best is None or len(named) > best[0]:
            best, tied = (len(named), entry, named), False
    if best is None or tied:
        return None
    return Match(best[1], 95.0, f"the trigger's metric {best[2][0]} is named")


def _by_alias(plan: Plan, title: str, aliases: Mapping[str, str]) -> Match | None:
    own = {alias: entry.id for entry in plan.entries for alias in entry.aliases}
    wanted = " ".join(words(title))
    best: Match | None = None
    for alias, entry_id in {**own, **aliases}.items():
        score = fuzz.ratio(" ".join(words(alias)), wanted) if wanted else 0.0
        if score < ALIAS_THRESHOLD or (best is not None and score <= best.score):
            continue
        entry = plan.entry(entry_id)
        if entry is not None:
            best = Match(entry, round(score, 1), f"{score:.0f} % like “{alias}”, known to mean this entry")
    return best


def _same(left: str, right: str) -> bool:
    return left == right or (min(len(left), len(right)) > 2 and fuzz.ratio(left, right) >= WORD_THRESHOLD)  # noqa: PLR2004


def _rarity(titles: list[list[str]]) -> dict[str, float]:
    seen: dict[str, int] = {}
    for title in titles:
        for word in set(title):
            seen[word] = seen.get(word, 0) + 1
    return {word: log(1 + len(titles) / count) for word, count in seen.items()}


def _by_title(plan: Plan, title: str) -> Match | None:
    here = words(title)
    titles = [words(e.title) for e in plan.entries]
    weight = _rarity(titles)
    vocabulary = {w for w in weight if any(_same(w, h) for h in here)}
    best: tuple[tuple[float, bool, float], Entry] | None = None
    for entry, own in zip(plan.entries, titles, strict=True):
        if not vocabulary.intersection(own) or (len(own) == 1 and len(here) > 3):  # noqa: PLR2004
            continue
        share = sum(weight[w] for w in own if w in vocabulary) / sum(weight[w] for w in own)
        if share < 1 and len(here) > 1 and all(any(_same(w, h) for w in own) for h in here):
            share = max(share, SHORT_TITLE / 100)
        likeness = fuzz.token_sort_ratio(" ".join(own), " ".join(here))
        rank = (round(100 * share, 1), entry.kind == "alert", likeness)
        if best is None or rank > best[0]:
            best = (rank, entry)
    if best is None or best[0][0] < TITLE_THRESHOLD:
        return None
    score, entry = best[0][0], best[1]
    return Match(entry, score, f"the title says {score:.0f} % of “{entry.title}”")


def match(plan: Plan, signals: Signals, aliases: Mapping[str, str] | None = None) -> Match | None:
    """The entry an incident belongs to, with a score and its reason; None when nothing is sure enough.

    Args:
        plan: the compiled runbook.
        signals: what the incident and its alert say.
        aliases: titles that a person has assigned, to entry ids.
    """
    pairs = _pairs(signals.details)
    text = " ".join([signals.title, *(v for _, v in pairs), *(k for k, _ in pairs)])[:_MAX_TEXT]
    return (
        _by_id(plan, signals, pairs)
        or _by_metric(plan, text)
        or _by_alias(plan, signals.title, aliases or {})
        or _by_title(plan, signals.title)
    )
