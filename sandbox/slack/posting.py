"""Messages in, changed and out: bookkeeping of threads, notifications, events and the pages."""

from typing import Any

from sandbox.slack import blockkit, payloads
from sandbox.slack.core import Core
from sandbox.slack.errors import InvalidBlocksError, SlackError
from sandbox.slack.ids import seconds
from sandbox.slack.mentions import mentions_user, notified_by
from sandbox.slack.workspace import Channel, Json, Message, plain

MOST_TEXT = 40_000
MOST_TEXT_OF_UPDATE = 4_000
MOST_ATTACHMENTS = 100
MOST_MARKDOWN = 12_000
MOST_METADATA = 8_000


def checked_content(source: Json, *, most_text: int = MOST_TEXT, previous: Json | None = None) -> Json:
    """The text, blocks, attachments and metadata of a message, checked and completed as Slack does.

    Args:
        source: `text`, `blocks`, `attachments`, `metadata`, `markdown_text`, already parsed from JSON.
        most_text: characters that `text` may have.
        previous: the message that is being changed; what is not given stays as it was.

    Raises:
        SlackError: no_text, msg_too_long, invalid_blocks, msg_blocks_too_long, too_many_attachments, …
    """
    blocks, attachments = _markdown_as_block(source), source.get("attachments")
    text = source.get("text")
    if text is not None and len(str(text)) > most_text:
        raise SlackError("msg_too_long")
    content = {"text": "" if text is None else str(text)}
    content |= _checked_blocks(blocks)
    content |= _checked_attachments(attachments)
    if not (content["text"].strip() or content.get("blocks") or content.get("attachments")):
        raise SlackError("no_text")
    if previous is not None:
        content = _kept(previous) | content
    return content | _checked_metadata(source, previous)


def _markdown_as_block(source: Json) -> Any:
    markdown = source.get("markdown_text")
    if not markdown:
        return source.get("blocks")
    if source.get("blocks") or source.get("text"):
        raise SlackError("markdown_text_conflict")
    if len(str(markdown)) > MOST_MARKDOWN:
        raise SlackError("msg_too_long")
    return [{"type": "markdown", "text": markdown}]


def _checked_blocks(blocks: Any) -> Json:
    if blocks is None:
        return {}
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = blockkit.message_problems(blocks)
    if problems:
        raise InvalidBlocksError(problems)
    if blockkit.text_length(blocks) > blockkit.MOST_TEXT_OF_ALL_BLOCKS:
        raise SlackError("msg_blocks_too_long")
    return {"blocks": blockkit.completed(blocks)}


def _checked_attachments(attachments: Any) -> Json:
    if attachments is None:
        return {}
    if not isinstance(attachments, list) or not all(isinstance(each, dict) for each in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    kept = []
    for number, attachment in enumerate(attachments, start=1):
        completed = {"id": number, **attachment}
        if "blocks" in attachment:
            completed |= _checked_blocks(attachment["blocks"])
        kept.append(completed)
    return {"attachments": kept}


def _kept(previous: Json) -> Json:
    """What a change leaves as it was when it is not given; an empty list removes it."""
    return {key: previous[key] for key in ("blocks", "attachments") if key in previous}


def _checked_metadata(source: Json, previous: Json | None) -> Json:
    metadata = source.get("metadata")
    if metadata is None:
        return {"metadata": previous["metadata"]} if previous and "metadata" in previous else {}
    if metadata == {}:
        return {}
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        raise SlackError("invalid_metadata_format")
    if len(str(metadata)) > MOST_METADATA:
        raise SlackError("metadata_too_large")
    return {"metadata": {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}}


def bot_fields(core: Core) -> Json:
    """Who wrote it, for a message of the bot."""
    workspace = core.workspace
    bot = workspace.users[workspace.bot_user]
    return {
        "type": "message",
        "user": workspace.bot_user,
        "bot_id": workspace.bot_id,
        "app_id": workspace.app_id,
        "team": workspace.team_id,
        "bot_profile": {
            "id": workspace.bot_id,
            "app_id": workspace.app_id,
            "user_id": workspace.bot_user,
            "name": bot.name,
            "icons": {},
            "deleted": False,
            "updated": 0,
            "team_id": workspace.team_id,
        },
    }


def thread_root(channel: Channel, thread_ts: str) -> Message:
    """The message that a reply belongs under; raises thread_not_found."""
    root = channel.find(thread_ts)
    if root is None or root.ephemeral_to is not None or root.thread_ts not in (None, root.ts):
        raise SlackError("thread_not_found")
    return root


def post(
    core: Core, channel: Channel, data: Json, *, ephemeral_to: str | None = None, emit: bool = True
) -> Message:
    """Store a message, keep its thread's counts, and tell the pages and (with `emit`) the app."""
    data = {**data, "ts": core.workspace.timestamps.next(core.now())}
    message = Message(channel.id, data, ephemeral_to)
    if ephemeral_to is not None:
        data["is_ephemeral"] = True
        channel.messages.append(message)
        core.hub.to_user("ephemeral", ephemeral_to, channel=channel.id, message=plain(message))
        return message
    message.notified = notified_by(data, channel, core.workspace)
    channel.messages.append(message)
    core.hub.to_channel("message", channel, message=plain(message))
    if message.thread_ts not in (None, message.ts):
        _count_reply(core, channel, message)
    if emit:
        for event in message_events(core, channel, message):
            core.deliveries.send_event(payloads.event_callback(core, event))
    return message


def _count_reply(core: Core, channel: Channel, reply: Message) -> None:
    root = thread_root(channel, str(reply.thread_ts))
    replies = [each for each in channel.messages if each.thread_ts == root.ts and each is not root]
    replies = [each for each in replies if each.ephemeral_to is None]
    authors = list(dict.fromkeys(str(each.data.get("user")) for each in replies))
    if not replies:
        for key in ("thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply"):
            root.data.pop(key, None)
    else:
        root.data |= {
            "thread_ts": root.ts,
            "reply_count": len(replies),
            "reply_users_count": len(authors),
            "latest_reply": replies[-1].ts,
            "reply_users": authors[:5],
            "is_locked": False,
            "subscribed": False,
        }
    core.hub.to_channel("message_changed", channel, message=plain(root))


def change(core: Core, channel: Channel, message: Message, content: Json, editor: str) -> None:
    """Replace the content of a message; whoever was not notified before is not notified now."""
    kept = {
        key: value
        for key, value in message.data.items()
        if key not in ("text", "blocks", "attachments", "metadata", "edited")
    }
    edited = {"user": editor, "ts": f"{seconds(core.now())}.000000"}
    message.data = {**kept, **content, "edited": edited}
    if message.ephemeral_to is not None:
        core.hub.to_user("message_changed", message.ephemeral_to, channel=channel.id, message=plain(message))
    else:
        core.hub.to_channel("message_changed", channel, message=plain(message))


def remove(core: Core, channel: Channel, message: Message) -> None:
    """Delete a message; a thread's first message with replies leaves a tombstone."""
    if message.data.get("reply_count"):
        kept = ("ts", "thread_ts", "reply_count", "reply_users_count", "latest_reply", "reply_users")
        message.data = {
            "type": "message",
            "subtype": "tombstone",
            "text": "This message was deleted.",
            "user": "USLACKBOT",
            "hidden": True,
            **{key: message.data[key] for key in kept if key in message.data},
        }
        core.hub.to_channel("message_changed", channel, message=plain(message))
        return
    channel.messages.remove(message)
    channel.pins[:] = [pin for pin in channel.pins if pin["ts"] != message.ts]
    if message.ephemeral_to is not None:
        core.hub.to_user("message_deleted", message.ephemeral_to, channel=channel.id, ts=message.ts)
        return
    core.hub.to_channel("message_deleted", channel, ts=message.ts)
    if message.thread_ts is not None:
        _count_reply(core, channel, message)


def system_message(core: Core, channel: Channel, subtype: str, user: str, text: str, **fields: Any) -> None:
    """What Slack itself writes into a channel, such as that somebody joined."""
    post(core, channel, {"type": "message", "subtype": subtype, "user": user, "text": text, **fields})


def message_events(core: Core, channel: Channel, message: Message) -> list[Json]:
    family = {"public": "channels", "private": "groups"}.get(channel.kind, channel.kind)
    present = core.workspace.bot_user in channel.members
    kind = {"public": "channel", "private": "group"}.get(channel.kind, channel.kind)
    event = {**plain(message), "channel": channel.id, "event_ts": message.ts}
    events: list[Json] = []
    if present and core.subscribed(f"message.{family}"):
        events.append({**event, "channel_type": kind})
    # A mention reaches the app in channels only, and never for its own words.
    own = message.data.get("user") == core.workspace.bot_user
    mentioned = mentions_user(str(message.data.get("text", "")), core.workspace.bot_user)
    if present and mentioned and not own and channel.kind != "im" and core.subscribed("app_mention"):
        events.append({**event, "type": "app_mention"})
    return events
