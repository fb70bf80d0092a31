"""What a diagnosis is about."""

from pathlib import Path

import pytest

from bot.domain.questions import asking_steps, question, reads, steps_for
from bot.domain.touched import of_steps, touched
from runbook import compile_text, shipped_path
from runbook.model import Risk

KNOWN = {
    "api": "Trading API", "database": "PostgreSQL", "redis": "Redis", "pm2": "PM2", "docker": "Docker services",
    "loki": "Loki", "rate-gate": "Rate gate", "disk": "Disk", "memory": "Memory", "cpu": "CPU",
}  # fmt: skip
PATH = Path(shipped_path())
PLAN = compile_text(PATH.read_text("utf-8"), lock=PATH.with_name(PATH.name + ".lock").read_text("utf-8"))


@pytest.mark.parametrize(
    ("typed", "entry", "systems"),
    [
        ("redis", "", ("redis",)),
        ("host", "", ("disk", "memory", "cpu")),
        ("pm2 high restart rate", "pm2-high-restart-rate", ()),
        ("pm2-high-restart-rate", "pm2-high-restart-rate", ()),
        ("connection pool", "database-connection-pool-exhausted", ()),
    ],
)
def test_words_mean_a_system_or_an_alert(typed: str, entry: str, systems: tuple[str, ...]) -> None:
    """A system by its name; an alert by its id, its title or some words of it."""
    asked = question(PLAN, KNOWN, typed)
    assert (asked.entry_id, asked.systems) == (entry, systems)


def test_what_means_nothing_gets_the_nearest() -> None:
    """A typing error is offered what was meant; nothing is run for it."""
    asked = question(PLAN, KNOWN, "lokki ingestoin")
    assert (asked.entry_id, asked.systems) == ("", ())
    assert asked.nearest


def test_only_steps_that_read_are_run() -> None:
    """Of every entry of the runbook: proved to read, a program, no parameter; those with one are offered apart."""
    for entry in PLAN.entries:
        asked = question(PLAN, KNOWN, entry.id)
        chosen = steps_for(PLAN, asked, KNOWN)
        assert all(step.risk is Risk.READ and not step.params and reads(step) for step in chosen)
        assert not {s.id for s in chosen} & {s.id for s in asking_steps(PLAN, asked, KNOWN)}


def test_a_system_has_the_steps_that_look_at_it() -> None:
    """From the whole runbook, each look once."""
    found = [step.id for step in steps_for(PLAN, question(PLAN, KNOWN, "pm2"), KNOWN)]
    assert "pm2.status" in found
    assert not {"pm2.status", "health.pm2"} <= set(found)


def test_steps_name_their_systems() -> None:
    """By program and by port; the host's own probes always belong to it."""
    steps = {step.id: step for entry in PLAN.entries for step in entry.steps}
    assert touched(steps["rate-gate.status"], KNOWN) == ("rate-gate",)
    assert touched(steps["postgres.connections"], KNOWN) == ("database",)
    assert set(of_steps([steps["loki.ready"]], KNOWN)) == {"loki", "cpu", "memory", "disk"}
