"""chat.*: posting, changing and deleting messages."""

from sandbox.slack.args import Args
from sandbox.slack.errors import SlackError
from sandbox.slack.methods.call import Call
from sandbox.slack.posting import (
    MOST_TEXT,
    MOST_TEXT_OF_UPDATE,
    bot_fields,
    change,
    checked_content,
    post,
    remove,
    thread_root,
)
from sandbox.slack.scopes import require
from sandbox.slack.workspace import Channel, Json, Message, plain


def message_source(args: Args) -> Json:
    """The arguments that make up a message, parsed."""
    return {
        "text": args.text("text") if "text" in args else None,
        "markdown_text": args.text("markdown_text"),
        "blocks": args.structure("blocks", wrong="invalid_blocks_format"),
        "attachments": args.structure("attachments", wrong="invalid_attachments"),
        "metadata": args.structure("metadata", wrong="invalid_metadata_format"),
    }


def _named_channel(call: Call) -> Channel:
    """The conversation that `channel` names: an id, a channel's name, or a person's id (opens the IM)."""
    target = call.args.required("channel")
    person = call.workspace.users.get(target)
    if person is not None:
        if person.is_bot or person.deleted:
            raise SlackError("channel_not_found")
        return call.workspace.im_with(target)
    channel = call.workspace.channels.get(target) or call.workspace.channel_named(target)
    if channel is None or not call.workspace.sees(call.bot, channel):
        raise SlackError("channel_not_found")
    return channel


def _writable(call: Call) -> Channel:
    call.require_scope()
    channel = _named_channel(call)
    if call.bot not in channel.members and "chat:write.public" not in call.core.scopes:
        raise SlackError("not_in_channel")
    if channel.archived:
        raise SlackError("is_archived")
    return channel


def _threading(call: Call, channel: Channel) -> Json:
    thread_ts = call.args.text("thread_ts")
    if not thread_ts:
        return {}
    root = thread_root(channel, thread_ts)
    fields: Json = {"thread_ts": root.ts}
    if root.data.get("user"):
        fields["parent_user_id"] = root.data["user"]
    if call.args.flag("reply_broadcast"):
        fields["subtype"] = "thread_broadcast"
    return fields


def _appearance(call: Call) -> Json:
    """Another name or icon for one message; needs chat:write.customize."""
    wanted = {
        name: call.args.text(name) for name in ("username", "icon_emoji", "icon_url") if name in call.args
    }
    if not wanted:
        return {}
    require(call.core.scopes, "chat:write.customize")
    fields: Json = {"username": wanted["username"]} if "username" in wanted else {}
    icons = {name: value for name, value in (("emoji", wanted.get("icon_emoji")),) if value}
    return fields | ({"icons": icons} if icons else {})


def post_message(call: Call) -> Json:
    channel = _writable(call)
    content = checked_content(message_source(call.args), most_text=MOST_TEXT)
    threading = _threading(call, channel)
    appearance = _appearance(call)
    call.take_post(channel)
    message = post(call.core, channel, {**bot_fields(call.core), **content, **threading, **appearance})
    return {"channel": channel.id, "ts": message.ts, "message": plain(message)}


def post_ephemeral(call: Call) -> Json:
    channel = _writable(call)
    user = call.args.required("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    content = checked_content(message_source(call.args))
    threading = _threading(call, channel)
    message = post(call.core, channel, {**bot_fields(call.core), **content, **threading}, ephemeral_to=user)
    return {"message_ts": message.ts}


def _own_message(call: Call, channel: Channel, refusal: str) -> Message:
    message = call.message(channel, "ts")
    if message.data.get("user") != call.bot or message.data.get("subtype") not in (None, "thread_broadcast"):
        raise SlackError(refusal)
    return message


def update(call: Call) -> Json:
    call.require_scope()
    channel = call.channel()
    message = _own_message(call, channel, "cant_update_message")
    source = message_source(call.args)
    content = checked_content(source, most_text=MOST_TEXT_OF_UPDATE, previous=message.data)
    change(call.core, channel, message, content, call.bot)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.data["text"],
        "message": plain(message),
    }


def delete(call: Call) -> Json:
    call.require_scope()
    channel = call.channel()
    message = _own_message(call, channel, "cant_delete_message")
    remove(call.core, channel, message)
    return {"channel": channel.id, "ts": message.ts}


def permalink(call: Call) -> Json:
    channel = call.channel()
    message = call.message(channel, "message_ts")
    return {"channel": channel.id, "permalink": link_to(call.core.public_url, channel, message)}


def link_to(base: str, channel: Channel, message: Message) -> str:
    link = f"{base}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts not in (None, message.ts):
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return link
