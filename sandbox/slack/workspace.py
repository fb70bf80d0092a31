"""The workspace: people, channels, user groups, messages, files, views and homes, all in memory."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.ids import Timestamps, new_id

Json = dict[str, Any]
# What Slack itself writes into a channel; hidden from `SlackServer.messages` unless asked for.
SYSTEM_SUBTYPES = frozenset(
    {"channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive"}
)


@dataclass(slots=True)
class User:
    id: str
    name: str
    real_name: str
    email: str = ""
    is_bot: bool = False
    deleted: bool = False
    is_admin: bool = False
    tz: str = "Etc/UTC"
    bot_id: str = ""


@dataclass(slots=True)
class UserGroup:
    id: str
    handle: str
    name: str
    users: list[str]
    disabled: bool = False


@dataclass(slots=True)
class Message:
    """A message as Slack stores it (`data`), and what only the sandbox knows about it.

    `notified` lists the ids of the people whom Slack would have notified, in the order of mention.
    """

    channel: str
    data: Json
    ephemeral_to: str | None = None
    notified: list[str] = field(default_factory=list)
    values: Json = field(default_factory=dict)  # what was chosen in its menus

    @property
    def ts(self) -> str:
        return str(self.data["ts"])

    @property
    def thread_ts(self) -> str | None:
        value = self.data.get("thread_ts")
        return None if value is None else str(value)

    @property
    def in_channel(self) -> bool:
        """True when it shows in the channel itself, not only in a thread."""
        return self.thread_ts in (None, self.ts) or self.data.get("subtype") == "thread_broadcast"


@dataclass(slots=True)
class Channel:
    """A public or private channel, or a conversation between a few people (`kind` im or mpim)."""

    id: str
    name: str
    kind: str = "public"  # public, private, im, mpim
    members: list[str] = field(default_factory=list)
    archived: bool = False
    creator: str = ""
    created: int = 0
    topic: str = ""
    purpose: str = ""
    previous_names: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    pins: list[Json] = field(default_factory=list)
    bookmarks: list[Json] = field(default_factory=list)

    @property
    def is_private(self) -> bool:
        return self.kind != "public"

    @property
    def scope_family(self) -> str:
        """The word that scopes use for this kind, as in `channels:read` and `groups:read`."""
        return {"public": "channels", "private": "groups"}.get(self.kind, self.kind)

    def find(self, ts: str) -> Message | None:
        """The message of that timestamp, ephemeral ones included."""
        return next((message for message in reversed(self.messages) if message.ts == ts), None)


@dataclass(slots=True)
class StoredFile:
    id: str
    name: str
    size: int
    user: str
    created: int
    title: str = ""
    alt: str = ""  # what a picture shows, for those who do not see it
    content: bytes | None = None
    channels: list[str] = field(default_factory=list)
    shares: Json = field(default_factory=dict)


@dataclass(slots=True)
class View:
    """A modal or home view: `data` is Slack's view object, `values` what the person has entered."""

    user: str
    data: Json
    values: Json = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.data["id"])


class Workspace:
    """Everything that Slack remembers about one team; seeded by a few `add_*` calls."""

    def __init__(
        self, *, team_id: str = "T0ATS", name: str = "ATS Sandbox", domain: str = "ats-sandbox"
    ) -> None:
        self.team_id = team_id
        self.name = name
        self.domain = domain
        self.bot_user = "U0ATSBOT"
        self.bot_id = "B0ATS"
        self.app_id = "A0ATS"
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, UserGroup] = {}
        self.files: dict[str, StoredFile] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}  # user id -> ids of the open modals, lowest first
        self.homes: dict[str, View] = {}
        self.timestamps = Timestamps()

    @property
    def messages(self) -> list[Message]:
        """Every message of every channel, oldest first."""
        everything = (message for channel in self.channels.values() for message in channel.messages)
        return sorted(everything, key=lambda message: message.ts)

    def add_user(
        self,
        user_id: str,
        name: str,
        real_name: str = "",
        email: str = "",
        *,
        is_bot: bool = False,
        deleted: bool = False,
        is_admin: bool = False,
        tz: str = "Etc/UTC",
    ) -> User:
        user = User(user_id, name, real_name or name, email, is_bot, deleted, is_admin, tz)
        if user_id == self.bot_user:
            user.bot_id = self.bot_id
        self.users[user_id] = user
        return user

    def add_channel(
        self,
        channel_id: str,
        name: str,
        *,
        private: bool = False,
        members: Iterable[str] = (),
        archived: bool = False,
        topic: str = "",
    ) -> Channel:
        kind = "private" if private else "public"
        channel = Channel(channel_id, name, kind, list(members), archived, topic=topic)
        self.channels[channel_id] = channel
        return channel

    def add_usergroup(
        self, group_id: str, handle: str, users: Sequence[str], *, name: str = "", disabled: bool = False
    ) -> UserGroup:
        group = UserGroup(group_id, handle, name or handle, list(users), disabled)
        self.usergroups[group_id] = group
        return group

    def channel_named(self, name: str) -> Channel | None:
        bare = name.removeprefix("#")
        named = (
            each for each in self.channels.values() if each.name == bare and each.kind in ("public", "private")
        )
        return next(named, None)

    def im_with(self, user_id: str) -> Channel:
        """The direct conversation of that user and the bot, opened when there is none."""
        for channel in self.channels.values():
            if channel.kind == "im" and user_id in channel.members:
                return channel
        channel = Channel(new_id("D"), "directmessage", "im", [user_id, self.bot_user])
        self.channels[channel.id] = channel
        return channel

    def human_members(self, channel: Channel) -> list[str]:
        return [each for each in channel.members if each in self.users and not self.users[each].is_bot]

    def sees(self, user_id: str, channel: Channel) -> bool:
        return channel.kind == "public" or user_id in channel.members


def plain(message: Message) -> Json:
    """A copy of the message as Slack's API shows it."""
    return copy.deepcopy(message.data)
