"""Block Kit as Slack enforces it: every limit and the structure of messages, modals and home tabs. Pure.

`message_problems` and `view_problems` return what is wrong, each with a JSON pointer in Slack's own wording;
an empty list means that Slack would take it. `completed` fills in what Slack fills in.
"""

import copy
from typing import Any

from sandbox.slack.blockkit.blocks import BLOCKS, INTERACTIVE, block
from sandbox.slack.blockkit.elements import ELEMENTS, option
from sandbox.slack.blockkit.rules import Check, Rule, Shape, flag, plain, several, string
from sandbox.slack.ids import short_id

MOST_BLOCKS_OF_MESSAGE = 50
MOST_BLOCKS_OF_VIEW = 100
# Beyond about this many characters in all blocks together Slack answers msg_blocks_too_long.
MOST_TEXT_OF_ALL_BLOCKS = 13_200
MOST_PRIVATE_METADATA = 3000

__all__ = [
    "BLOCKS",
    "ELEMENTS",
    "INTERACTIVE",
    "MOST_BLOCKS_OF_MESSAGE",
    "MOST_BLOCKS_OF_VIEW",
    "MOST_TEXT_OF_ALL_BLOCKS",
    "completed",
    "message_problems",
    "option_problems",
    "text_length",
    "view_problems",
]


def message_problems(blocks: list[Any]) -> list[str]:
    """What Slack would refuse in the blocks of a message."""
    check = Check("message")
    several(block, most=MOST_BLOCKS_OF_MESSAGE, least=0)(check, blocks, "/blocks")
    return check.problems


def _input_needs_submit(check: Check, view: Any, pointer: str) -> None:
    blocks = view.get("blocks")
    kinds = [each.get("type") for each in blocks if isinstance(each, dict)] if isinstance(blocks, list) else []
    if "input" in kinds and view.get("submit") is None:
        check.wrong("missing required field: submit", pointer)


_view: dict[str, Rule] = {
    "private_metadata": string(MOST_PRIVATE_METADATA, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
}
_blocks = several(block, most=MOST_BLOCKS_OF_VIEW, least=0)
_VIEWS = {
    "modal": Shape(
        {"title": plain(24), "blocks": _blocks},
        {
            **_view,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": flag,
            "notify_on_close": flag,
            "submit_disabled": flag,
        },
        _input_needs_submit,
    ),
    "home": Shape({"blocks": _blocks}, _view),
}


def view_problems(view: Any, kind: str | None = None) -> list[str]:
    """What Slack would refuse in a view; `kind` (modal, home) is what the method takes."""
    actual = view.get("type") if isinstance(view, dict) else None
    if not isinstance(view, dict):
        return ["must provide an object [json-pointer:/view]"]
    if actual not in _VIEWS or (kind is not None and actual != kind):
        return [f"unsupported type: {actual} [json-pointer:/view/type]"]
    check = Check(str(actual))
    _VIEWS[str(actual)].check(check, view, "/view")
    return check.problems


def option_problems(options: Any) -> list[str]:
    """What Slack would refuse in the answer to a request for options."""
    check = Check("modal")
    several(option, most=100, least=0)(check, options, "/options")
    return check.problems


def text_length(blocks: Any) -> int:
    """Characters of all texts in all blocks together."""
    if isinstance(blocks, list):
        return sum(map(text_length, blocks))
    if not isinstance(blocks, dict):
        return 0
    own = len(blocks["text"]) if isinstance(blocks.get("text"), str) else 0
    return own + sum(text_length(value) for value in blocks.values())


def completed(blocks: list[Any]) -> list[dict[str, Any]]:
    """A copy with the ids and defaults that Slack adds; ids that were given stay."""
    filled: list[dict[str, Any]] = copy.deepcopy(blocks)
    for each in filled:
        each.setdefault("block_id", short_id())
        _complete(each)
    return filled


def _complete(node: Any) -> None:
    if isinstance(node, list):
        for each in node:
            _complete(each)
        return
    if not isinstance(node, dict):
        return
    kind = node.get("type")
    if kind == "plain_text":
        node.setdefault("emoji", True)
    elif kind == "mrkdwn":
        node.setdefault("verbatim", False)
    elif kind in INTERACTIVE:
        node.setdefault("action_id", short_id())
    for value in list(node.values()):
        _complete(value)
