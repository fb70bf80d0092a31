"""What a diagnosis is about: an alert or procedure of the runbook, or a system. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz, process, utils

from bot.domain.looks import nearest, systems
from bot.domain.touched import touched
from runbook.model import Entry, Kind, Plan, Risk, Step

ALIKE: Final = 86.0  # how alike (0..100) words must be to a title to mean it
STEPS: Final = 10  # of the runbook, in one diagnosis
_RUNNABLE: Final = frozenset({Kind.HTTP, Kind.SQL, Kind.REDIS, Kind.EXEC})


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked about: an entry, or systems; neither when the words mean nothing, then the nearest ones."""

    name: str = ""
    entry_id: str = ""
    systems: tuple[str, ...] = ()
    nearest: str = ""

    @property
    def key(self) -> str:
        """The same for the same question."""
        return f"entry {self.entry_id}" if self.entry_id else f"systems {','.join(sorted(self.systems))}"


def question(plan: Plan, known: Mapping[str, str], words: str) -> Question:
    """What a person's words mean: a system first, then an entry by its id or title."""
    chosen = systems(words, known)
    if words.strip() and chosen.names:
        return Question(chosen.said, systems=chosen.names)
    found = _entry(plan, words)
    if found is not None:
        return Question(found.title, entry_id=found.id)
    titles = [e.title for e in plan.entries if e.kind == "alert"]
    return Question(nearest=chosen.nearest or nearest(words, titles))


def _entry(plan: Plan, words: str) -> Entry | None:
    exact = plan.entry(words.strip())
    if exact is not None:
        return exact
    titles = {i: " ".join((e.title, *e.aliases)) for i, e in enumerate(plan.entries)}
    found = process.extractOne(
        words, titles, scorer=fuzz.token_set_ratio, processor=utils.default_process, score_cutoff=ALIKE
    )
    return plan.entries[found[2]] if found else None


def reads(step: Step) -> bool:
    """Whether the bot may run it by itself: proved to read, and with a program."""
    return step.risk is Risk.READ and step.kind in _RUNNABLE


def steps_for(plan: Plan, asked: Question, known: Mapping[str, str]) -> tuple[Step, ...]:
    """The reading steps without parameters: of the entry, or those of the whole runbook that look at the systems."""
    return tuple(step for step in _candidates(plan, asked, known) if not step.params)[:STEPS]


def asking_steps(plan: Plan, asked: Question, known: Mapping[str, str]) -> tuple[Step, ...]:
    """The reading steps that need a parameter first."""
    return tuple(step for step in _candidates(plan, asked, known) if len(step.params) == 1)[:STEPS]


def _candidates(plan: Plan, asked: Question, known: Mapping[str, str]) -> tuple[Step, ...]:
    entry = plan.entry(asked.entry_id)
    if entry is not None:
        return tuple(step for step in entry.steps if reads(step))
    every = [step for e in plan.entries for step in e.steps if reads(step)]
    unique: dict[str, Step] = {}
    for step in every:
        if set(touched(step, known)) & set(asked.systems):
            unique.setdefault(_bare(step), step)
    return tuple(unique.values())


def _bare(step: Step) -> str:
    """The commands alone: the same look in two entries is one look."""
    return "\n".join(
        line.strip() for line in step.source.splitlines() if line.strip() and line.strip()[0] != "#"
    )
