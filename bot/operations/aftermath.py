"""What follows a run: reminders to take it back, doubts about who began it, the note of it in PagerDuty."""

from collections.abc import Sequence
from typing import Final

from bot import render
from bot.domain import runs as life
from bot.domain.people import Who
from bot.domain.runs import State
from bot.operations import incidents, journal, outbox, runs
from bot.operations.execution import WORDS
from bot.operations.rules import Rules
from bot.operations.runs import hold, instant, write
from bot.store.run_tables import Run
from bot.store.session import CARD_QUEUE, Tx

KEPT_NOTES: Final = 50  # of an incident, that are known to be told in PagerDuty


async def revert_due(tx: Tx, rules: Rules, run_id: int) -> bool:
    """Ask for a temporary change to be taken back, if it still stands; and again later, until it is."""
    run = await hold(tx, run_id)
    now = await instant(tx)
    if run is None or run.revert_due_at is None or now < run.revert_due_at:
        return False
    ref = f"{run.id}@{int(run.revert_due_at.timestamp())}"
    card = await outbox.card(tx, run.incident_id) if run.incident_id else None
    await outbox.show(
        tx, "run-revert", ref, rules.channel, incident_id=run.incident_id, parent_id=card.id if card else None
    )
    run.revert_due_at = now + life.REVERT_AFTER * 4
    await tx.defer("run_revert_due", queue=CARD_QUEUE, at=run.revert_due_at, run_id=run.id)
    words = f"Reminder: “{run.title}” was meant to be temporary and still stands"
    await write(tx, run, "run_revert_due", words, at=now)
    return True


async def in_doubt(tx: Tx, rules: Rules, run_id: int, why: str, people: Sequence[Who]) -> None:
    """Somebody did at one click what they might not have done any more: it stands, and everybody is told, once."""
    run, marker = await hold(tx, run_id), f"m-run-doubt-{run_id}"
    if run is None or await outbox.known(tx, marker):
        return
    person = Who.from_json(run.requester)
    words = f"“{run.title}” was begun by a role that was remembered: {why}"
    await write(tx, run, "run_doubt", words, actor=person, at=await instant(tx))
    told = render.doubt_message(run.id or 0, run.title, person, why, people)
    await outbox.post(tx, rules.channel, outbox.marked(told), incident_id=run.incident_id, marker=marker)


async def not_noted(tx: Tx, rules: Rules, run_id: int, why: str) -> None:
    """PagerDuty refused the note for good: whoever reads only there does not know of the run, and is to be told."""
    run = await hold(tx, run_id)
    incident = await runs.incident_of(tx, run) if run else None
    if run is None or incident is None:
        return
    words = f"PagerDuty does not have the note of “{run.title}”: {why}"
    await write(tx, run, "run_note_failed", words, at=await instant(tx))
    await journal.say(
        tx, rules, incident, lambda marker: render.not_noted_message(run.id or 0, run.title, why, marker=marker)
    )


async def noted(tx: Tx, run_id: int, *, again: bool = False) -> tuple[str, str, str] | None:
    """(PagerDuty incident, sender, text) of the note that tells what was done; None if there is none to write.

    One is asked for at the beginning and one at the end: what another job tells already is not told twice.
    """
    run = await tx.session.get(Run, run_id)
    known = await runs.incident_of(tx, run) if run else None
    incident = await incidents.by_number(tx, known.number, lock=True) if known else None
    if run is None or incident is None:
        return None
    await tx.session.refresh(incident)  # as it is now that it is held
    mark, told = f"{run.id} {run.state}", list(incident.extra.get("run_notes") or [])
    if mark in told and not again:
        return None
    incident.extra = {**incident.extra, "run_notes": [*told, mark][-KEPT_NOTES:]}
    name = Who.from_json(run.requester).name or "Somebody"
    glass = f" The glass was broken: {run.glass}" if run.glass else ""
    state = State(run.state)
    done = WORDS.get(state, f"It is {state.replace('_', ' ')}")
    words = f"{name} asked for “{run.title}” ({run.step_id}) in Slack. {done}. "
    return incident.pd_id, str(run.requester.get("email") or ""), f"{words}{run.reason}{glass} [run {run.id}]"
