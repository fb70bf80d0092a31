"""The whole sandbox on one port: a local Slack, PagerDuty and trading platform, their controls and their page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from sandbox.clock import SandboxClock
from sandbox.control import AdvanceBot, Control, Readiness
from sandbox.page import LoopbackGuard, page_routes
from sandbox.pagerduty.server import DEFAULT_TOKEN, PagerDutyServer
from sandbox.platform import Platform
from sandbox.slack.server import SlackServer

DEFAULT_URL = "http://127.0.0.1:8025"
DEFAULT_CHANNEL = "#trading-ops-alerts"
DEFAULT_WEBHOOK_SECRET = "sandbox-webhook-secret"
SIGNING_SECRET = "sandbox-signing-secret"


class Sandbox:
    """Everything that the bot talks to, sharing one clock; `app` serves it.

    Args:
        base_url: where `app` will be reached, without a slash at its end.
        slack: mounted at /slack.
        pagerduty: mounted at /pagerduty.
        platform: mounted at /platform; its systems also listen on ports of their own after `start`.
        clock: the one clock of all three.
        channel: the channel of the bot.
        webhook_secret: signs PagerDuty's webhooks.
        http_mode: Slack sends signed requests instead of using Socket Mode.
    """

    def __init__(
        self,
        *,
        base_url: str,
        slack: SlackServer,
        pagerduty: PagerDutyServer,
        platform: Platform,
        clock: SandboxClock,
        channel: str = DEFAULT_CHANNEL,
        webhook_secret: str = DEFAULT_WEBHOOK_SECRET,
        http_mode: bool = False,
    ) -> None:
        self.base_url = base_url
        self.slack = slack
        self.pagerduty = pagerduty
        self.platform = platform
        self.clock = clock
        self.control = Control(slack=slack, pagerduty=pagerduty, platform=platform, clock=clock)
        self._channel = channel
        self._webhook_secret = webhook_secret
        self._http_mode = http_mode
        self.app = self._app()

    @classmethod
    def build(
        cls,
        *,
        base_url: str = DEFAULT_URL,
        request_url: str | None = None,
        webhook_url: str | None = None,
        webhook_secret: str = DEFAULT_WEBHOOK_SECRET,
        channel: str = DEFAULT_CHANNEL,
        state_dir: Path | None = None,
        advance_bot: AdvanceBot | None = None,
        ready: Readiness | None = None,
        slack_options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Put a sandbox together; nothing runs yet.

        Args:
            base_url: where `app` will be reached.
            request_url: the bot's `/slack/events`; without it Slack uses Socket Mode.
            webhook_url: the bot's `/pagerduty/webhooks`, subscribed to every incident event.
            webhook_secret: signs those webhooks.
            channel: the bot's channel.
            state_dir: for the platform's programs and logs; a temporary directory when None.
            advance_bot: see `Control`; may also be set later, as `sandbox.control.advance_bot`.
            ready: see `Control`; may also be set later.
            slack_options: more arguments of `SlackServer`, such as scopes, events, command_help.
        """
        base_url = base_url.rstrip("/")
        clock = SandboxClock()
        slack = SlackServer(
            clock=clock,
            public_url=f"{base_url}/slack",
            request_url=request_url,
            signing_secret=SIGNING_SECRET,
            **(slack_options or {}),
        )
        sandbox = cls(
            base_url=base_url,
            slack=slack,
            pagerduty=PagerDutyServer(clock=clock, public_url=f"{base_url}/pagerduty"),
            platform=Platform(clock=clock, public_url=f"{base_url}/platform", state_dir=state_dir),
            clock=clock,
            channel=channel,
            webhook_secret=webhook_secret,
            http_mode=request_url is not None,
        )
        sandbox.control.advance_bot = advance_bot
        sandbox.control.ready = ready
        if webhook_url is not None:
            sandbox.pagerduty.subscribe(webhook_url, webhook_secret)
        return sandbox

    async def start(self) -> None:
        """Open the platform's own ports; `app` is served by whoever asked for it."""
        await self.platform.start()

    async def close(self) -> None:
        """Stop what runs in the background; may be called twice."""
        await self.slack.close()
        await self.pagerduty.close()
        await self.platform.close()

    def bot_environment(self) -> dict[str, str]:
        """The bot's settings for this sandbox; call it after `start`."""
        return {
            "ATS_CHANNEL": self._channel,
            **self.slack_environment(),
            "PAGERDUTY_API_TOKEN": DEFAULT_TOKEN,
            "PAGERDUTY_API_URL": f"{self.base_url}/pagerduty",
            "PAGERDUTY_EVENTS_URL": f"{self.base_url}/pagerduty",
            "PAGERDUTY_WEBHOOK_SECRET": self._webhook_secret,
            **self.platform.environment(),
        }

    def slack_environment(self) -> dict[str, str]:
        """The part of the settings that concerns Slack."""
        core = self.slack.core
        way = (
            {"SLACK_SIGNING_SECRET": SIGNING_SECRET} if self._http_mode else {"SLACK_APP_TOKEN": core.app_token}
        )
        return {"SLACK_BOT_TOKEN": core.bot_token, "SLACK_API_URL": f"{self.base_url}/slack/api/", **way}

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Mount("/slack", self.slack.app),
                Mount("/pagerduty", self.pagerduty.app),
                Mount("/platform", self.platform.app),
                *self.control.routes,
                *page_routes(),
            ],
            middleware=[Middleware(LoopbackGuard)],
        )
