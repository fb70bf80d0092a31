"""Answer a person where they asked, seen by them only."""

from typing import Protocol

import structlog

from bot import render
from bot.domain.policy import Access, Decision, Role
from bot.errors import AtsError
from bot.jobs.work import Work
from bot.operations.views import shown

log = structlog.get_logger(__name__)


class Asked(Protocol):
    """Where a person asked for something."""

    @property
    def slack_id(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def response_url(self) -> str: ...


async def tell(work: Work, ask: Asked, message: render.Message, *, thread_ts: str = "") -> None:
    """By the response_url; where that is no longer possible, as a message that only they see.

    `thread_ts`: in that thread, which only the latter can: who looks at a thread sees no answer in the channel.
    """
    if thread_ts and await _told_in_thread(work, ask, message, thread_ts):
        return
    try:
        if ask.response_url:
            await work.slack.respond(ask.response_url, message.payload())
            return
    except AtsError as error:
        log.info("answer by response_url failed", error=str(error))
    try:
        channel = await work.slack.channel_id(ask.channel or work.rules.channel)
        await work.slack.ephemeral(channel, ask.slack_id, message.payload())
    except AtsError as error:
        log.warning("person not told", person=ask.slack_id, error=str(error))


async def _told_in_thread(work: Work, ask: Asked, message: render.Message, thread_ts: str) -> bool:
    try:
        channel = await work.slack.channel_id(ask.channel or work.rules.channel)
        await work.slack.ephemeral(channel, ask.slack_id, message.payload(), thread_ts=thread_ts)
    except AtsError as error:
        log.info("answer in the thread failed", error=str(error))
        return False
    return True


async def refuse(work: Work, ask: Asked, doing: str, access: Access, decision: Decision) -> None:
    """Tell a person which role is needed, who has it now, and what could not be looked up."""
    rota = await work.directory.rota()
    holders = [shown(row) for row in rota if decision.needed is Role.RESPONDER and row.get("name")]
    reason = "; ".join(access.problems)
    await tell(
        work, ask, render.refusal_message(doing, decision.needed, [h for h in holders if h], reason=reason)
    )
