"""What came of asking PagerDuty for a responder."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from bot import render
from bot.domain.people import Who
from bot.operations import outbox, timeline
from bot.operations.rules import Rules
from bot.store.session import Tx
from bot.store.tables import Incident, TimelineEntry

KIND: Final = "responder_request"
_SAID: Final = "m-no-responder-requests"  # the account's plan: said once, whatever number of incidents


async def done(
    tx: Tx, incident_id: int, role: str, since: str, *, asked: Sequence[Who], assigned: Sequence[Who]
) -> None:
    """PagerDuty calls them: written down once, also when a job that was cut off is done again."""
    data = {"role": role, "since": since}
    query = select(col(TimelineEntry.id)).where(
        col(TimelineEntry.incident_id) == incident_id,
        col(TimelineEntry.kind) == KIND,
        col(TimelineEntry.data) == data,
    )
    if (await tx.session.execute(query)).first() is not None:
        return
    text = [f"asked for a responder: {_names(asked)}"] if asked else []
    text += [f"calls {_names(assigned)} already, for the incident is theirs"] if assigned else []
    await _write(tx, incident_id, f"PagerDuty {'; '.join(text)} ({role})", data)


async def refused(tx: Tx, rules: Rules, incident_id: int, role: str, why: str, *, for_good: bool) -> None:
    """PagerDuty does not: written down; the plan that lacks it is said in the channel, once."""
    await _write(tx, incident_id, f"PagerDuty was not asked for a responder ({role}): {why}", {})
    if for_good and not await outbox.known(tx, _SAID):
        text = (
            "⚠️ This PagerDuty account cannot be asked for responders (its plan does not include it). Reminders go "
            "on here and in direct messages; PagerDuty pages by its own escalation policy only. To stop trying: "
            "`ATS_ESCALATION__RESPONDERS=false`."
        )
        await outbox.post(
            tx, rules.channel, lambda marker: render.plain_message(render.Md(text), marker=marker), marker=_SAID
        )


async def _write(tx: Tx, incident_id: int, text: str, data: Mapping[str, Any]) -> None:
    query = select(Incident).where(col(Incident.id) == incident_id).with_for_update()
    if (await tx.session.execute(query)).scalar_one_or_none() is not None:
        await timeline.append(tx, incident_id, KIND, text, source="bot", data=data)


def _names(people: Sequence[Who]) -> str:
    return ", ".join(who.name or who.pd_id for who in people)
