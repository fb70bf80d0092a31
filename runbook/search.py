"""Search in a plan: ranked, tolerant of typing errors, over titles, triggers, commands and text."""

import re
from bisect import bisect_left
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from runbook.model import Entry, Hit, Plan
from runbook.recent import Recent

WORD_THRESHOLD = 80.0  # per cent of likeness at which a typed word counts as one of the runbook's

_WORD = re.compile(r"[a-z0-9]+")
_TITLE, _TRIGGER, _COMMAND, _TEXT = 10.0, 6.0, 3.0, 1.0
_MAX_WORDS = 12
_MAX_VARIANTS = 8
_MAX_BEGINNINGS = 40
_SHORTER = 0.66  # two words that are 80 % alike differ in length by a third at most
_EXCERPT = 160


@dataclass(frozen=True, slots=True)
class Index:
    """Which words stand where: word -> {entry number: weight}."""

    postings: dict[str, dict[int, float]]
    ordered: list[str]  # all words, sorted, for beginnings of words
    by_length: dict[int, list[str]]  # words with letters, for typing errors


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
    by_length: dict[int, list[str]] = {}
    for word in postings:
        if not any(c.isdigit() for c in word):
            by_length.setdefault(len(word), []).append(word)
    return Index(postings, sorted(postings), by_length)


_indexes = Recent(build)


def prepare(plan: Plan) -> None:
    """Build the index ahead of the first search."""
    _indexes.of(plan)


def _beginning(word: str, ordered: list[str]) -> list[str]:
    """The runbook's words that begin so."""
    first = bisect_left(ordered, word)
    found = ordered[first : first + _MAX_BEGINNINGS]
    return [w for w in found if w.startswith(word)]


def _variants(word: str, index: Index) -> list[tuple[str, float]]:
    """The runbook's words that a typed word may mean, each with a likeness between 0 and 1."""
    found = dict.fromkeys(_beginning(word, index.ordered), 0.9) if len(word) > 2 else {}  # noqa: PLR2004
    if word in index.postings:
        found[word] = 1.0
    if not word.isdigit():
        shortest, longest = int(len(word) * _SHORTER), int(len(word) / _SHORTER) + 1
        likely = [w for size in range(shortest, longest + 1) for w in index.by_length.get(size, ())]
        near = process.extract(
            word, likely, scorer=fuzz.ratio, score_cutoff=WORD_THRESHOLD, limit=_MAX_VARIANTS
        )
        for other, score, _ in near:
            found[other] = max(found.get(other, 0.0), (score / 100) ** 2)
    return sorted(found.items(), key=lambda p: (-p[1], p[0]))[: 4 * _MAX_VARIANTS]


def _word_scores(word: str, index: Index, total: int) -> dict[int, float]:
    scores: dict[int, float] = {}
    for other, likeness in _variants(word, index):
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
    index = _indexes.of(plan)
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
