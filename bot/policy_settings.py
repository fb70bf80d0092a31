"""`[[policies]]` of the settings: what is asked beyond the runbook. Anything that is not understood is an error."""

from datetime import time
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bot.domain.policy import Role
from bot.domain.step_policy import Rule, Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class PolicyConfig(BaseModel):
    """One policy: for which steps, people and times, and what it asks for."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    because: str = Field(min_length=3)  # people read it when it stops them
    steps: list[str] = Field(default_factory=list)
    who: list[Role] = Field(default_factory=list)
    days: list[str] = Field(default_factory=lambda: list(DAYS))
    start: time | None = Field(default=None, alias="from")
    end: time | None = Field(default=None, alias="to")
    zone: str = ""
    deny: bool = False
    role: Role | None = None
    approvals: int = Field(default=0, ge=0, le=5)
    approver: Role | None = None

    @field_validator("days")
    @classmethod
    def _days(cls, value: list[str]) -> list[str]:
        unknown = [day for day in value if day.lower()[:3] not in DAYS]
        if unknown or not value:
            raise ValueError(f"days are {', '.join(DAYS)}; not {', '.join(unknown) or 'none'}")
        return [day.lower()[:3] for day in value]

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value or "UTC")
        except (ValueError, OSError, LookupError):
            raise ValueError(f"{value!r} is no time zone such as America/New_York") from None
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        timed = self.start is not None or self.end is not None or len(set(self.days)) < len(DAYS)
        if timed and not self.zone:
            raise ValueError("a time window needs zone, such as zone = “America/New_York”")
        if (self.start is None) != (self.end is None):
            raise ValueError("a time window needs both from and to")
        return self

    def rule(self) -> Rule:
        """The policy as the decisions take it."""
        return Rule(
            because=self.because,
            steps=tuple(self.steps),
            who=frozenset(self.who),
            window=self._window(),
            deny=self.deny,
            role=self.role,
            approvals=self.approvals,
            approver=self.approver,
        )

    def _window(self) -> Window | None:
        if not self.zone:
            return None
        days = frozenset(DAYS.index(day) for day in self.days)
        return Window(days, self.start or time(0), self.end or time(0), self.zone)
