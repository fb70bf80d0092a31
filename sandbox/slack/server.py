"""A local Slack: as strict as the real one, in memory, over real HTTP and WebSocket."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from sandbox.clock import SandboxClock
from sandbox.slack.api import WebApi
from sandbox.slack.clientapi import ClientApi, visible
from sandbox.slack.core import ApiCall, Core
from sandbox.slack.delivery import Deliveries
from sandbox.slack.faults import Faults
from sandbox.slack.httpmode import HttpTransport
from sandbox.slack.hub import Hub
from sandbox.slack.methods.chat import link_to
from sandbox.slack.payloads import VERIFICATION_TOKEN, Origin
from sandbox.slack.people import Choice, Outcome, People
from sandbox.slack.responses import Responses
from sandbox.slack.scopes import DEMO_EVENTS, DEMO_SCOPES
from sandbox.slack.seed import default_workspace
from sandbox.slack.socketmode import SocketTransport
from sandbox.slack.workspace import SYSTEM_SUBTYPES, Json, Workspace, plain

__all__ = ["Outcome", "SlackServer"]


class SlackServer:
    """The workspace, its Web API, its way to the app, and the hands of its people.

    Args:
        clock: gives messages their timestamps; signatures, triggers and limits go by real time.
        public_url: where `app` is mounted, e.g. `http://127.0.0.1:8025/slack`; may be set later.
        bot_token: the token of Web API calls.
        app_token: the token of `apps.connections.open`.
        signing_secret: signs what is sent in HTTP mode.
        scopes: what the bot was granted; None grants what the demo's app asks for.
        request_url: HTTP mode: where commands, interactions and events go; None: Socket Mode.
        command_names: the slash commands that are registered.
        workspace: None starts with `default_workspace()`.
        events: the event subscriptions, in the manifest's words; None: those of the demo's app.
        command_help: for each command its `description` and `usage_hint`, shown by the page.
    """

    def __init__(
        self,
        *,
        clock: SandboxClock,
        public_url: str = "",
        bot_token: str = "xoxb-sandbox",  # noqa: S107 - a local server's well-known one
        app_token: str = "xapp-sandbox",  # noqa: S107 - the same
        signing_secret: str = "sandbox-signing-secret",  # noqa: S107 - the same
        scopes: Collection[str] | None = None,
        request_url: str | None = None,
        command_names: Sequence[str] = ("/ats",),
        workspace: Workspace | None = None,
        events: Collection[str] | None = None,
        command_help: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        workspace = workspace or default_workspace()
        self.sockets = SocketTransport(workspace.app_id)
        self._http = HttpTransport(request_url, signing_secret) if request_url else None
        self.core = Core(
            clock=clock,
            workspace=workspace,
            public_url=public_url.rstrip("/"),
            bot_token=bot_token,
            app_token=app_token,
            scopes=DEMO_SCOPES if scopes is None else frozenset(scopes),
            command_names=tuple(command_names),
            command_help={name: dict(text) for name, text in (command_help or {}).items()},
            events=DEMO_EVENTS if events is None else frozenset(events),
            deliveries=Deliveries(self._http or self.sockets),
            hub=Hub(workspace),
        )
        self.faults = Faults(self.sockets.drop)
        self.people = People(self.core)
        self.app = self._application()

    def _application(self) -> Starlette:
        api = WebApi(self.core, self.faults)
        responses = Responses(self.core, self.faults)
        return Starlette(
            routes=[
                Route("/api/{method}", api.endpoint, methods=["GET", "POST"]),
                Route("/response/{channel}/{token}", responses.respond, methods=["POST"]),
                Route("/upload/{token}", responses.upload, methods=["POST"]),
                WebSocketRoute("/socket", self.sockets.serve),
                *ClientApi(self.core, self.people).routes(),
            ]
        )

    @property
    def workspace(self) -> Workspace:
        return self.core.workspace

    @property
    def calls(self) -> list[ApiCall]:
        """Every Web API call, in the order of arrival."""
        return self.core.calls

    @property
    def public_url(self) -> str:
        return self.core.public_url

    @public_url.setter
    def public_url(self, url: str) -> None:
        self.core.public_url = url.rstrip("/")

    @property
    def api_url(self) -> str:
        """The `base_url` for slack_sdk, which needs the slash at its end."""
        return f"{self.public_url}/api/"

    @property
    def enforce_rate_limits(self) -> bool:
        return self.core.enforce_rate_limits

    @enforce_rate_limits.setter
    def enforce_rate_limits(self, enforce: bool) -> None:
        self.core.enforce_rate_limits = enforce

    @property
    def retry_waits(self) -> Sequence[float]:
        """Seconds before each repetition of an event that was not acknowledged."""
        return self.core.deliveries.retry_waits

    @retry_waits.setter
    def retry_waits(self, waits: Sequence[float]) -> None:
        self.core.deliveries.retry_waits = tuple(waits)

    async def close(self) -> None:
        """End event streams, retries, hanging calls and connections."""
        self.faults.clear()
        self.core.hub.close()
        await self.core.deliveries.close()
        await self.sockets.close()

    async def verify_request_url(self) -> Outcome:
        """The `url_verification` handshake that Slack makes when a request URL is entered."""
        challenge = {"token": VERIFICATION_TOKEN, "challenge": "sandbox-challenge", "type": "url_verification"}
        ack = await self.core.deliveries.send("events_api", challenge)
        answer = ack.payload.get("challenge") if isinstance(ack.payload, dict) else ack.payload
        agreed = ack.ok and answer == challenge["challenge"]
        shown = "" if agreed else "Your URL didn't respond with the value of the challenge parameter."
        return Outcome(agreed, ack.error, shown, ack.payload, ack.seconds)

    async def command(self, user: str, channel: str, text: str, *, command: str = "/ats") -> Outcome:
        """Type a slash command; what comes with the acknowledgement is posted as Slack would."""
        return await self.people.command(user, channel, text, command)

    async def press(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        value: Any = None,
        selected: Any = None,
        block_id: str | None = None,
    ) -> Outcome:
        """Press a button, or choose from a menu, of a message; `element_not_found` when it is not there."""
        return await self.people.press(user, channel, ts, action_id, Choice(value, selected, block_id))

    async def press_in_view(
        self,
        user: str,
        view_id: str,
        action_id: str,
        *,
        value: Any = None,
        selected: Any = None,
        block_id: str | None = None,
    ) -> Outcome:
        """The same in an open modal."""
        return await self.people.press_in_view(user, view_id, action_id, Choice(value, selected, block_id))

    async def press_at_home(
        self,
        user: str,
        action_id: str,
        *,
        value: Any = None,
        selected: Any = None,
        block_id: str | None = None,
    ) -> Outcome:
        """The same on the person's home tab."""
        return await self.people.press_at_home(user, action_id, Choice(value, selected, block_id))

    async def submit(self, user: str, view_id: str, values: Mapping[str, Mapping[str, Any]]) -> Outcome:
        """Fill in and submit a modal: block_id -> action_id -> a state value, or just what was entered."""
        return await self.people.submit(user, view_id, values)

    async def close_view(self, user: str, view_id: str) -> Outcome:
        """Close a modal by its cancel button."""
        return await self.people.close_view(user, view_id)

    async def options(
        self,
        user: str,
        action_id: str,
        text: str,
        *,
        view_id: str | None = None,
        channel: str | None = None,
        ts: str | None = None,
    ) -> list[Json]:
        """Type into an external select of a modal (`view_id`), a message (`channel`, `ts`) or the home tab."""
        if view_id is not None:
            origin = Origin(user, view=self.workspace.views[view_id])
        elif channel is not None and ts is not None:
            place = self.workspace.channels[channel]
            origin = Origin(user, place, place.find(ts))
        else:
            origin = Origin(user, view=self.workspace.homes[user])
        return await self.people.options(origin, action_id, text)

    async def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Outcome:
        """Write a message; returns when the app has answered the first attempt of each event."""
        return await self.people.say(user, channel, text, thread_ts)

    async def open_home(self, user: str) -> None:
        """Open the app's home tab."""
        await self.people.open_home(user)

    async def react(self, user: str, channel: str, ts: str, name: str) -> Outcome:
        """Put an emoji on a message."""
        return await self.people.react(user, channel, ts, name)

    def messages(
        self, channel: str, *, thread_ts: str | None = None, user: str | None = None, system: bool = False
    ) -> list[Json]:
        """What is visible in a channel or thread, oldest first, each with its `notified` people.

        Args:
            channel: id or name.
            thread_ts: a thread: its first message and the replies.
            user: with the ephemeral messages of that person.
            system: with what Slack itself writes, such as that somebody joined.
        """
        place = self.workspace.channels.get(channel) or self.workspace.channel_named(channel)
        if place is None:
            raise LookupError(f"There is no channel {channel!r}.")
        return [
            {**plain(message), "notified": list(message.notified)}
            for message in visible(place, user=user, thread_ts=thread_ts)
            if system or message.data.get("subtype") not in SYSTEM_SUBTYPES
        ]

    def permalink(self, channel: str, ts: str) -> str:
        place = self.workspace.channels[channel]
        message = place.find(ts)
        if message is None:
            raise LookupError(f"There is no message {ts} in {channel}.")
        return link_to(self.public_url, place, message)
