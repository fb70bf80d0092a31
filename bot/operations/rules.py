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
    runbook_url: str = ""  # where people read the runbook; cards link to it

    def link(self, entry_id: str) -> str:
        """The address of an entry, "" if the runbook has none that people can open."""
        return f"{self.runbook_url}#{entry_id}" if self.runbook_url and entry_id else ""

    @cached_property
    def ladder(self) -> tuple[escalation.Rung, ...]:
        return escalation.ladder(self.plan.contacts)
