"""conversations.*: listing, joining, making and changing channels."""

import re

from sandbox.slack import payloads
from sandbox.slack.errors import SlackError
from sandbox.slack.ids import new_id, seconds
from sandbox.slack.methods.call import Call
from sandbox.slack.posting import system_message
from sandbox.slack.scopes import METHODS, require
from sandbox.slack.workspace import Channel, Json

MOST_NAME = 80
MOST_TOPIC = 250
_TYPES = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}
_NAME = re.compile(r"[\w\-\u0080-\uffff]+")


def shown(call: Call, channel: Channel, *, with_members: bool = False) -> Json:
    """The channel object as the bot sees it."""
    if channel.kind == "im":
        return _shown_im(call, channel)
    data: Json = {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_im": False,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.is_private,
        "created": channel.created,
        "updated": channel.created * 1000,
        "creator": channel.creator,
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "is_member": call.bot in channel.members,
        "unlinked": 0,
        "is_shared": False,
        "is_ext_shared": False,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": call.workspace.team_id,
        "shared_team_ids": [call.workspace.team_id],
        "parent_conversation": None,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
        "previous_names": list(channel.previous_names),
    }
    if with_members:
        data["num_members"] = len(channel.members)
    return data


def _shown_im(call: Call, channel: Channel) -> Json:
    other = next((member for member in channel.members if member != call.bot), call.bot)
    return {
        "id": channel.id,
        "created": channel.created,
        "is_im": True,
        "is_org_shared": False,
        "is_archived": False,
        "context_team_id": call.workspace.team_id,
        "user": other,
        "is_user_deleted": call.workspace.users[other].deleted,
        "is_open": True,
    }


def _wanted_kinds(call: Call) -> set[str]:
    """The kinds that `types` asks for; raises invalid_types or missing_scope."""
    names = call.args.names("types") or ["public_channel"]
    if any(name not in _TYPES for name in names):
        raise SlackError("invalid_types")
    kinds = {_TYPES[name] for name in names}
    for kind in sorted(kinds):
        require(call.core.scopes, METHODS[call.method].scope_for(Channel("", "", kind).scope_family))
    return kinds


def list_(call: Call) -> Json:
    kinds = _wanted_kinds(call)
    channels = [
        channel
        for channel in call.workspace.channels.values()
        if channel.kind in kinds
        and call.workspace.sees(call.bot, channel)
        and not (channel.archived and call.args.flag("exclude_archived"))
    ]
    page, metadata = call.page(channels)
    return {
        "channels": [shown(call, channel, with_members=True) for channel in page],
        "response_metadata": metadata,
    }


def of_user(call: Call) -> Json:
    """users.conversations: the ones that a user, by default the bot, is a member of."""
    kinds = _wanted_kinds(call)
    user = call.args.text("user", call.bot)
    if user not in call.workspace.users:
        raise SlackError("user_not_found")
    channels = [
        channel
        for channel in call.workspace.channels.values()
        if channel.kind in kinds
        and user in channel.members
        and call.workspace.sees(call.bot, channel)
        and not (channel.archived and call.args.flag("exclude_archived"))
    ]
    page, metadata = call.page(channels)
    return {"channels": [shown(call, channel) for channel in page], "response_metadata": metadata}


def info(call: Call) -> Json:
    channel = call.channel()
    call.require_scope(channel.scope_family)
    return {"channel": shown(call, channel, with_members=call.args.flag("include_num_members"))}


def members(call: Call) -> Json:
    channel = call.channel()
    call.require_scope(channel.scope_family)
    page, metadata = call.page(channel.members)
    return {"members": page, "response_metadata": metadata}


def join(call: Call) -> Json:
    channel = call.channel()
    call.require_scope()
    if channel.kind != "public":
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    if call.bot in channel.members:
        warning = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
        return {"channel": shown(call, channel), **warning}
    _enter(call, channel, call.bot)
    return {"channel": shown(call, channel)}


def _enter(call: Call, channel: Channel, user: str, inviter: str | None = None) -> None:
    channel.members.append(user)
    core = call.core
    extra = {"inviter": inviter} if inviter else {}
    system_message(core, channel, "channel_join", user, f"<@{user}> has joined the channel", **extra)
    core.hub.to_channel("channel_joined", channel, user=user)
    if not core.subscribed("member_joined_channel") or call.bot not in channel.members:
        return
    event = {
        "type": "member_joined_channel",
        "user": user,
        "channel": channel.id,
        "channel_type": "C" if channel.kind == "public" else "G",
        "team": call.workspace.team_id,
        "event_ts": channel.messages[-1].ts,
        **extra,
    }
    core.deliveries.send_event(payloads.event_callback(core, event))


def _checked_name(call: Call) -> str:
    """A channel name that Slack takes, and that nobody has yet."""
    name = call.args.text("name").strip().removeprefix("#")
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > MOST_NAME:
        raise SlackError("invalid_name_maxlength")
    if not name.strip("-_."):
        raise SlackError("invalid_name_punctuation")
    if name != name.lower() or not _NAME.fullmatch(name):
        raise SlackError("invalid_name_specials")
    if call.workspace.channel_named(name) is not None:
        raise SlackError("name_taken")
    return name


def create(call: Call) -> Json:
    private = call.args.flag("is_private")
    call.require_scope("groups" if private else "channels")
    name = _checked_name(call)
    channel = call.workspace.add_channel(new_id("C"), name, private=private)
    channel.creator = call.bot
    channel.created = seconds(call.core.now())
    _enter(call, channel, call.bot)
    return {"channel": shown(call, channel)}


def open_(call: Call) -> Json:
    if "channel" in call.args:
        return {"channel": {"id": call.channel().id}}
    users = call.args.names("users")
    if not users:
        raise SlackError("users_list_not_supplied")
    for user in users:
        _check_person(call, user)
    call.require_scope("im" if len(users) == 1 else "mpim")
    channel = (
        call.workspace.im_with(users[0]) if len(users) == 1 else _group_conversation(call, [*users, call.bot])
    )
    full = call.args.flag("return_im")
    return {"channel": shown(call, channel) if full else {"id": channel.id}}


def _check_person(call: Call, user: str) -> None:
    person = call.workspace.users.get(user)
    if person is None:
        raise SlackError("user_not_found")
    if person.deleted:
        raise SlackError("user_disabled")


def _group_conversation(call: Call, members: list[str]) -> Channel:
    for channel in call.workspace.channels.values():
        if channel.kind == "mpim" and set(channel.members) == set(members):
            return channel
    names = "--".join(call.workspace.users[member].name for member in members)
    channel = Channel(new_id("G"), f"mpdm-{names}-1", "mpim", members)
    call.workspace.channels[channel.id] = channel
    return channel


def invite(call: Call) -> Json:
    channel = call.joined_channel()
    users = call.args.names("users")
    if not users:
        raise SlackError("no_user")
    for user in users:
        if user == call.bot:
            raise SlackError("cant_invite_self")
        if user not in call.workspace.users:
            raise SlackError("user_not_found")
        if user in channel.members:
            raise SlackError("already_in_channel")
    for user in users:
        _enter(call, channel, user, call.bot)
    return {"channel": shown(call, channel)}


def archive(call: Call) -> Json:
    channel = call.joined_channel(archived=True)
    if channel.archived:
        raise SlackError("already_archived")
    if channel.name == "general":
        raise SlackError("cant_archive_general")
    system_message(call.core, channel, "channel_archive", call.bot, "archived the channel")
    channel.archived = True
    return {}


def rename(call: Call) -> Json:
    channel = call.joined_channel()
    name = _checked_name(call)
    channel.previous_names.insert(0, channel.name)
    channel.name = name
    text = f'has renamed the channel from "{channel.previous_names[0]}" to "{name}"'
    system_message(call.core, channel, "channel_name", call.bot, text, name=name)
    return {"channel": shown(call, channel)}


def _topic(call: Call, argument: str) -> tuple[Channel, str]:
    channel = call.joined_channel()
    if argument not in call.args:
        raise SlackError("invalid_arguments")
    value = call.args.text(argument)
    if len(value) > MOST_TOPIC:
        raise SlackError("too_long")
    return channel, value


def set_topic(call: Call) -> Json:
    channel, topic = _topic(call, "topic")
    channel.topic = topic
    text = f"set the channel topic: {channel.topic}"
    system_message(call.core, channel, "channel_topic", call.bot, text, topic=channel.topic)
    return {"channel": shown(call, channel)}


def set_purpose(call: Call) -> Json:
    channel, purpose = _topic(call, "purpose")
    channel.purpose = purpose
    text = f"set the channel description: {channel.purpose}"
    system_message(call.core, channel, "channel_purpose", call.bot, text, purpose=channel.purpose)
    return {"purpose": channel.purpose}
