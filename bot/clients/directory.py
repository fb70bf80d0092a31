"""Who people are and what they may do: Slack, PagerDuty and the settings put together, through caches.

Ages are stated here and nowhere else. If a look-up fails, the last known answer younger than its limit is
used and said so; without one, the answer is no.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.clients.links import NO_LINKS, Linked, Links
from bot.clients.pagerduty import OnCall, PagerDuty, PdUser
from bot.clients.remembered import Remembered, only_known
from bot.clients.slack import Slack, SlackUser
from bot.domain.escalation import is_security
from bot.domain.people import Who
from bot.domain.policy import Access, Role
from bot.errors import AtsError, PermanentError
from runbook.model import Contact

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
MOST_MEMBERS = 100  # of a channel that are looked through for a name

SCHEDULES = (300.0, 86_400.0)
ONCALL = (30.0, 600.0)  # seconds: fresh, and the oldest that is still used when PagerDuty does not answer
PERSON = (900.0, 86_400.0)
GROUP = (300.0, 3_600.0)
MEMBERS = (60.0, 3_600.0)
HURRY = 1.0  # seconds that what protects waits for others to say who somebody is


@dataclass(frozen=True, slots=True)
class OnCallNow:
    """Who is on call, by PagerDuty schedule name."""

    by_schedule: Mapping[str, tuple[OnCall, ...]]
    age: float  # seconds
    problem: str = ""  # why it is not known, in words

    def of(self, schedule: str) -> tuple[OnCall, ...]:
        return self.by_schedule.get(schedule, ())


@dataclass(frozen=True)
class RoleIds:
    """Slack user and user group ids that hold a role by the settings."""

    ids: Mapping[Role, Sequence[str]] = field(default_factory=dict)


def schedule_role(contact: Contact) -> Role:
    """What being on call by a row of the contact table makes of somebody."""
    name = contact.role.lower()
    if is_security(contact):
        return Role.SECURITY
    return Role.APPROVER if "management" in name or "executive" in name else Role.RESPONDER


class Directory:
    """Looks people up."""

    def __init__(
        self,
        *,
        slack: Slack,
        pagerduty: PagerDuty,
        contacts: Callable[[], Sequence[Contact]],
        channel: str,
        role_ids: RoleIds,
        remembered: Remembered,
        links: Links = NO_LINKS,
    ) -> None:
        self._links = links
        self._slack, self._pagerduty, self._contacts = slack, pagerduty, contacts
        self._channel, self._role_ids, self._remembered = channel, role_ids, remembered
        self._rota: list[dict[str, str]] = []

    def contacts(self) -> Sequence[Contact]:
        """The rows of the runbook's contact table."""
        return self._contacts()

    # PagerDuty

    async def on_call(self, *, fresh: bool = False) -> OnCallNow:
        """Who is on call now; never raises: `problem` says what is wrong."""
        try:
            found, age = await self._remembered.get("oncall", ONCALL, self._ask_on_call, anew=fresh)
        except AtsError as error:
            return OnCallNow({}, 0.0, str(error))
        return _by_schedule(found, age)

    async def _ask_on_call(self) -> list[OnCall]:
        """Ask for the runbook's schedules only: an account may have thousands of on-calls."""
        wanted = {contact.schedule for contact in self._contacts()}
        ids, _ = await self._remembered.get("schedules", SCHEDULES, self._ask_schedules)
        found = await self._pagerduty.oncalls(schedule_ids=[ids[name] for name in wanted if name in ids])
        return [await self._with_email(duty) for duty in found]

    async def _ask_schedules(self) -> dict[str, str]:
        found = await self._pagerduty.schedules()
        return {str(s.get("name") or s.get("summary") or ""): str(s.get("id") or "") for s in found}

    async def _with_email(self, duty: OnCall) -> OnCall:
        """PagerDuty may send a reference only; without the e-mail nobody could be mentioned."""
        if duty.user.email:
            return duty
        user, _ = await self._remembered.get(
            f"pdid:{duty.user.id}", PERSON, lambda: self._pagerduty.user(duty.user.id)
        )
        return replace(duty, user=user)

    async def rota(self) -> list[dict[str, str]]:
        """Who is on call for each row of the contact table, with Slack ids, as an incident keeps it.

        Never raises; empty when PagerDuty has not said so for too long.
        """
        on_call = await self.on_call()
        rows = (
            []
            if on_call.problem
            else [row for c in self._contacts() async for row in self._rota_of(c, on_call)]
        )
        self._rota = rows or self._rota
        return rows

    async def rota_at(self, at: datetime) -> list[dict[str, str]]:
        """The same for a moment to come; raises bot.errors."""
        wanted = {contact.schedule for contact in self._contacts()}
        ids, _ = await self._remembered.get("schedules", SCHEDULES, self._ask_schedules)
        found = await self._pagerduty.oncalls(schedule_ids=[ids[n] for n in wanted if n in ids], at=at)
        then = _by_schedule([await self._with_email(duty) for duty in found], 0.0)
        return [row for c in self._contacts() async for row in self._rota_of(c, then)]

    def rota_known(self) -> list[dict[str, str]]:
        """The last rota, without asking anybody."""
        return self._rota

    async def _rota_of(self, contact: Contact, on_call: OnCallNow) -> AsyncIterator[dict[str, str]]:
        row = {"role": contact.role, "schedule": contact.schedule}
        duties = on_call.of(contact.schedule)
        if not duties:
            known = await self._remembered.peek("schedules", SCHEDULES[1])
            gone = known is not None and contact.schedule not in known
            yield row | ({"missing": f"PagerDuty has no schedule {contact.schedule}"} if gone else {})
        for duty in duties:
            person = {
                "name": duty.user.name,
                "pd_id": duty.user.id,
                "slack_id": await self.slack_id(duty.user.email, duty.user.id),
            }
            yield row | person | ({"until": duty.until.isoformat()} if duty.until else {})

    async def pd_user(self, email: str) -> PdUser | None:
        """The PagerDuty user with that e-mail; raises bot.errors when PagerDuty does not answer."""
        if not email:
            return None
        user, _ = await self._remembered.get(
            f"pd:{email.lower()}", PERSON, lambda: self._pagerduty.user_by_email(email)
        )
        return user

    async def slack_id(self, email: str, pd_id: str = "") -> str:
        """The Slack id of the person linked to that PagerDuty user, else with that e-mail; "" if unknown.

        Never raises.
        """
        try:
            linked = await self._links.of_pd(pd_id) if pd_id else None
            if linked is not None or not email:
                return linked.slack_id if linked else ""
            user, _ = await self._remembered.get(
                f"mail:{email.lower()}", PERSON, lambda: self._slack.user_by_email(email)
            )
        except AtsError:
            return ""
        return user.id if user else ""

    async def slack_id_of(self, pd_id: str) -> str:
        """The Slack id of a PagerDuty user, "" if they have none; raises bot.errors."""
        user, _ = await self._remembered.get(f"pdid:{pd_id}", PERSON, lambda: self._pagerduty.user(pd_id))
        return await self.slack_id(user.email)

    async def named(self, name: str) -> str:
        """The Slack id of the one person on call, else in the channel, who is called so; "" if none or several.

        A first name will do. Raises bot.errors.
        """
        wanted = name.strip().lstrip("@").casefold()
        mention = _MENTION.fullmatch(name.strip())
        if mention or not wanted:
            return mention[1] if mention else ""
        on_call = {row["slack_id"]: row["name"] for row in self._rota if row.get("slack_id")}
        found = {user for user, called in on_call.items() if _is_called(called, wanted)}
        if not found:
            members, _ = await self._remembered.get(
                "members", MEMBERS, lambda: self._slack.members(self._channel)
            )
            for slack_id in sorted(members)[:MOST_MEMBERS]:
                user = await self.user(slack_id)
                if not user.is_bot and not user.deleted and _is_called(user.name, wanted):
                    found.add(slack_id)
        return found.pop() if len(found) == 1 else ""

    # Slack

    async def user(self, slack_id: str) -> SlackUser:
        user, _ = await self._remembered.get(f"user:{slack_id}", PERSON, lambda: self._slack.user(slack_id))
        return user

    async def in_channel(self, slack_id: str) -> bool:
        """Whether the person is a member of the operations channel; raises bot.errors."""
        members, _ = await self._remembered.get("members", MEMBERS, lambda: self._slack.members(self._channel))
        return slack_id in members

    async def group_id(self, handle: str) -> str:
        """The id of the user group with that handle, "" if there is none; never raises."""
        try:
            groups, _ = await self._remembered.get("groups", GROUP, self._slack.usergroups)
        except AtsError:
            return ""
        return groups.get(handle, "")

    async def _in_group(self, group_id: str, slack_id: str, *, fresh: bool) -> tuple[bool, float]:
        """(whether they are a member, how old that is in seconds)."""
        members, age = await self._remembered.get(
            f"group:{group_id}", GROUP, lambda: self._slack.usergroup_members(group_id), anew=fresh
        )
        return slack_id in members, age

    # Both

    async def holders(self, role: Role) -> list[Who]:
        """Who has a role, as far as is known, for people to turn to: on duty, or named in the settings."""
        found: dict[str, Who] = {}
        rota = await self.rota() or self._rota
        for contact, row in [(c, r) for c in self._contacts() for r in rota if r["role"] == c.role]:
            also = role is Role.APPROVER and contact.role.lower().startswith("secondary")
            if row.get("slack_id") and (also or schedule_role(contact) is role):
                found.setdefault(
                    row["slack_id"], Who(row["slack_id"], row.get("name", ""), row.get("pd_id", ""))
                )
        for item in self._role_ids.ids.get(role, ()):
            found.setdefault(item, Who(group_id=item) if item.startswith("S") else await self._named(item))
        return list(found.values())

    async def _named(self, slack_id: str) -> Who:
        try:
            return Who(slack_id, (await self.user(slack_id)).name)
        except AtsError:
            return Who(slack_id)

    async def access(self, slack_id: str, *, channel_id: str = "", fresh: bool = False) -> Access:
        """What this person may do right now, and why; look-ups that fail grant nothing and are said.

        Raises bot.errors only when the bot's own database does not answer: that says nothing about a person.
        `fresh`: who is on call and in which user group is asked anew; only if that fails, what is known counts.
        """
        problems: list[str] = []
        temporary = False
        try:
            user = await self.user(slack_id)
        except AtsError as error:
            return Access(
                slack_id, problems=(f"Slack does not say who this is: {error}",), unreachable=error.retryable
            )
        linked = await self._links.of_slack(user.id)
        pd: PdUser | None = None
        sure = True
        try:
            pd, sure = await self._in_pagerduty(user, linked)
        except AtsError as error:
            problems.append(f"PagerDuty does not say who this is: {error}")
            temporary = error.retryable
        granted, reasons = await self._granted(user, pd, channel_id, problems, sure=sure, fresh=fresh)
        return Access(
            slack_id=slack_id,
            name=user.name,
            email=user.email,
            pd_id=pd.id if pd else "",
            pd_email=(pd.email or user.email) if pd else "",
            roles=frozenset() if user.is_bot or user.deleted else frozenset(granted),
            reasons=tuple(reasons),
            problems=tuple(problems),
            is_bot=user.is_bot or user.deleted,
            unreachable=temporary,
        )

    async def access_at_once(self, slack_id: str) -> Access:
        """The same for what cannot wait: after a second it is decided by what is known, as old as that may be."""
        try:
            async with asyncio.timeout(HURRY):
                return await self.access(slack_id)
        except TimeoutError:
            with only_known():
                return await self.access(slack_id)

    async def _granted(
        self, user: SlackUser, pd: PdUser | None, channel_id: str, problems: list[str], *, sure: bool,
        fresh: bool,
    ) -> tuple[set[Role], list[str]]:  # fmt: skip
        granted: dict[Role, str] = {}
        for role, ids in self._role_ids.ids.items():
            why = await self._by_settings(user.id, ids, problems, fresh=fresh)
            if why:
                granted.setdefault(role, why)
        if pd is not None:
            await self._by_duty(pd, granted, problems, sure=sure, fresh=fresh)
        try:
            if (
                granted
                or channel_id == await self._slack.channel_id(self._channel)
                or await self.in_channel(user.id)
            ):
                granted.setdefault(Role.VIEWER, f"a member of {self._channel}")
        except PermanentError as error:
            problems.append(str(error))
        except AtsError as error:
            problems.append(f"Slack does not say who is in {self._channel}: {error}")
        return set(granted), [f"{role}: {why}" for role, why in granted.items()]

    async def _by_settings(self, slack_id: str, ids: Sequence[str], problems: list[str], *, fresh: bool) -> str:
        for item in ids:
            if item == slack_id:
                return "named in the settings"
            if item.startswith("S"):
                try:
                    member, age = await self._in_group(item, slack_id, fresh=fresh)
                    if member:
                        return f"in the user group {item}{_aged(age, GROUP)}"
                except AtsError as error:
                    problems.append(f"Slack does not say who is in the user group {item}: {error}")
        return ""

    async def _in_pagerduty(self, user: SlackUser, linked: Linked | None) -> tuple[PdUser | None, bool]:
        """Who they are there, and whether anybody but themselves says so."""
        if linked is not None:
            return PdUser(linked.pd_id, linked.pd_name, linked.pd_email, ""), linked.by_admin
        return await self.pd_user(user.email), True

    async def _by_duty(
        self, pd: PdUser, granted: dict[Role, str], problems: list[str], *, sure: bool, fresh: bool
    ) -> None:
        """Roles by being on call; who only says so themselves becomes a responder at most."""
        on_call = await self.on_call(fresh=fresh)
        if on_call.problem:
            problems.append(f"PagerDuty does not say who is on call: {on_call.problem}")
        for contact in self._contacts():
            if any(duty.user.id == pd.id for duty in on_call.of(contact.schedule)):
                why = f"on call for {contact.schedule}{_aged(on_call.age, ONCALL)}"
                granted.setdefault(schedule_role(contact) if sure else Role.RESPONDER, why)
                if sure and contact.role.lower().startswith("secondary"):
                    granted.setdefault(Role.APPROVER, why)


def _aged(age: float, ages: tuple[float, float]) -> str:
    """How old an answer is, if it is older than it should be: nobody has answered since."""
    return f", as of {age:.0f} s ago" if age > ages[0] else ""


def _is_called(name: str, wanted: str) -> bool:
    """Whether that is the name, its first word, or its words run together ("sam", "sam reyes", "sam.reyes")."""
    words = name.casefold().split()
    return wanted in {" ".join(words), ".".join(words), "".join(words), *words[:1]}


def _by_schedule(found: Sequence[OnCall], age: float) -> OnCallNow:
    table: dict[str, tuple[OnCall, ...]] = {}
    for duty in found:
        if duty.schedule and all(d.user.id != duty.user.id for d in table.get(duty.schedule, ())):
            table[duty.schedule] = (*table.get(duty.schedule, ()), duty)
    return OnCallNow(table, age)
