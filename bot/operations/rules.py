"""What the operations go by: the runbook that is in force, and where the team meets."""

from dataclasses import dataclass
from functools import cached_property

from bot.domain import escalation
from runbook.model import Plan


@dataclass(frozen=True)
class Rules:
    """Values only; a reloaded runbook makes a new one."""

    plan: Plan
    channel: str  # "#trading-ops-alerts" or its id

    @cached_property
    def ladder(self) -> tuple[escalation.Rung, ...]:
        return escalation.ladder(self.plan.contacts)
