"""Who may do what. Unknown means no."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """From DESIGN.md, "Who may do what"."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    SECURITY = "security"
    ADMIN = "admin"


class Action(StrEnum):
    """What a person can ask for."""

    READ = "read"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    NOTE = "note"
    CHOOSE_ENTRY = "choose_entry"
    SNOOZE = "snooze"
    REASSIGN = "reassign"
    ESCALATE = "escalate"
    RESPONDERS = "responders"
    PRIORITY = "priority"
    STATUS_UPDATE = "status_update"
    MERGE = "merge"
    REOPEN = "reopen"
    CHECKLIST = "checklist"
    DECLARE = "declare"
    COMMAND = "command"  # hand over, snooze, postmortem


_ON_DUTY = frozenset({Role.RESPONDER, Role.APPROVER, Role.SECURITY, Role.ADMIN})
ALLOWED: dict[Action, frozenset[Role]] = {
    Action.READ: frozenset(Role),
    Action.ACKNOWLEDGE: _ON_DUTY,  # whoever the ladder wakes must be able to answer it
    Action.RESOLVE: _ON_DUTY,
    Action.NOTE: _ON_DUTY,
    Action.CHOOSE_ENTRY: _ON_DUTY,
    Action.SNOOZE: _ON_DUTY,
    Action.REASSIGN: _ON_DUTY,
    Action.ESCALATE: _ON_DUTY,
    Action.RESPONDERS: _ON_DUTY,
    Action.PRIORITY: _ON_DUTY,
    Action.STATUS_UPDATE: _ON_DUTY,
    Action.MERGE: _ON_DUTY,
    Action.REOPEN: _ON_DUTY,
    Action.CHECKLIST: _ON_DUTY,
    Action.DECLARE: frozenset(Role),  # an emergency is said by whoever sees it
    Action.COMMAND: _ON_DUTY,
}


@dataclass(frozen=True, slots=True)
class Access:
    """What one person is, right now, and why."""

    slack_id: str
    name: str = ""
    email: str = ""
    pd_id: str = ""
    pd_email: str = ""
    roles: frozenset[Role] = frozenset()
    reasons: tuple[str, ...] = ()  # "responder: on call for PD-TRADING-PRIMARY until 09:00"
    problems: tuple[str, ...] = ()  # what could not be looked up, in words
    is_bot: bool = False
    unreachable: bool = field(default=False, kw_only=True)  # a look-up failed for now: asking again may help


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed, or which role would be needed."""

    allowed: bool
    needed: Role = Role.VIEWER
    reason: str = ""


def decide(action: Action, access: Access, *, assignees: Collection[str] = ()) -> Decision:
    """Whether this person may do it; `assignees` are the PagerDuty user ids the incident is assigned to."""
    if access.is_bot:
        return Decision(False, reason="bots may not act")
    if access.roles & ALLOWED[action]:
        return Decision(True)
    if action is not Action.READ and access.pd_id and access.pd_id in assignees:
        return Decision(True, reason="the incident is assigned to them")
    needed = Role.VIEWER if Role.VIEWER in ALLOWED[action] else Role.RESPONDER
    return Decision(False, needed, f"the role {needed} is needed")
