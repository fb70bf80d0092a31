"""Which entry an incident belongs to: pure, explained, and silent when it is not sure.

In this order, the first that answers wins:

1. an explicit id or `runbook_url`, in the signals or in the alert's details (score 100);
2. a person's correction of an incident with the same words for a title (score 100): it was made because what follows
   had found the wrong entry, or none;
3. the metric names of an entry's trigger, named in the title or the details (score 95);
4. an alias, that is a correction of a title nearly the same, or the runbook's own (at least `ALIAS_THRESHOLD`);
5. the title, word by word and tolerant of typing errors (at least `TITLE_THRESHOLD`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import log

from rapidfuzz import fuzz, process

from runbook.model import Entry, Match, Plan
from runbook.recent import Recent
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
_MAX_WORDS = 30
_MOST_VARIANTS = 20
_MOST_CANDIDATES = 50
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


@dataclass(frozen=True, slots=True)
class _Index:
    """What is asked of every plan again and again."""

    metrics: Mapping[str, tuple[int, ...]]  # metric name -> entries
    titles: tuple[tuple[str, ...], ...]
    weights: Mapping[str, float]  # word -> how much it tells apart
    vocabulary: tuple[str, ...]
    entries: Mapping[str, tuple[int, ...]]  # word of a title -> entries


def _build(plan: Plan) -> _Index:
    metrics: dict[str, list[int]] = {}
    places: dict[str, list[int]] = {}
    titles = tuple(tuple(words(e.title)) for e in plan.entries)
    for number, (entry, title) in enumerate(zip(plan.entries, titles, strict=True)):
        for name in set(_METRIC.findall(entry.trigger)):
            metrics.setdefault(name, []).append(number)
        for word in set(title):
            places.setdefault(word, []).append(number)
    return _Index(
        metrics={k: tuple(v) for k, v in metrics.items()},
        titles=titles,
        weights={w: log(1 + len(titles) / len(found)) for w, found in places.items()},
        vocabulary=tuple(places),
        entries={w: tuple(found) for w, found in places.items()},
    )


_indexes = Recent(_build)


def _by_metric(plan: Plan, text: str) -> Match | None:
    """The entry whose trigger names most of the metrics in the text; two that name as many are no answer."""
    named: dict[int, list[str]] = {}
    index = _indexes.of(plan)
    for name in dict.fromkeys(_METRIC.findall(text)):
        for number in index.metrics.get(name, ()):
            named.setdefault(number, []).append(name)
    ranked = sorted(named, key=lambda n: -len(named[n]))[:2]
    if not ranked or (len(ranked) > 1 and len(named[ranked[0]]) == len(named[ranked[1]])):
        return None
    return Match(plan.entries[ranked[0]], 95.0, f"the trigger's metric {named[ranked[0]][0]} is named")


def _by_correction(plan: Plan, title: str, corrections: Mapping[str, str]) -> Match | None:
    """What a person said of an incident with this very title, its words compared."""
    wanted = words(title)
    for corrected, entry_id in corrections.items():
        entry = plan.entry(entry_id) if wanted and words(corrected) == wanted else None
        if entry is not None:
            return Match(entry, 100.0, f"a person has assigned “{corrected}” to this entry")
    return None


def _by_alias(plan: Plan, title: str, aliases: Mapping[str, str]) -> Match | None:
    own = {alias: entry.id for entry in plan.entries for alias in entry.aliases}
    wanted = " ".join(words(title))
    known = {" ".join(words(alias)): (alias, entry_id) for alias, entry_id in {**own, **aliases}.items()}
    near = (
        process.extract(wanted, list(known), scorer=fuzz.ratio, score_cutoff=ALIAS_THRESHOLD, limit=5)
        if wanted
        else []
    )
    for text, score, _ in near:
        alias, entry_id = known[text]
        entry = plan.entry(entry_id)
        if entry is not None:
            return Match(entry, round(score, 1), f"{score:.0f} % like “{alias}”, known to mean this entry")
    return None


def _same_words(word: str, vocabulary: tuple[str, ...]) -> set[str]:
    """The words of the runbook's titles that a word of the incident may be, typing errors forgiven."""
    if len(word) <= 2 or word.isdigit():  # noqa: PLR2004 too short to be mistyped
        return {word}
    near = process.extract(
        word, vocabulary, scorer=fuzz.ratio, score_cutoff=WORD_THRESHOLD, limit=_MOST_VARIANTS
    )
    return {word} | {other for other, _, _ in near if not other.isdigit()}


def _by_title(plan: Plan, title: str) -> Match | None:
    here = list(dict.fromkeys(words(title)))[:_MAX_WORDS]
    index = _indexes.of(plan)
    meant = {word: _same_words(word, index.vocabulary) & index.weights.keys() for word in here}
    said = set().union(*meant.values()) if meant else set()
    candidates = _candidates(index, said)
    best: tuple[tuple[float, bool, float], int] | None = None
    for number in candidates:
        own = index.titles[number]
        if len(own) == 1 and len(here) > 3:  # noqa: PLR2004 one word in many says little
            continue
        share = _share(own, said, meant, index.weights)
        if best is None or share >= best[0][0]:
            likeness = fuzz.token_sort_ratio(" ".join(own), " ".join(here))
            rank = (share, plan.entries[number].kind == "alert", likeness)
            best = (rank, number) if best is None or rank > best[0] else best
    if best is None or best[0][0] < TITLE_THRESHOLD:
        return None
    score, entry = best[0][0], plan.entries[best[1]]
    return Match(entry, score, f"the title says {score:.0f} % of “{entry.title}”")


def _candidates(index: _Index, said: set[str]) -> list[int]:
    """The entries worth a look: those with the rarest of the words that were said."""
    found: dict[int, float] = {}
    for word in sorted(said, key=lambda w: (-index.weights[w], w)):
        for number in index.entries[word]:
            found[number] = found.get(number, 0.0) + index.weights[word]
    return sorted(found, key=lambda n: (-found[n], n))[:_MOST_CANDIDATES]


def _share(
    own: tuple[str, ...], said: set[str], meant: Mapping[str, set[str]], weights: Mapping[str, float]
) -> float:
    """How much of an entry's title was said, in per cent, by the weight of its words."""
    total = sum(weights[w] for w in own)
    share = round(100 * sum(weights[w] for w in own if w in said) / total, 1) if total else 0.0
    whole = len(meant) > 1 and all(found.intersection(own) for found in meant.values())
    return max(share, SHORT_TITLE) if whole else share


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
        or _by_correction(plan, signals.title, aliases or {})
        or _by_metric(plan, text)
        or _by_alias(plan, signals.title, aliases or {})
        or _by_title(plan, signals.title)
    )
