"""conversations.history and conversations.replies."""

from sandbox.slack.errors import SlackError
from sandbox.slack.methods.call import Call, timestamp_argument
from sandbox.slack.workspace import Channel, Json, Message, plain

MOST = 999


def _within(call: Call, messages: list[Message]) -> list[Message]:
    """The messages between `oldest` and `latest`, whose ends count only with `inclusive`."""
    oldest = timestamp_argument(call, "oldest", "invalid_ts_oldest")
    latest = timestamp_argument(call, "latest", "invalid_ts_latest")
    inclusive = call.args.flag("inclusive")

    def wanted(message: Message) -> bool:
        at = float(message.ts)
        if inclusive:
            return (oldest is None or at >= oldest) and (latest is None or at <= latest)
        return (oldest is None or at > oldest) and (latest is None or at < latest)

    return [message for message in messages if message.ephemeral_to is None and wanted(message)]


def _shown(call: Call, message: Message) -> Json:
    data = plain(message)
    if not call.args.flag("include_all_metadata"):
        data.pop("metadata", None)
    return data


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.require_scope(channel.scope_family)
    if call.bot not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def history(call: Call) -> Json:
    channel = _readable(call)
    newest_first = [message for message in reversed(channel.messages) if message.in_channel]
    page, metadata = call.page(_within(call, newest_first), most=MOST)
    answer: Json = {
        "messages": [_shown(call, message) for message in page],
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": len(channel.pins),
    }
    if metadata["next_cursor"]:
        answer["response_metadata"] = metadata
    return answer


def replies(call: Call) -> Json:
    channel = _readable(call)
    ts = call.args.required("ts")
    root = channel.find(ts)
    if root is None or root.ephemeral_to is not None:
        raise SlackError("thread_not_found")
    thread = root.thread_ts or root.ts
    messages = [each for each in channel.messages if thread in (each.ts, each.thread_ts)]
    page, metadata = call.page(_within(call, messages), default=1000, most=1000)
    answer: Json = {
        "messages": [_shown(call, message) for message in page],
        "has_more": bool(metadata["next_cursor"]),
    }
    if metadata["next_cursor"]:
        answer["response_metadata"] = metadata
    return answer
