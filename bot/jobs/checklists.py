"""Carry out what was pressed on a checklist, if the person may; say so if not."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot import render
from bot.domain import policy
from bot.domain.people import Who
from bot.domain.policy import Action
from bot.jobs.answering import refuse, tell
from bot.jobs.work import Work
from bot.operations import checklists
from bot.operations.checklists import Press
from bot.operations.rules import Rules
from bot.store.session import Tx

_Change = Callable[[Tx, Rules, Press], Awaitable[str]]


async def checklist(work: Work, press: Mapping[str, Any]) -> None:
    """One press, from the check of the role to the answer."""
    wanted = Press(**press)
    access = await work.directory.access(wanted.slack_id, channel_id=wanted.channel)
    decision = policy.decide(Action.CHECKLIST, access)
    if not decision.allowed:
        await refuse(work, wanted, "Working on a checklist", access, decision)
        return
    by = Who(wanted.slack_id, access.name, access.pd_id)
    async with work.store.transaction() as tx:
        why_not = await _change(tx, work.rules, wanted, by)
    if why_not:
        await tell(work, wanted, render.error_message(why_not, "", "The checklist shows how it stands."))


async def _change(tx: Tx, rules: Rules, press: Press, by: Who) -> str:
    match press.what:
        case "start":
            entry = rules.plan.entry(press.entry)
            if entry is None:
                return "The runbook has no such entry any more."
            return await checklists.start(tx, rules, entry, press, by=by)
        case "wait":
            return await checklists.wait(tx, rules, press, by=by)
        case "back":
            return await checklists.take_back(tx, rules, press, by=by)
        case "give_up":
            return await checklists.give_up(tx, rules, press, by=by)
        case _:
            return await checklists.leave(tx, rules, press, by=by)


async def checklist_time(work: Work, checklist: int, item: int) -> None:
    """An item's time is over."""
    async with work.store.transaction() as tx:
        await checklists.time_over(tx, work.rules, checklist, item)
