"""Carry out what was asked about an incident's command, if the person may; and ask its commander what is due."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog

from bot import render
from bot.domain import policy, postmortem
from bot.domain.people import Who
from bot.domain.policy import Action
from bot.errors import AtsError
from bot.jobs.answering import tell
from bot.jobs.remind import MovedError, Pace, at_pace
from bot.jobs.work import Work
from bot.operations import commanding, record, sheets
from bot.operations.commanding import Order
from bot.operations.views import shown
from bot.store.session import Tx

log = structlog.get_logger(__name__)

BATCH: Final = 50
PATIENCE: Final = 4.0  # seconds that a question waits for the Slack account of whom it asks
_DOING: Final = {
    "handover": "Handing over", "snooze": "Putting off the next question", "postmortem": "Drafting the postmortem",
    "dismiss": "Dismissing the postmortem",
}  # fmt: skip


async def order(work: Work, order: Mapping[str, Any]) -> None:
    """One request, from the check of the role to the answer."""
    ask = Order(**order)
    access = await work.directory.access(ask.slack_id, channel_id=ask.channel)
    decision = policy.decide(Action.COMMAND, access)
    if not decision.allowed:
        holders = [w for row in await work.directory.rota() if row.get("name") and (w := shown(row))]
        reason = "; ".join(access.problems) or decision.reason
        await tell(work, ask, render.refusal_message(_DOING[ask.what], decision.needed, holders, reason=reason))
        return
    by = Who(ask.slack_id, access.name, access.pd_id)
    to = await _whom(work, ask, by)
    async with work.store.transaction() as tx:
        why_not = await _carry_out(tx, work, ask, by, to)
    if why_not:
        await tell(work, ask, render.error_message(why_not, "", ""))
    elif ask.response_url and ask.what != "snooze":
        await tell(work, ask, render.plain_message(f"{_DOING[ask.what]} of #{ask.number}: done."))


async def _carry_out(tx: Tx, work: Work, ask: Order, by: Who, to: Who | None) -> str:
    match ask.what:
        case "snooze":
            return await commanding.snooze(tx, work.rules, ask.number, by=by)
        case "postmortem":
            return await _draft(tx, work, ask, by)
        case "dismiss":
            return await commanding.reviewed(tx, work.rules, ask.number, by=by, made=False, text=ask.text)
        case _:
            if to is None:
                return (
                    f"I know nobody called “{ask.to[:60]}” in {work.rules.channel}. Use the button “Hand over”."
                )
            return await commanding.hand_over(tx, work.rules, ask.number, to, by=by, text=ask.text)


async def _draft(tx: Tx, work: Work, ask: Order, by: Who) -> str:
    """The draft as a file in the incident's thread, once for each click."""
    facts = await record.facts(tx, work.rules, ask.number)
    why_not = await commanding.reviewed(tx, work.rules, ask.number, by=by, made=True)
    if why_not:
        return why_not
    incident_id, parent_id = await commanding.place(tx, ask.number)
    file = sheets.Upload(
        f"postmortem-{ask.number}.md", f"Postmortem #{ask.number} (draft)", postmortem.draft(facts).encode()
    )
    place = sheets.Place(work.rules.channel, incident_id, parent_id)
    comment = f"📝 A first draft of the postmortem of #{ask.number}, by {by.name or 'ats-bot'}."
    await sheets.attach(tx, f"postmortem-{ask.key or tx.now.isoformat()}", place, [file], comment=comment)
    return ""


async def _whom(work: Work, ask: Order, by: Who) -> Who | None:
    """Who takes over: by Slack id, else somebody on call or in the channel of that name."""
    if ask.what != "handover":
        return None
    if ask.to.lstrip("@").casefold() in {"me", "myself"} or ask.to == by.slack_id:
        return by
    slack_id = ask.to if ask.to[:1] in {"U", "W"} and ask.to.isalnum() and ask.to.isupper() else ""
    slack_id = slack_id or await work.directory.named(ask.to)
    if not slack_id:
        return None
    access = await work.directory.access(slack_id)
    return None if access.is_bot or not access.name else Who(slack_id, access.name, access.pd_id)


async def ask_commanders(work: Work, pace: Pace) -> list[timedelta]:
    """Ask for status updates and postmortems that are due; how late each question was."""
    late: list[timedelta] = []
    seen: set[int] = set()
    while True:
        async with work.store.transaction(reserved=True) as tx:
            ids = [i for i in await commanding.due(tx, limit=BATCH + len(seen)) if i not in seen]
            strangers = await commanding.strangers(tx, ids) if ids else {}
        if not ids:
            return late
        seen.update(ids)
        for pd_id in strangers:
            await _introduce(work, pd_id)
        try:
            async with at_pace(work, pace) as tx:
                late += await commanding.ask(tx, work.rules, ids, pace.excused)
        except MovedError:
            return late


async def _introduce(work: Work, pd_id: str) -> None:
    """Find the Slack account of somebody who acknowledged in PagerDuty; without it their name must do."""
    try:
        async with asyncio.timeout(PATIENCE):
            slack_id = await work.directory.slack_id_of(pd_id)
    except (AtsError, TimeoutError) as error:
        log.info("commander not found in Slack", pd_id=pd_id, error=str(error))
        return
    if slack_id:
        async with work.store.transaction(reserved=True) as tx:
            await commanding.known_as(tx, pd_id, slack_id)


async def tell_shifts(work: Work, rota: Sequence[Mapping[str, Any]]) -> None:
    """Open incidents learn who is on call now; one transaction each."""
    async with work.store.transaction() as tx:
        ids = await commanding.open_ids(tx)
    for incident_id in ids:
        async with work.store.transaction() as tx:
            await commanding.shifted(tx, work.rules, incident_id, rota)
