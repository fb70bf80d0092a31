"""Search in a plan: ranked, tolerant of typing errors, over titles, triggers, commands and text."""

import re
from collections import OrderedDict
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from runbook.model import Entry, Hit, Plan

WORD_THRESHOLD = 80.0  # per cent of likeness at which a typed word counts as one of the runbook's

_WORD = re.compile(r"[a-z0-9]+")
_TITLE, _TRIGGER, _COMMAND, _TEXT = 10.0, 6.0, 3.0, 1.0
_MAX_WORDS = 12
_MAX_VARIANTS = 8
_EXCERPT = 160
_KEPT = 4


@dataclass(frozen=True, slots=True)
class Index:
    """Which words stand where: word -> {entry number: weight}."""

    postings: dict[str, dict[int, float]]
    vocabulary: list[str]


def _tokens(text: str) -> list[str]:
    return [w for w in _WORD.findall(text.lower()) if len(w) > 1 or w.isdigit()]


def _parts(entry: Entry) -> list[tuple[str, float]]:
    commands = "\n".join(f"{s.title}\n{s.source}" for s in entry.steps)
    names = " ".join((entry.title, *entry.aliases))
    return [
        (names, _TITLE),
        (" ".join(entry.path), 2 * _TEXT),
        (f"{entry.trigger} {entry.impact} {entry.severity}", _TRIGGER),
        (commands, _COMMAND),
        (entry.text, _TEXT),
    ]


def build(plan: Plan) -> Index:
    """Index a plan; linear in its text."""
    postings: dict[str, dict[int, float]] = {}
    for number, entry in enumerate(plan.entries):
        for text, weight in _parts(entry):
            for word in set(_tokens(text)):
                places = postings.setdefault(word, {})
                places[number] = places.get(number, 0.0) + weight
    return Index(postings, list(postings))


class _Cache:
    """The indexes of the last few plans, by the digest of their text."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, str, int], Index] = OrderedDict()

    def of(self, plan: Plan) -> Index:
        key = (plan.path, plan.digest, len(plan.entries))
        index = self._held.get(key)
        if index is None:
            index = build(plan)
            self._held[key] = index
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return index


_cache = _Cache()


def prepare(plan: Plan) -> None:
    """Build the index ahead of the first search."""
    _cache.of(plan)


def _variants(word: str, vocabulary: list[str]) -> list[tuple[str, float]]:
    """The runbook's words that a typed word may mean, each with a likeness between 0 and 1."""
    found = {w: 0.9 for w in vocabulary if len(word) > 2 and w.startswith(word)}  # noqa: PLR2004
    near = process.extract(
        word, vocabulary, scorer=fuzz.ratio, score_cutoff=WORD_THRESHOLD, limit=_MAX_VARIANTS
    )
    for other, score, _ in near:
        found[other] = max(found.get(other, 0.0), (score / 100) ** 2)
    return sorted(found.items(), key=lambda p: (-p[1], p[0]))[: 4 * _MAX_VARIANTS]


def _word_scores(word: str, index: Index, total: int) -> dict[int, float]:
    scores: dict[int, float] = {}
    for other, likeness in _variants(word, index.vocabulary):
        places = index.postings[other]
        rarity = 1.0 + (total - len(places)) / total
        for number, weight in places.items():
            scores[number] = max(scores.get(number, 0.0), likeness * weight * rarity)
    return scores


def _excerpt(entry: Entry, wanted: list[str]) -> tuple[str, int]:
    """The line of an entry that says most of the words, and its line number."""
    best, best_score = (entry.title, entry.line_start), 0
    for offset, line in enumerate(entry.text.split("\n")):
        lower = line.lower()
        score = sum(1 for w in wanted if w in lower)
        if score > best_score:
            best, best_score = (line.strip(), entry.line_start + offset), score
    return best[0][:_EXCERPT], best[1]


def search(plan: Plan, words: str, *, limit: int = 5) -> list[Hit]:
    """The entries that answer a few words best, best first; empty when none says any of them."""
    wanted = list(dict.fromkeys(_tokens(words[:500])))[:_MAX_WORDS]
    if not wanted or not plan.entries:
        return []
    index = _cache.of(plan)
    total: dict[int, float] = {}
    said: dict[int, int] = {}
    for word in wanted:
        for number, score in _word_scores(word, index, len(plan.entries)).items():
            total[number] = total.get(number, 0.0) + score
            said[number] = said.get(number, 0) + 1
    ranked = sorted(total, key=lambda n: (-(total[n] * said[n] / len(wanted)), n))[: max(limit, 0)]
    return [_hit(plan.entries[n], wanted, total[n] * said[n] / len(wanted)) for n in ranked]


def _hit(entry: Entry, wanted: list[str], score: float) -> Hit:
    excerpt, line = _excerpt(entry, wanted)
    return Hit(entry=entry, score=round(score, 2), excerpt=excerpt, line=line)
