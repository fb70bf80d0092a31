"""Everything that is rendered goes through these: our own limits, and the local Slack's."""

from typing import Any

from bot.render import Message
from sandbox.slack.blockkit import MOST_TEXT_OF_ALL_BLOCKS, message_problems, text_length, view_problems

from .limits import check_message, check_view, live, shown_texts


def taken(message: Message, marker: str = "") -> Message:
    """The message, after Slack's limits have been checked."""
    check_message(message.payload(), marker)
    assert message_problems(message.blocks) == []
    assert text_length(message.blocks) <= MOST_TEXT_OF_ALL_BLOCKS
    return message


def taken_view(view: dict[str, Any]) -> dict[str, Any]:
    """The modal or home, after Slack's limits have been checked."""
    check_view(view)
    assert view_problems(view, view["type"]) == []
    return view


def quiet(payload: object) -> None:
    """Nothing in the payload mentions or links; only dates are live. For input without ids and addresses."""
    assert {token for token in live(payload) if not token.startswith("<!date^")} == set()


def shown(payload: Message | dict[str, Any]) -> str:
    """All text that a reader sees, one piece a line."""
    return "\n".join(shown_texts(payload.blocks if isinstance(payload, Message) else payload))


def elements(blocks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Everything that can be pressed, by action_id."""
    rows = [block["elements"] for block in blocks if block["type"] == "actions"]
    return {element["action_id"]: element for row in rows for element in row}
