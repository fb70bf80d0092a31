"""One Web API call under way, and the checks that many methods share."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.slack.args import Args
from sandbox.slack.core import Core
from sandbox.slack.errors import RateLimitedCallError, SlackError
from sandbox.slack.scopes import METHODS, require
from sandbox.slack.workspace import Channel, Json, Message, Workspace

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Call:
    """A method, its arguments and the state that it works on."""

    core: Core
    method: str
    args: Args

    @property
    def workspace(self) -> Workspace:
        return self.core.workspace

    @property
    def bot(self) -> str:
        return self.core.workspace.bot_user

    def require_scope(self, family: str = "channels") -> None:
        """Raise missing_scope unless the method may be used on that kind of conversation."""
        require(self.core.scopes, METHODS[self.method].scope_for(family))

    def channel(self, name: str = "channel") -> Channel:
        """The conversation that an argument names by id.

        Raises:
            SlackError: channel_not_found, for a private one without the bot too.
        """
        channel = self.workspace.channels.get(self.args.required(name))
        if channel is None or not self.workspace.sees(self.bot, channel):
            raise SlackError("channel_not_found")
        return channel

    def joined_channel(self, name: str = "channel", *, archived: bool = False) -> Channel:
        """The same, and the bot is a member; raises not_in_channel, and is_archived unless `archived`."""
        channel = self.channel(name)
        self.require_scope(channel.scope_family)
        if self.bot not in channel.members:
            raise SlackError("not_in_channel")
        if channel.archived and not archived:
            raise SlackError("is_archived")
        return channel

    def message(self, channel: Channel, name: str = "timestamp") -> Message:
        """The message that an argument names; raises message_not_found, for ephemeral ones too."""
        message = channel.find(self.args.required(name))
        if message is None or message.ephemeral_to is not None or message.data.get("subtype") == "tombstone":
            raise SlackError("message_not_found")
        return message

    def take_post(self, channel: Channel) -> None:
        """Count a message to the channel; raises ratelimited."""
        wait = self.core.limiter.take_post(channel.id) if self.core.enforce_rate_limits else None
        if wait is not None:
            raise RateLimitedCallError(wait)

    def page(self, items: Sequence[Item], *, default: int = 100, most: int = 1000) -> tuple[list[Item], Json]:
        """The page that `cursor` and `limit` ask for, and the `response_metadata` with the next cursor."""
        limit = self.args.number("limit", default, most=most)
        start = _decode_cursor(self.args.text("cursor"))
        after = start + limit
        cursor = _encode_cursor(after) if after < len(items) else ""
        return list(items[start:after]), {"next_cursor": cursor}


Handler = Callable[[Call], Awaitable[Json] | Json]


def _encode_cursor(offset: int) -> str:
    return base64.b64encode(f"next:{offset}".encode()).decode()


def _decode_cursor(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, offset = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word == "next":
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise SlackError("invalid_cursor")


def timestamp_argument(call: Call, name: str, error: str) -> float | None:
    """A message timestamp to compare with; None when it is not given."""
    value: Any = call.args.text(name)
    if not value:
        return None
    try:
        return float(value)
    except ValueError:
        raise SlackError(error) from None
