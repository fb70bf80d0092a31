"""Whom a message notifies: mentions that Slack would have resolved, escaped ones not among them."""

import re
from collections.abc import Iterator
from typing import Any

from sandbox.slack.workspace import Channel, Json, Workspace

_MENTION = re.compile(
    r"<(?:@(?P<user>[UW][A-Z0-9]+)|!subteam\^(?P<group>S[A-Z0-9]+)|!(?P<all>channel|here|everyone))(?:\|[^>]*)?>"
)


def notified_by(data: Json, channel: Channel, workspace: Workspace) -> list[str]:
    """Ids of the people who would get a notification of this message; the author never does.

    With blocks the `text` is only the fallback, so that the mentions of the blocks count, not its own.
    In a direct conversation the other person is always notified.
    """
    sources = list(_sources(data))
    people = [person for text in sources for person in _mentioned(text, channel, workspace)]
    if channel.kind == "im":
        people.extend(workspace.human_members(channel))
    present = set(workspace.human_members(channel)) - {data.get("user")}
    return [person for person in dict.fromkeys(people) if person in present]


def mentions_user(text: str, user_id: str) -> bool:
    return any(found["user"] == user_id for found in _MENTION.finditer(text))


def _sources(data: Json) -> Iterator[str]:
    blocks = data.get("blocks")
    if blocks:
        yield from _block_texts(blocks)
    else:
        yield str(data.get("text") or "")
    for attachment in data.get("attachments") or ():
        yield str(attachment.get("text") or "")
        yield from _block_texts(attachment.get("blocks") or [])


def _block_texts(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _block_texts(each)
        return
    if not isinstance(node, dict):
        return
    kind = node.get("type")
    if kind in ("mrkdwn", "markdown"):
        yield str(node.get("text") or "")
    elif kind == "user" and "user_id" in node:
        yield f"<@{node['user_id']}>"
    elif kind == "usergroup" and "usergroup_id" in node:
        yield f"<!subteam^{node['usergroup_id']}>"
    elif kind == "broadcast":
        yield f"<!{node.get('range')}>"
    for key, value in node.items():
        # A confirmation dialog is shown to the one who presses, and notifies nobody.
        if key != "confirm":
            yield from _block_texts(value)


def _mentioned(text: str, channel: Channel, workspace: Workspace) -> Iterator[str]:
    for found in _MENTION.finditer(text):
        if found["user"]:
            yield found["user"]
        elif found["group"]:
            group = workspace.usergroups.get(found["group"])
            if group is not None and not group.disabled:
                yield from group.users
        else:
            yield from workspace.human_members(channel)
