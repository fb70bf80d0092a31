"""Ask for a look at the systems, and write down what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from bot.domain.questions import Question
from bot.operations import automatic, incidents, looks, outbox, sheets, timeline
from bot.operations.looks import Asked
from bot.operations.rules import Rules
from bot.operations.sheets import Place
from bot.store.session import LOOK_QUEUE, Tx


@dataclass(frozen=True, slots=True)
class Teller:
    """Whom to tell something, and where (bot.jobs.answering)."""

    slack_id: str
    channel: str
    response_url: str


async def ask_health(tx: Tx, asked: Asked, *, systems: Sequence[str] | None = None, name: str = "") -> int:
    """`/ats health [system]`: the answer goes to where it was asked."""
    key = ",".join(sorted(systems)) if systems is not None else ""
    subject = {"systems": list(systems) if systems is not None else None, "name": name}
    return await looks.ask(tx, "health", key, subject, asked)


async def ask(tx: Tx, asked: Asked, about: Question) -> int:
    """`/ats diag alert|system`: the answer goes to where it was asked, the details into its thread."""
    subject = {"entry": about.entry_id, "systems": list(about.systems), "name": about.name}
    return await looks.ask(tx, "diagnosis", about.key, subject, asked)


async def ask_diagnosis(tx: Tx, asked: Asked, *, number: int) -> bool:
    """The card's Diagnose, or `/ats diag N`: the answer goes to the incident's thread. False without such a one."""
    incident = await incidents.by_number(tx, number)
    if incident is None:
        return False
    await automatic.look_into(tx, incident, asked)
    return True


async def diagnosed(tx: Tx, asked: Asked, *, text: str, data: Mapping[str, Any]) -> None:
    """Write down what was read, by whom, and where its output is."""
    incident = await incidents.by_number(tx, asked.number, lock=True) if asked.number else None
    await timeline.append(
        tx, incident.id if incident else None, "diagnosis", text[:4000], actor=asked.by,
        source="slack" if asked.by else "bot", data=data,
    )  # fmt: skip


async def ask_step(tx: Tx, asked: Asked, *, look_id: int, step_id: str, parameters: Mapping[str, str]) -> bool:
    """A value was chosen in a diagnosis: the step is run with it, and posted in the same thread."""
    look = await looks.get(tx, look_id)
    if look is None:
        return False
    first = looks.places(look)[0]
    where = Asked(asked.channel, asked.response_url, first.number, first.incident_id, asked.by)
    await tx.defer(
        "step",
        queue=LOOK_QUEUE,
        step_id=step_id,
        parameters=dict(parameters),
        asked=where.as_json(),
        look_id=look_id,
    )
    return True


def step_ref(look_id: int, step_id: str, parameters: Mapping[str, str], asked: Asked) -> str:
    """The same for the same choice on the same click, however often it is carried out."""
    said = f"{look_id} {step_id} {sorted(parameters.items())} {asked.response_url}"
    return f"step-{uuid5(NAMESPACE_OID, said).hex}"


async def thread_for(tx: Tx, rules: Rules, look_id: int, asked: Asked) -> Place:
    """The thread of the diagnosis in which a value was chosen."""
    if asked.incident_id:
        card = await outbox.card(tx, asked.incident_id)
        return Place(rules.channel, asked.incident_id, card.id if card else None)
    summary = await outbox.shown(tx, sheets.SHEET, f"look-{look_id}-0")
    channel = summary.channel if summary else asked.channel or rules.channel
    return Place(channel, None, summary.id if summary else None)
