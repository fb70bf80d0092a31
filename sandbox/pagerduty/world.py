"""The state of a PagerDuty account: people, services, policies, schedules, incidents. Plain mutable records."""

import random
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeVar

Json = dict[str, Any]
Status = Literal["triggered", "acknowledged", "resolved"]


class _Named(Protocol):
    name: str


N = TypeVar("N", bound=_Named)


class Ids:
    """Ids that look like PagerDuty's: P or Q and 13 capitals or digits; the same sequence for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def new(self, first: str = "P") -> str:
        return first + "".join(self._random.choices(string.ascii_uppercase + string.digits, k=13))

    def key(self) -> str:
        """32 hexadecimal digits: an incident key or a routing key."""
        return f"{self._random.getrandbits(128):032x}"


@dataclass(slots=True)
class User:
    id: str
    name: str
    email: str
    role: str = "user"
    job_title: str = ""
    time_zone: str = "Etc/UTC"


@dataclass(slots=True)
class Schedule:
    """Who may be on call by it, and who is; `upgraded` schedules live under /v3/schedules only."""

    id: str
    name: str
    user_ids: list[str]
    on_call: str | None
    description: str = ""
    time_zone: str = "Etc/UTC"
    upgraded: bool = False
    later: list[tuple[datetime, str | None]] = field(default_factory=list)  # who takes over, from when

    def on_call_at(self, moment: datetime) -> str | None:
        """Who has it at a moment; nobody is None."""
        taken = [user for start, user in sorted(self.later, key=lambda each: each[0]) if start <= moment]
        return taken[-1] if taken else self.on_call


@dataclass(frozen=True, slots=True)
class Target:
    kind: Literal["user", "schedule"]
    id: str


@dataclass(slots=True)
class EscalationRule:
    id: str
    delay_minutes: int
    targets: list[Target]


@dataclass(slots=True)
class EscalationPolicy:
    id: str
    name: str
    rules: list[EscalationRule]
    description: str = ""
    num_loops: int = 0


@dataclass(slots=True)
class Service:
    id: str
    name: str
    policy_id: str
    routing_key: str
    integration_id: str
    description: str = ""
    acknowledgement_timeout: int | None = 1800  # seconds
    auto_resolve_timeout: int | None = None
    created_at: datetime = datetime(2025, 1, 6, 9, tzinfo=UTC)


@dataclass(slots=True)
class Priority:
    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Agent:
    """Who did something: a person, or the service (an integration, a timeout)."""

    kind: Literal["user", "service"]
    id: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """A user and a moment: an assignment or an acknowledgement."""

    user_id: str
    at: datetime


@dataclass(slots=True)
class Alert:
    id: str
    key: str
    summary: str
    severity: str
    details: Json | str | None
    contexts: list[Json]
    created_at: datetime
    status: Literal["triggered", "resolved"] = "triggered"


@dataclass(slots=True)
class Note:
    id: str
    user_id: str
    content: str
    created_at: datetime


@dataclass(slots=True)
class LogEntry:
    """One line of an incident's log; `more` holds the fields that only its type has."""

    id: str
    type: str
    created_at: datetime
    agent: Agent | None
    summary: str
    channel: Json
    more: Json = field(default_factory=dict)


@dataclass(slots=True)
class StatusUpdate:
    id: str
    user_id: str
    message: str
    subject: str
    html_message: str
    created_at: datetime


@dataclass(slots=True)
class Responder:
    """Somebody who was asked to help, and what they answered."""

    user_id: str
    requester_id: str
    message: str
    requested_at: datetime
    state: Literal["pending", "joined", "declined"] = "pending"


@dataclass(slots=True)
class Incident:
    id: str
    number: int
    title: str
    service_id: str
    policy_id: str
    key: str
    created_at: datetime
    updated_at: datetime
    status_changed_at: datetime
    status_changed_by: Agent
    status: Status = "triggered"
    urgency: Literal["high", "low"] = "high"
    level: int = 1
    assigned_via: Literal["escalation_policy", "direct_assignment"] = "escalation_policy"
    assignments: list[Stamp] = field(default_factory=list)
    acknowledgements: list[Stamp] = field(default_factory=list)
    priority_id: str | None = None
    resolved_at: datetime | None = None
    resolution: str = ""
    merged_into: str | None = None
    snoozed_until: datetime | None = None
    description: str = ""
    conference_bridge: Json | None = None
    custom_fields: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)  # role name to user id
    alerts: list[Alert] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    status_updates: list[StatusUpdate] = field(default_factory=list)
    responders: list[Responder] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status != "resolved"


@dataclass(slots=True)
class Subscription:
    """A webhook subscription. Several secrets while one is being rotated: each signs."""

    id: str
    delivery_id: str
    url: str
    secrets: list[str]
    events: list[str]
    filter: Json
    description: str = ""
    active: bool = True
    custom_headers: list[Json] = field(default_factory=list)
    drops_in_a_row: int = 0
    disabled_until: datetime | None = None

    def is_disabled(self, now: datetime) -> bool:
        """Disabled for a day after three drops in a row."""
        return self.disabled_until is not None and now < self.disabled_until


@dataclass(slots=True)
class World:
    """One account."""

    ids: Ids = field(default_factory=Ids)
    users: dict[str, User] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    policies: dict[str, EscalationPolicy] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    priorities: dict[str, Priority] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    abilities: list[str] = field(default_factory=list)
    next_number: int = 1
    # The API description says that acknowledging a resolved incident reopens it; PLATFORM.md says 1001.
    acknowledging_reopens: bool = False

    def user_by_email(self, email: str) -> User | None:
        wanted = email.strip().casefold()
        return next((user for user in self.users.values() if user.email.casefold() == wanted), None)

    def schedule_named(self, name: str) -> Schedule:
        return _named(self.schedules, name)

    def service_named(self, name: str) -> Service:
        return _named(self.services, name)

    def policy_named(self, name: str) -> EscalationPolicy:
        return _named(self.policies, name)

    def priority_named(self, name: str) -> Priority:
        return _named(self.priorities, name)

    def on_call_at(self, policy_id: str, level: int) -> list[str]:
        """User ids that a level of a policy reaches now, each once."""
        rule = self.policies[policy_id].rules[level - 1]
        found = [
            self.schedules[target.id].on_call if target.kind == "schedule" else target.id
            for target in rule.targets
        ]
        return list(dict.fromkeys(user_id for user_id in found if user_id))


def _named(items: dict[str, N], name: str) -> N:
    for item in items.values():
        if item.name == name:
            return item
    raise KeyError(f"There is no “{name}”; there are {', '.join(item.name for item in items.values())}.")
