"""What the operations go by: the runbook that is in force, and where the team meets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from bot.domain import escalation
from bot.domain.looks import LookSettings
from bot.domain.step_policy import Rule
from runbook.model import Plan


class Concern(Protocol):
    """What of an incident decides which ladder it has."""

    service: str
    entry_id: str
    details: dict[str, Any]
    extra: dict[str, Any]


@dataclass(frozen=True)
class Rules:
    """Values only; a reloaded runbook makes a new one."""

    plan: Plan
    channel: str  # "#trading-ops-alerts" or its id
    runbook_url: str = ""  # where people read the runbook; cards link to it
    timing: escalation.Timing = field(default_factory=escalation.Timing)
    policies: tuple[Rule, ...] = ()  # of the settings: stricter than the runbook
    looks: LookSettings = field(default_factory=LookSettings)

    @property
    def name(self) -> str:
        """The runbook's title, with its version unless the title has it already."""
        short = ".".join(self.plan.version.split(".")[:2])
        said = not short or short in self.plan.title
        return self.plan.title if said else f"{self.plan.title} {self.plan.version}"

    def link(self, entry_id: str) -> str:
        """The address of an entry, "" if the runbook has none that people can open."""
        return f"{self.runbook_url}#{entry_id}" if self.runbook_url and entry_id else ""

    def ladder_of(self, incident: Concern) -> tuple[escalation.Rung, ...]:
        """Who is asked about an incident, in order: the security team besides, if it is theirs too."""
        entry = self.plan.entry(incident.entry_id)
        declared = {"kind": incident.extra.get("declared") or incident.details.get("kind")}
        security = escalation.concerns_security(incident.service, entry, declared)
        return self._ladders[security]

    @property
    def ladder(self) -> tuple[escalation.Rung, ...]:
        """Who is asked about an incident that is not the security team's."""
        return self._ladders[False]

    @cached_property
    def _ladders(self) -> Mapping[bool, tuple[escalation.Rung, ...]]:
        return {s: escalation.ladder(self.plan.contacts, security=s) for s in (False, True)}
