"""Who may run which step of the runbook, now: one pure function, and who may approve it.

What the runbook says is the least that is asked. Policies of the settings come on top of it and can only make it
stricter; `too_loose` finds those that would not.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.policy import Access, Role
from runbook.model import Plan, Risk, Step

CHANGES = frozenset({Risk.MUTATING, Risk.PROTECTIVE, Risk.DESTRUCTIVE})
_RANK = {role: rank for rank, role in enumerate(Role)}
_NEVER = (("pm2", "restart", "all"), ("pm2", "reload", "all"), ("pm2", "delete", "all"), ("pm2", "stop", "all"))
_WRAPPERS = frozenset({"sudo", "doas", "env", "nohup", "timeout", "command", "nice", "time"})
_OF_A_WRAPPER = re.compile(r"-.*|\d+(?:\.\d+)?[smhd]?|[A-Za-z_]\w*=.*", re.DOTALL)
_FIREWALLS = frozenset({"ufw", "iptables", "ip6tables", "nft", "firewall-cmd"})


@dataclass(frozen=True, slots=True)
class Window:
    """A time of the week, in a time zone."""

    days: frozenset[int]  # 0 is Monday
    start: time
    end: time  # not included; before `start`: over midnight, counted to the day it began on; equal: all day
    zone: str

    def contains(self, now: datetime) -> bool:
        here = now.astimezone(ZoneInfo(self.zone))
        moment, today = here.time(), here.weekday()
        if self.start == self.end:
            return today in self.days
        if self.start < self.end:
            return today in self.days and self.start <= moment < self.end
        late = today in self.days and moment >= self.start
        return late or ((today - 1) % 7 in self.days and moment < self.end)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M} {self.zone}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy of the settings: something more that is asked, for some steps, people and times."""

    because: str
    steps: tuple[str, ...] = ()  # ids or patterns such as "pm2.*"; none: every step that changes something
    who: frozenset[Role] = frozenset()  # only for people with one of these roles; none: for everybody
    window: Window | None = None
    deny: bool = False
    role: Role | None = None
    approvals: int = 0
    approver: Role | None = None

    def covers(self, step: Step) -> bool:
        """Whether it is about this step. One without `steps` never slows down a protective step."""
        if step.risk not in CHANGES:
            return False
        if not self.steps:
            return step.risk is not Risk.PROTECTIVE
        return any(fnmatchcase(step.id, pattern) for pattern in self.steps)

    def applies(self, step: Step, roles: Collection[Role], now: datetime) -> bool:
        within = self.window is None or self.window.contains(now)
        return within and self.covers(step) and (not self.who or bool(self.who & set(roles)))


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may run; `confirm`: once the person has confirmed what is shown."""

    confirm: bool = False


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """It may run once so many other people with this role have approved."""

    count: int
    role: Role = Role.APPROVER
    because: str = ""


@dataclass(frozen=True, slots=True)
class Denied:
    """It may not run."""

    because: str
    needed: Role | None = None  # the role that is missing, if that is why
    breakable: bool = False  # an admin may break the glass


Ruling = Allowed | NeedsApproval | Denied


def decide(
    actor: Access, step: Step | None, *, now: datetime, incident: str = "", rules: Sequence[Rule] = (),
    broken_glass: bool = False,
) -> Ruling:  # fmt: skip
    """Whether this person may run this step at this moment.

    Args:
        actor: the person with the roles of this moment; unknown roles are none.
        step: of the plan in force; None when the plan has no such step.
        now: for the policies' time windows.
        incident: the status of the incident it is for, "" for none.
        rules: the settings' policies.
        broken_glass: an admin has given a reason to go past a denial that can be gone past.
    """
    refused = _never(actor, step)
    if refused is not None or step is None:
        return refused or Denied("the runbook in force has no such step")
    if step.risk is Risk.READ:
        return Allowed() if Role.VIEWER in actor.roles else _lacks(actor, Role.VIEWER)
    if not step.unlocked:
        return Denied(step.locked or "it is locked: nobody has reviewed it for running from Slack")
    if incident == "resolved":
        return Denied("the incident is resolved")
    asked = [rule for rule in rules if rule.applies(step, actor.roles, now)]
    glass = broken_glass and Role.ADMIN in actor.roles
    denied = None if glass else _denied(actor, step, asked)
    return denied or _approvals(step, asked)


def _never(actor: Access, step: Step | None) -> Denied | None:
    """What no role can run, whatever a policy or a lock file says."""
    if actor.is_bot:
        return Denied("bots may not act")
    if step is None:
        return None
    if step.never or step.risk is Risk.MANUAL or step.program is None:
        return Denied(f"it is for a person, by hand: {step.reason}")
    if forbidden(step):
        return Denied("this command is never run from Slack, by nobody")
    return None


def forbidden(step: Step) -> bool:
    """A second look at the commands themselves, should a mistake ever unlock one of these."""
    return any(_forbidden(argv) for argv in step.argv)


def _forbidden(argv: Sequence[str]) -> bool:
    words = _unwrapped(argv)
    bare = tuple(word for word in words if not word.startswith("-"))
    program = bare[0].rsplit("/", 1)[-1] if bare else ""
    if program in _FIREWALLS or (program, *bare[1:3]) in _NEVER:
        return True
    compose = program == "docker-compose" or (program == "docker" and "compose" in bare)
    volumes = any(w == "--volumes" or (w[:1] == "-" and w[:2] != "--" and "v" in w) for w in words)
    return compose and "down" in bare and volumes


def _unwrapped(argv: Sequence[str]) -> list[str]:
    """The words from the program on: without the wrappers in front of it, their flags, times and assignments."""
    words = list(argv)
    while words and (words[0] in _WRAPPERS or _OF_A_WRAPPER.fullmatch(words[0])):
        value = words[0] in {"-u", "-g", "-s"}  # of sudo and timeout: its value is the next word
        words = words[2:] if value else words[1:]
    return words


def _denied(actor: Access, step: Step, asked: Sequence[Rule]) -> Denied | None:
    wanted = {step_role(step), *(rule.role for rule in asked if rule.role is not None)}
    missing = [role for role in sorted(wanted, key=_RANK.__getitem__) if role not in actor.roles]
    if missing:
        return _lacks(actor, missing[-1], breakable=True)
    refusing = next((rule for rule in asked if rule.deny), None)
    return Denied(refusing.because, breakable=True) if refusing else None


def _lacks(actor: Access, role: Role, *, breakable: bool = False) -> Denied:
    why = f"the role {role} is needed"
    if actor.problems:
        why += f" (what is not known counts as no: {'; '.join(actor.problems)})"
    return Denied(why, role, breakable=breakable)


def _approvals(step: Step, asked: Sequence[Rule]) -> Ruling:
    least = max(step.approvals, int(step.risk is Risk.DESTRUCTIVE))
    more = [rule for rule in asked if rule.approvals or rule.approver]
    count = max([least, *(max(rule.approvals, int(rule.approver is not None)) for rule in more)])
    if not count:
        return Allowed(confirm=step.risk is not Risk.PROTECTIVE)
    named = [rule.approver for rule in more if rule.approver is not None]
    role = max(named, key=_RANK.__getitem__, default=Role.APPROVER)
    because = "; ".join(rule.because for rule in more)
    return NeedsApproval(count, role, because or f"a step that is {step.risk} needs a second person")


def step_role(step: Step) -> Role:
    """The role that running the step needs: at least a responder's if it changes something."""
    said = Role(step.role) if step.role in set(Role) else Role.RESPONDER
    return said if step.risk is Risk.READ or said is not Role.VIEWER else Role.RESPONDER


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is, wherever they come from: two Slack accounts of one human are one person."""

    slack_id: str
    pd_id: str = ""
    mail: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Person":
        """From what a row keeps of them."""
        return cls(
            str(row.get("slack_id") or ""), str(row.get("pd_id") or ""), str(row.get("mail") or "").casefold()
        )

    def same(self, other: "Person") -> bool:
        """Whether anything that is known says that it is the same human."""
        mine, theirs = (self.slack_id, self.pd_id, self.mail), (other.slack_id, other.pd_id, other.mail)
        return any(own and own == their for own, their in zip(mine, theirs, strict=True))


def may_approve(person: Access, *, requester: Person, role: Role, already: Iterable[Person]) -> Denied | None:
    """Why this person's approval does not count; None when it does.

    Args:
        person: who presses Approve, with the roles of this moment.
        requester: who asked.
        role: what an approver must be.
        already: who has approved.
    """
    if person.is_bot:
        return Denied("bots may not approve")
    one = Person(person.slack_id, person.pd_id, person.email.casefold())
    if one.same(requester):
        account = (
            "" if one.slack_id == requester.slack_id else ", and this is another account of the same person"
        )
        return Denied(f"whoever asks cannot approve: it takes a second person{account}")
    if any(one.same(other) for other in already):
        return Denied("you have approved already; one person counts once")
    if role not in person.roles:
        return _lacks(person, role)
    return None


def too_loose(rules: Sequence[Rule], plan: Plan) -> list[str]:
    """What is wrong with the settings' policies against this runbook, in words."""
    steps = [s for e in plan.entries for s in e.steps if s.risk in CHANGES]
    return [problem for rule in rules for problem in _problems(rule, steps)]


def _problems(rule: Rule, steps: Sequence[Step]) -> list[str]:
    said = f"the policy “{rule.because}”"
    problems = [
        f"{said} names {pattern}, which is no step that changes something"
        for pattern in rule.steps
        if not any(fnmatchcase(step.id, pattern) for step in steps)
    ]
    if not (rule.deny or rule.role or rule.approvals or rule.approver):
        problems.append(f"{said} asks for nothing; give deny, role, approvals or approver")
    for step in (s for s in steps if rule.covers(s)):
        least = max(step.approvals, int(step.risk is Risk.DESTRUCTIVE))
        if rule.role is not None and _RANK[rule.role] < _RANK[step_role(step)]:
            problems.append(f"{said} lets a {rule.role} run {step.id}, which needs a {step_role(step)}")
        if 0 < rule.approvals < least:
            problems.append(f"{said} asks for {rule.approvals} approvals of {step.id}, which needs {least}")
        if rule.approver is not None and _RANK[rule.approver] < _RANK[Role.APPROVER]:
            problems.append(f"{said} lets a {rule.approver} approve {step.id}, which needs an approver")
    return problems
