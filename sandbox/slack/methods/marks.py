"""What is put on a message or a channel: reactions, pins and bookmarks."""

import re

from sandbox.slack import payloads
from sandbox.slack.core import Core
from sandbox.slack.errors import InvalidArgumentsError, SlackError
from sandbox.slack.ids import new_id, seconds
from sandbox.slack.methods.call import Call
from sandbox.slack.methods.chat import link_to
from sandbox.slack.workspace import Channel, Json, Message, plain

MOST_PINS = 100
MOST_BOOKMARKS = 100
_EMOJI = re.compile(r"[a-z0-9_+'\-]+(::skin-tone-[2-6])?")


def _item(call: Call) -> tuple[Channel, Message]:
    if "channel" not in call.args or "timestamp" not in call.args:
        raise SlackError("no_item_specified")
    channel = call.channel()
    return channel, call.message(channel)


def _checked_emoji(call: Call) -> str:
    name = call.args.text("name").strip(":")
    if not _EMOJI.fullmatch(name):
        raise SlackError("invalid_name")
    return name


def put_reaction(core: Core, channel: Channel, message: Message, user: str, name: str) -> None:
    """Add one person's emoji; raises already_reacted. Tells the pages and the app."""
    reactions: list[Json] = message.data.setdefault("reactions", [])
    found = next((each for each in reactions if each["name"] == name), None)
    if found is None:
        reactions.append({"name": name, "users": [user], "count": 1})
    elif user in found["users"]:
        raise SlackError("already_reacted")
    else:
        found["users"].append(user)
        found["count"] += 1
    _tell_reaction(core, channel, message, user, name=name, kind="reaction_added")


def take_reaction(core: Core, channel: Channel, message: Message, user: str, name: str) -> None:
    """Take it back; raises no_reaction."""
    reactions: list[Json] = message.data.get("reactions", [])
    found = next((each for each in reactions if each["name"] == name and user in each["users"]), None)
    if found is None:
        raise SlackError("no_reaction")
    found["users"].remove(user)
    found["count"] -= 1
    if not found["users"]:
        reactions.remove(found)
    if not reactions:
        del message.data["reactions"]
    _tell_reaction(core, channel, message, user, name=name, kind="reaction_removed")


def _tell_reaction(core: Core, channel: Channel, message: Message, user: str, *, name: str, kind: str) -> None:
    core.hub.to_channel("reaction", channel, ts=message.ts, message=plain(message))
    if core.workspace.bot_user not in channel.members or not core.subscribed(kind):
        return
    event = {
        "type": kind,
        "user": user,
        "reaction": name,
        "item": {"type": "message", "channel": channel.id, "ts": message.ts},
        "item_user": message.data.get("user", ""),
        "event_ts": core.workspace.timestamps.next(core.now()),
    }
    core.deliveries.send_event(payloads.event_callback(core, event))


def reactions_add(call: Call) -> Json:
    call.require_scope()
    name = _checked_emoji(call)
    channel, message = _item(call)
    if channel.archived:
        raise SlackError("is_archived")
    if call.bot not in channel.members:
        raise SlackError("not_in_channel")
    put_reaction(call.core, channel, message, call.bot, name)
    return {}


def reactions_remove(call: Call) -> Json:
    call.require_scope()
    name = _checked_emoji(call)
    channel, message = _item(call)
    take_reaction(call.core, channel, message, call.bot, name)
    return {}


def reactions_get(call: Call) -> Json:
    call.require_scope()
    channel, message = _item(call)
    shown = plain(message) | {"permalink": link_to(call.core.public_url, channel, message)}
    return {"type": "message", "channel": channel.id, "message": shown}


def pins_add(call: Call) -> Json:
    channel = call.joined_channel()
    if "timestamp" not in call.args:
        raise SlackError("no_item_specified")
    message = call.message(channel)
    if any(pin["ts"] == message.ts for pin in channel.pins):
        raise SlackError("already_pinned")
    if len(channel.pins) >= MOST_PINS:
        raise SlackError("too_many_pins")
    channel.pins.append({"ts": message.ts, "created": seconds(call.core.now()), "created_by": call.bot})
    message.data["pinned_to"] = [channel.id]
    call.core.hub.to_channel("message_changed", channel, message=plain(message))
    return {}


def pins_remove(call: Call) -> Json:
    channel = call.joined_channel()
    if "timestamp" not in call.args:
        raise SlackError("no_item_specified")
    message = call.message(channel)
    pins = [pin for pin in channel.pins if pin["ts"] != message.ts]
    if len(pins) == len(channel.pins):
        raise SlackError("no_pin")
    channel.pins[:] = pins
    message.data.pop("pinned_to", None)
    call.core.hub.to_channel("message_changed", channel, message=plain(message))
    return {}


def pins_list(call: Call) -> Json:
    call.require_scope()
    channel = call.channel()
    items = []
    for pin in channel.pins:
        message = channel.find(pin["ts"])
        if message is not None:
            items.append(
                {
                    "type": "message",
                    "channel": channel.id,
                    "created": pin["created"],
                    "created_by": pin["created_by"],
                    "message": plain(message),
                }
            )
    return {"items": items}


def bookmarks_add(call: Call) -> Json:
    call.require_scope()
    channel = call.channel("channel_id")
    title = call.args.required("title")
    kind = call.args.required("type")
    link = call.args.text("link")
    if call.bot not in channel.members:
        raise SlackError("access_denied")
    if kind != "link":
        raise SlackError("invalid_bookmark_type")
    if not link:
        raise InvalidArgumentsError("missing required field: link")
    if not link.startswith(("http://", "https://")):
        raise SlackError("invalid_link")
    if len(channel.bookmarks) >= MOST_BOOKMARKS:
        raise SlackError("too_many_bookmarks")
    bookmark: Json = {
        "id": new_id("Bk", 12),
        "channel_id": channel.id,
        "title": title,
        "link": link,
        "emoji": call.args.text("emoji"),
        "icon_url": "",
        "type": "link",
        "entity_id": None,
        "date_created": seconds(call.core.now()),
        "date_updated": 0,
        "rank": "i" * (len(channel.bookmarks) + 1),
        "last_updated_by_user_id": call.bot,
        "last_updated_by_team_id": call.workspace.team_id,
        "shortcut_id": None,
        "app_id": call.workspace.app_id,
    }
    channel.bookmarks.append(bookmark)
    return {"bookmark": bookmark}


def bookmarks_list(call: Call) -> Json:
    call.require_scope()
    return {"bookmarks": list(call.channel("channel_id").bookmarks)}
