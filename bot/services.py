"""What the handlers are given: the bot's side of handlers.services.Services."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bot import previews
from bot.domain.policy import Access
from bot.errors import AtsError, RateLimitedError, RejectedError, TemporaryError
from bot.jobs import asked
from bot.jobs import presses as pressing
from bot.jobs.examine import known
from bot.operations import incidents
from bot.operations.rules import Rules
from bot.operations.runs import RunPress
from bot.operations.views import on_call_views, row_view, shown
from bot.render import ActionRow, HomeView, Message, PolicyLevel, PolicyView, PreviewView, Priorities, View, Who
from bot.store.session import Tx
from handlers.commands import whoami_view

if TYPE_CHECKING:
    from bot.app import Bot

RESPONSES: Final = 3  # tries to answer a command
PRIORITIES: Final = (300.0, 86_400.0)  # seconds: fresh, and the oldest that is still shown
IN_TIME: Final = 1.5  # seconds of the three that Slack waits for the answer to a modal


class BotServices:
    """What the handlers may use (handlers.services.Services)."""

    def __init__(self, bot: "Bot") -> None:
        self._bot = bot

    @property
    def rules(self) -> Rules:
        return self._bot.rules

    def transaction(self, *, reserved: bool = False) -> AbstractAsyncContextManager[Tx]:
        return self._bot.store.transaction(reserved=reserved)

    def systems(self) -> Mapping[str, str]:
        return known()

    async def where(self, channel_id: str) -> str | None:
        ours = self.rules.channel
        if channel_id == await self._bot.slack.channel_id(ours):
            return ours
        return channel_id if await self._bot.slack.is_member(channel_id) else None

    async def access(self, slack_id: str, *, channel_id: str = "") -> Access:
        return await self._bot.directory.access(slack_id, channel_id=channel_id)

    def rota_known(self) -> Sequence[Mapping[str, Any]]:
        return self._bot.directory.rota_known()

    def hurry(self, *, kept: bool) -> None:
        self._bot.worker.hurry(self.rules.channel, kept=kept)

    @property
    def works(self) -> bool:
        return self._bot.work.soon.open

    def go_on_with(self, run_id: int) -> None:
        work = self._bot.work
        work.soon.start(f"prepare {run_id}", partial(asked.prepare, work, run_id))

    def carry_out(self, presses: Sequence[RunPress], job_id: int) -> None:
        work = self._bot.work
        work.soon.start(f"press {job_id}", partial(pressing.carry_out_here, work, presses, job_id))

    async def rota(self) -> tuple[Sequence[Mapping[str, Any]], str]:
        on_call = await self._bot.directory.on_call()
        note = f"PagerDuty does not say: {on_call.problem}" if on_call.problem else ""
        if not note and on_call.age > 60:  # noqa: PLR2004 - a minute old is as good as now
            note = f"PagerDuty does not answer; this is from {on_call.age / 60:.0f} min ago."
        return await self._bot.directory.rota(), note

    async def rota_at(self, at: datetime) -> Sequence[Mapping[str, Any]]:
        return await self._bot.directory.rota_at(at)

    async def phone_tree(self) -> PolicyView | None:
        """The policy of the name that the first row of the contact table has (S04)."""
        contacts = self.rules.plan.contacts
        name = contacts[0].schedule if contacts else ""
        try:
            found = await self._bot.pagerduty.escalation_policies(name)
        except AtsError:
            return None
        return next((policy_view(p) for p in found if p.get("name") == name), None)

    async def priorities(self) -> Priorities:
        """Asked for once in a while; a modal waits for it no longer than Slack waits for the modal."""
        remembered, ask = self._bot.remembered, self._bot.pagerduty.priorities
        try:
            async with asyncio.timeout(IN_TIME):
                found, _ = await remembered.get("priorities", PRIORITIES, ask)
        except (AtsError, TimeoutError):
            known = await remembered.peek("priorities", PRIORITIES[1])
            if known is None:
                return Priorities()
            found = known
        return Priorities(
            tuple((str(p.get("id")), str(p.get("name") or ""), str(p.get("description") or "")) for p in found)
        )

    async def respond(self, response_url: str, message: Message) -> None:
        for attempt in range(RESPONSES):  # of the five that Slack takes
            try:
                await self._bot.slack.respond(response_url, message.payload())
            except TemporaryError as error:
                if attempt == RESPONSES - 1:
                    raise
                await asyncio.sleep(
                    min(error.retry_after if isinstance(error, RateLimitedError) else 1.0, 30.0)
                )
            else:
                return

    async def open_modal(self, trigger_id: str, view: View, *, above: bool = False) -> str:
        method = "views.push" if above else "views.open"
        opened = await self._bot.slack.call(method, trigger_id=trigger_id, view=view)
        return str(opened["view"]["id"])

    async def update_modal(self, view_id: str, view: View) -> None:
        try:
            await self._bot.slack.call("views.update", view_id=view_id, view=view)
        except RejectedError as error:
            if error.code != "not_found":  # closed by the person meanwhile
                raise

    async def preview(
        self, slack_id: str, step_id: str, parameters: Mapping[str, str], *, number: int = 0, undo_of: int = 0
    ) -> PreviewView:
        return await previews.preview(
            self._bot.work, slack_id, step_id, parameters, number=number, undo_of=undo_of
        )

    async def action_rows(self, slack_id: str, *, number: int = 0) -> Sequence[ActionRow]:
        return await previews.action_rows(self._bot.work, slack_id, number=number)

    async def home(self, slack_id: str) -> HomeView:
        rows, note = await self.rota()
        access = await self.access(slack_id)
        async with self.transaction() as tx:
            unresolved = await incidents.unresolved(tx)
        return HomeView(
            who=shown({"slack_id": slack_id, "name": access.name}) or Who(slack_id),
            oncall=on_call_views(rows),
            incidents=tuple(row_view(i) for i in unresolved),
            roles=whoami_view(access, self.rules.channel).roles,
            channel=self.rules.channel,
            note=note,
        )


def policy_view(raw: Mapping[str, Any]) -> PolicyView:
    """PagerDuty's escalation policy as it is shown."""
    levels, after = [], timedelta()
    for rule in raw.get("escalation_rules") or []:
        targets = tuple(str(t.get("summary") or t.get("name") or "") for t in rule.get("targets") or [])
        levels.append(PolicyLevel(after, targets))
        after += timedelta(minutes=int(rule.get("escalation_delay_in_minutes") or 0))
    return PolicyView(
        str(raw.get("name") or ""),
        tuple(levels),
        str(raw.get("html_url") or ""),
        int(raw.get("num_loops") or 0),
    )
