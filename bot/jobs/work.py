"""What every job works with; put together once, in bot.app."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.clients.directory import Directory
from bot.clients.pagerduty import PagerDuty
from bot.clients.pagerduty_events import Events
from bot.clients.slack import Slack
from bot.jobs.duty import Watch
from bot.jobs.soon import Soon
from bot.operations.rules import Rules
from bot.plots.child import Plotter
from bot.probes import ProbeSettings
from bot.store.session import Store
from bot.targets import Target


@dataclass(frozen=True)
class Work:
    """The effects' side of the bot."""

    store: Store
    slack: Slack
    pagerduty: PagerDuty
    directory: Directory
    target: Target
    current_rules: Callable[[], Rules]
    from_email: str = ""  # last resort for PagerDuty's From
    events: Events | None = None  # where what is declared may be raised without anybody's name
    services: Mapping[str, str] = field(default_factory=dict)  # PagerDuty services by "trading" and "security"
    plotter: Plotter = field(default_factory=lambda: Plotter(Path(".ats") / "matplotlib"))
    probe_settings: ProbeSettings = field(default_factory=ProbeSettings)
    soon: Soon = field(default_factory=Soon)
    duty: Watch = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "duty", Watch(self.directory))

    @property
    def rules(self) -> Rules:
        return self.current_rules()
