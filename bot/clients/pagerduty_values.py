"""PagerDuty's records that the bot reads field by field."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PdUser:
    """A PagerDuty user; `email` is empty where PagerDuty only sent a reference."""

    id: str
    name: str
    email: str
    html_url: str


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call now, by which schedule, at which level of which escalation policy.

    `schedule_id` and `schedule` are empty for a user who stands in the policy directly; `until` is None for
    someone who is on call without end.
    """

    schedule_id: str
    schedule: str
    policy: str
    level: int
    user: PdUser
    until: datetime | None


def read_user(raw: Json) -> PdUser:
    return PdUser(
        id=str(raw.get("id") or ""),
        name=str(raw.get("name") or raw.get("summary") or ""),
        email=str(raw.get("email") or ""),
        html_url=str(raw.get("html_url") or ""),
    )


def read_oncall(raw: Json) -> OnCall:
    schedule = raw.get("schedule") or {}
    policy = raw.get("escalation_policy") or {}
    return OnCall(
        schedule_id=str(schedule.get("id") or ""),
        schedule=_name(schedule),
        policy=_name(policy),
        level=int(raw.get("escalation_level") or 0),
        user=read_user(raw["user"]),
        until=read_moment(raw.get("end")),
    )


def read_moment(text: Any) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _name(resource: Json) -> str:
    return str(resource.get("name") or resource.get("summary") or "")
