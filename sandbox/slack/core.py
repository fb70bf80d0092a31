"""The state that every part of the local Slack shares, put together once by `SlackServer`."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.clock import SandboxClock
from sandbox.slack.delivery import Deliveries
from sandbox.slack.hub import Hub
from sandbox.slack.ratelimit import RateLimiter
from sandbox.slack.responseurls import ResponseUrls
from sandbox.slack.scopes import EVENT_SCOPES
from sandbox.slack.triggers import Triggers
from sandbox.slack.workspace import Json, Workspace


@dataclass(slots=True)
class ApiCall:
    """One Web API call as it arrived; `response` and `status` are filled in when it has been answered."""

    method: str
    args: Json
    at: datetime
    response: Json | None = None
    status: int | None = None


@dataclass(slots=True)
class Core:
    """Settings, state and the way to the app."""

    clock: SandboxClock
    workspace: Workspace
    public_url: str
    bot_token: str
    app_token: str
    scopes: frozenset[str]
    command_names: Sequence[str]
    command_help: Mapping[str, Json]
    events: Collection[str]
    deliveries: Deliveries
    hub: Hub
    calls: list[ApiCall] = field(default_factory=list)
    triggers: Triggers = field(default_factory=Triggers)
    response_urls: ResponseUrls = field(default_factory=ResponseUrls)
    limiter: RateLimiter = field(default_factory=lambda: RateLimiter(time.monotonic))
    enforce_rate_limits: bool = True
    uploads: dict[str, str] = field(default_factory=dict)  # upload token -> file id

    def now(self) -> datetime:
        return self.clock.now()

    def subscribed(self, name: str) -> bool:
        """Whether Slack would send that event: subscribed to, and the scope is granted."""
        needed = EVENT_SCOPES.get(name)
        return name in self.events and needed is not None and (not needed or needed in self.scopes)
