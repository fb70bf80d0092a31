"""The faults that the demo's page can switch on and off: one switch per far side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.errors import NotFoundError
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.platform import Platform
from sandbox.slack.server import SlackServer

# Long enough to be seen, short enough that the bot is back soon after the switch is off again.
RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Switch:
    """One fault; `label` and `detail` are for the page."""

    label: str
    detail: str
    on: Callable[[], None]
    off: Callable[[], None]


class FaultSwitches:
    """All switches, by name, and which are on."""

    def __init__(self, *, slack: SlackServer, pagerduty: PagerDutyServer, platform: Platform) -> None:
        self._on: set[str] = set()
        self._switches = {
            "pagerduty": Switch(
                "PagerDuty down", "Each call is answered 503", pagerduty.faults.down, pagerduty.faults.up
            ),
            "slack": Switch(
                "Slack answers 429",
                f"Each call is told to come back after {RETRY_AFTER_SECONDS} s",
                lambda: slack.faults.fail("*", times=-1, retry_after=RETRY_AFTER_SECONDS),
                slack.faults.clear,
            ),
            "api": Switch(
                "Trading API down",
                "Connections to port 8000 are refused",
                lambda: platform.faults.down("api"),
                lambda: platform.faults.up("api"),
            ),
        }

    def turn(self, name: str, on: bool) -> str:
        """Switch one; returns what it means now, in a sentence."""
        switch = self._switches.get(name)
        if switch is None:
            raise NotFoundError(f'There is no fault "{name}"; there are: {", ".join(self._switches)}.')
        if on and name not in self._on:
            switch.on()
            self._on.add(name)
        elif not on and name in self._on:
            switch.off()
            self._on.discard(name)
        return f"{switch.label}: {'on' if on else 'off'}."

    def all_off(self) -> None:
        for name in tuple(self._on):
            self.turn(name, on=False)

    def state(self) -> list[dict[str, Any]]:
        """For the page: name, label, detail, on."""
        return [
            {"name": name, "label": switch.label, "detail": switch.detail, "on": name in self._on}
            for name, switch in self._switches.items()
        ]
