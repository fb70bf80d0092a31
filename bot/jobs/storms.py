"""Acknowledge all incidents of a storm, each in PagerDuty as the person who pressed."""

from typing import Final

from bot import render
from bot.domain import pagerduty, policy
from bot.domain.people import Who
from bot.domain.policy import Action
from bot.jobs.answering import tell
from bot.jobs.work import Work
from bot.operations import incidents, storms
from bot.operations.commanding import Order

AT_ONCE: Final = 100  # incidents in one request of PagerDuty's; it takes 250


async def storm_ack(work: Work, storm_id: int, slack_id: str, channel: str, response_url: str) -> None:
    """Done again after a cut: those that are acknowledged already are not asked for again."""
    ask = Order("storm_ack", 0, slack_id, channel=channel, response_url=response_url)
    access = await work.directory.access(slack_id, channel_id=channel)
    decision = policy.decide(Action.ACKNOWLEDGE, access)
    sender = access.pd_email or work.from_email
    if not decision.allowed or not sender:
        reason = decision.reason or "no PagerDuty user has your e-mail"
        await tell(
            work, ask, render.refusal_message("Acknowledging a storm", decision.needed, [], reason=reason)
        )
        return
    person, done = Who(slack_id, access.name, access.pd_id), 0
    while True:
        async with work.store.transaction() as tx:
            ids = await storms.unacknowledged(tx, storm_id, limit=AT_ONCE)
        if not ids:
            break
        now_done = await _acknowledge(work, ids, person, sender)
        done += now_done
        if not now_done:
            break  # PagerDuty does not move them: its webhooks will say how they stand
    if done:
        async with work.store.transaction() as tx:
            await storms.acknowledged(tx, work.rules, storm_id, by=person, count=done)


async def _acknowledge(work: Work, ids: list[str], person: Who, sender: str) -> int:
    """How many PagerDuty says are acknowledged, whether its webhook or this answer is heard first."""
    done = 0
    for answer in await work.pagerduty.acknowledge_all(ids, from_email=sender):
        seen = pagerduty.snapshot(answer)
        async with work.store.transaction() as tx:
            await incidents.confirmed(tx, work.rules, seen.pd_id, seen, by=person)
        done += seen.status == "acknowledged"
    return done
