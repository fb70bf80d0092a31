"""The values that the renderers take: what is known, gathered by the caller from the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.people import Who
from runbook.model import Entry


@dataclass(frozen=True, slots=True)
class OnCallView:
    """One line of who is on call."""

    role: str  # "Primary On-Call", as in the runbook's table
    who: Who | None  # None: nobody
    schedule: str = ""  # PagerDuty schedule name
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PolicyLevel:
    """One level of an escalation policy: who is called, and after how long."""

    after: timedelta
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyView:
    """The phone tree: a PagerDuty escalation policy."""

    name: str
    levels: tuple[PolicyLevel, ...] = ()
    url: str = ""
    repeats: int = 0  # how often PagerDuty goes through the levels again


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """All that an incident's card shows."""

    number: int  # our number
    title: str
    status: str  # "triggered" | "acknowledged" | "resolved"
    triggered_at: datetime
    pd_number: int | None = None
    service: str = ""
    severity: str = ""  # "P0", "P1", "P2" or ""
    url: str = ""  # the incident in PagerDuty
    acked_at: datetime | None = None
    acked_by: Who | None = None
    commander: Who | None = None  # who has command, if that is not who acknowledged
    resolved_at: datetime | None = None
    resolved_by: Who | None = None
    oncall: tuple[OnCallView, ...] = ()
    entry: Entry | None = None
    entry_reason: str = ""
    entry_link: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # (entry id, title), for an incident without an entry
    pages: bool = True  # P0 and P1 page, P2 only posts
    next_reminder: tuple[datetime, str] | None = None  # when, and the role that is asked
    reminders: tuple[str, ...] = ()  # the last lines of what the bot did
    pending: str = ""  # "Acknowledging for Dana…"
    merged_into: str = ""
    assigned: tuple[str, ...] = ()  # names of whom PagerDuty has it assigned to
    bridge: str = ""  # address and numbers of the conference bridge
    occurrences: int = 1
    history: tuple[tuple[int, datetime | None, datetime | None, str], ...] = ()  # number, from, to, resolved by


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One thing that happened."""

    at: datetime
    kind: str
    text: str
    who: Who | None = None
    source: str = "bot"  # "slack" | "pagerduty" | "bot"
    link: str = ""  # to what was read or posted


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One line of the incident list."""

    number: int
    title: str
    status: str
    triggered_at: datetime
    severity: str = ""
    service: str = ""
    acked_by: Who | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class RoleView:
    """One role of a person: whether they have it, and why or what is missing."""

    role: str
    has: bool
    why: str


@dataclass(frozen=True, slots=True)
class WhoamiView:
    """What the bot knows about a person."""

    who: Who
    email: str = ""
    pagerduty_name: str = ""  # "" when no PagerDuty user has the person's e-mail
    roles: tuple[RoleView, ...] = ()
    missing: tuple[str, ...] = ()  # sentences: what to do about what is missing


@dataclass(frozen=True, slots=True)
class AskedView:
    """Whom a rung of the ladder asks."""

    role: str  # "Secondary"
    schedule: str = ""
    people: tuple[Who, ...] = ()
    empty: bool = False  # nobody is on call; `people` is at most the runbook's group
    note: str = ""  # what is wrong with the schedule, or with the person's Slack account
    late: timedelta | None = None  # how much later than the table says, when that is worth a word


@dataclass(frozen=True, slots=True)
class ReminderView:
    """A reminder that an incident waits for somebody."""

    number: int
    title: str
    triggered_at: datetime
    severity: str = ""
    service: str = ""
    asked: tuple[AskedView, ...] = ()  # the rungs that are due now, in order
    again: bool = False  # the ladder is exhausted: everybody is asked once more
    asked_before: tuple[str, ...] = ()  # "Primary On-Call: Sam"
    storm: int = 0  # the storm that it is part of
    others: int = 0  # incidents besides this one that are asked about together
    rearmed_at: datetime | None = None  # since when nobody has it, if somebody had
    first_step: str = ""
    first_command: str = ""
    cautions: tuple[str, ...] = ()
    link: str = ""  # to the card in Slack
    url: str = ""  # to the incident in PagerDuty
    next_reminder: tuple[datetime, str] | None = None


@dataclass(frozen=True, slots=True)
class HomeView:
    """All that a person's App Home shows."""

    who: Who
    oncall: tuple[OnCallView, ...] = ()
    incidents: tuple[IncidentRow, ...] = ()
    roles: tuple[RoleView, ...] = ()
    channel: str = ""
    note: str = ""  # for example that PagerDuty does not answer and how old the on-call list is
