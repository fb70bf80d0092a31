"""Ask for a look at the systems; the job `examine` looks and answers."""

from bot.domain.people import Who
from bot.operations import incidents, outbox, timeline
from bot.operations.rules import Rules
from bot.render import Message
from bot.store.session import EFFECT_QUEUE, Tx


async def ask_health(tx: Tx, *, slack_id: str, channel: str, response_url: str) -> None:
    """`/ats health`: the answer goes to where it was asked."""
    await tx.defer(
        "examine", queue=EFFECT_QUEUE, slack_id=slack_id, channel=channel, response_url=response_url, number=0
    )


async def ask_diagnosis(tx: Tx, *, slack_id: str, channel: str, response_url: str, number: int) -> bool:
    """The card's Diagnose: the answer goes to the incident's thread. False if there is no such incident."""
    if await incidents.by_number(tx, number) is None:
        return False
    await tx.defer(
        "examine",
        queue=EFFECT_QUEUE,
        slack_id=slack_id,
        channel=channel,
        response_url=response_url,
        number=number,
    )
    return True


async def posted(tx: Tx, rules: Rules, message: Message) -> None:
    """A health report for everybody in the operations channel."""
    await outbox.post(tx, rules.channel, outbox.marked(message))


async def diagnosed(tx: Tx, rules: Rules, number: int, message: Message, *, by: Who, summary: str) -> None:
    """A diagnosis, in the thread of its incident and in its timeline."""
    incident = await incidents.by_number(tx, number, lock=True)
    if incident is None:
        return
    await timeline.append(tx, incident.id, "diagnosis", summary, actor=by, source="slack" if by else "bot")
    card = await outbox.card(tx, incident.id or 0)
    await outbox.post(
        tx, rules.channel, outbox.marked(message), incident_id=incident.id, parent_id=card.id if card else None
    )
