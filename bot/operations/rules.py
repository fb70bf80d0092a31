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

    @property
    def name(self) -> str:
        """The runbook's title, with its version unless the title has it already."""
        short = ".".join(self.plan.version.split(".")[:2])
        said = not short or short in self.plan.title
        return self.plan.title if said else f"{self.plan.title} {self.plan.version}"

    def link(self, entry_id: str) -> str:
        """The address of an entry, "" if the runbook has none that people can open."""
        return f"{self.runbook_url}#{entry_id}" if self.runbook_url and entry_id else ""

    @cached_property
    def ladder(self) -> tuple[escalation.Rung, ...]:
        return escalation.ladder(self.plan.contacts)
