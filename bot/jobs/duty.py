"""Who is on call, ready before a reminder is due: a reminder never waits for PagerDuty or Slack."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.clients.directory import Directory
from bot.domain.escalation import Duty
from bot.domain.people import Who
from runbook.model import Contact

OLDEST: Final = 600.0  # seconds that an answer is good for when no newer one is to be had
PATIENCE: Final = 4.0  # seconds that a reminder waits for a first answer


class Watch:
    """The last known answer, refreshed in the background (the worker's sweep)."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: dict[str, Duty] = {}
        self._at = float("-inf")
        self.rows: list[dict[str, str]] = []
        self.asking = asyncio.Lock()  # an older answer must not come after a newer one

    async def refresh(self) -> None:
        """Ask; what is known stays as it is when no answer comes."""
        async with self.asking:
            await self._refresh()

    async def _refresh(self) -> None:
        rows = await self._directory.rota()
        if not rows:
            return
        self.rows = rows
        contacts = self._directory.contacts()
        groups = {c.handle: await self._directory.group_id(c.handle) for c in contacts if c.handle}
        self._known = {c.schedule or c.role: duty_of(c, rows, groups.get(c.handle, "")) for c in contacts}
        self._at = time.monotonic()

    async def duties(self) -> Mapping[str, Duty]:
        """Who is on call for each row of the contact table; the runbook's groups when that is not to be had."""
        if time.monotonic() - self._at > OLDEST:
            try:
                async with asyncio.timeout(PATIENCE):
                    await self.refresh()
            except TimeoutError:
                pass
        if time.monotonic() - self._at <= OLDEST:
            return self._known
        return {c.schedule or c.role: await self._group(c) for c in self._directory.contacts()}

    async def _group(self, contact: Contact) -> Duty:
        try:
            async with asyncio.timeout(PATIENCE):
                group = await self._directory.group_id(contact.handle)
        except TimeoutError:
            group = ""
        name = f"@{contact.handle} (PagerDuty does not say who is on call)"
        return Duty((Who(group_id=group, name=name),))

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        self._at = float("-inf")


def duty_of(contact: Contact, rows: Sequence[Mapping[str, Any]], group_id: str) -> Duty:
    """Who is asked for a row of the table: its on-call, and its group besides when that person is not in Slack."""
    mine = [r for r in rows if r.get("role") == contact.role and r.get("schedule") == contact.schedule]
    people = tuple(who for row in mine if (who := Who.from_json(row)))
    group = (Who(group_id=group_id, name=f"@{contact.handle}"),) if group_id else ()
    if not people:
        missing = next((str(r["missing"]) for r in mine if r.get("missing")), "")
        where = contact.schedule or contact.role
        return Duty(group, missing or f"nobody is on call in {where}", empty=True)
    strangers = [who.name or who.pd_id for who in people if not who.slack_id]
    if not strangers:
        return Duty(people)
    note = f"{', '.join(strangers)} cannot be reached in Slack: no account with the e-mail that PagerDuty has"
    return Duty((*people, *group), note)
