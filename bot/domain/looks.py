"""What a look at the systems is about, and how often the bot looks by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process, utils

NEAR = 60.0  # how alike (0..100) a word must be to be offered as what was meant


@dataclass(frozen=True, slots=True)
class LookSettings:
    """`[looks]` of the settings."""

    automatic: bool = True  # a new P0 or P1 is diagnosed by itself
    at_once: int = 4  # looks that are worked on at once
    sample_every: float = 60.0  # seconds between figures for the trends; 0: only those of other looks
    keep_days: int = 7  # of figures
    watches: int = 3  # reports kept current at the same time
    watch_every: float = 15.0  # seconds


# What people say for a system, or for several at once -> the probes of it.
_SAID: Mapping[str, tuple[str, ...]] = {
    "host": ("disk", "memory", "cpu"),
    "server": ("disk", "memory", "cpu"),
    "postgres": ("database",),
    "postgresql": ("database",),
    "db": ("database",),
    "sql": ("database",),
    "timescale": ("timescaledb", "timescale"),
    "trading": ("api",),
    "compose": ("docker",),
    "containers": ("docker",),
    "processes": ("pm2",),
    "ram": ("memory",),
    "load": ("cpu",),
    "space": ("disk",),
    "kubernetes": ("kubernetes", "cluster", "helm"),
    "pods": ("kubernetes", "cluster"),
    "logs": ("loki", "log", "application_log"),
    "backup": ("backups", "s3", "backup"),
    "tls": ("certificates", "certificate"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Probes that were asked for by name; none when the name is not known, then what may have been meant."""

    names: tuple[str, ...]
    said: str = ""  # for the headline; empty: all of them
    nearest: str = ""


def systems(text: str, known: Mapping[str, str]) -> Chosen:
    """The probes that a person's word means.

    Args:
        text: what was typed; nothing at all means every system.
        known: each probe's name and the system as it is shown.
    """
    word = " ".join(text.split()).casefold()
    if not word:
        return Chosen(tuple(known))
    exact = tuple(
        n for n, shown in known.items() if word in {_bare(n), _bare(shown)} or word == shown.casefold()
    )
    if exact:
        return Chosen(exact, known[exact[0]] if len(exact) == 1 else text.strip())
    meant = tuple(n for n in _SAID.get(word, ()) if n in known)
    if meant:
        return Chosen(meant, known[meant[0]] if len(meant) == 1 else text.strip().capitalize())
    return Chosen((), nearest=nearest(word, [*known, *known.values(), *_SAID]))


def _bare(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").casefold()


def nearest(word: str, choices: Sequence[str]) -> str:
    """The choice that is most like the word, "" if none is alike."""
    found = process.extractOne(
        word, choices, scorer=fuzz.WRatio, processor=utils.default_process, score_cutoff=NEAR
    )
    return str(found[0]) if found else ""
