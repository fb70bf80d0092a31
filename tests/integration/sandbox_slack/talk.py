"""Small words for the tests: blocks, refusals, and waiting for what must happen."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str = "hello", **fields: Any) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **fields}


def button(action_id: str = "go", **fields: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), **fields}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def text_input(block_id: str = "b", **fields: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "a", **fields}
    return {"type": "input", "block_id": block_id, "label": plain("Label"), "element": element}


def modal(*blocks: Json, **fields: Any) -> Json:
    return {
        "type": "modal",
        "callback_id": "modal",
        "title": plain("Title"),
        "submit": plain("Submit"),
        "blocks": list(blocks) or [text_input()],
        **fields,
    }


async def refused(call: Awaitable[Any]) -> Json:
    """The body of Slack's refusal; fails when the call succeeds."""
    with pytest.raises(SlackApiError) as error:
        await call
    body: Json = error.value.response.data
    return body


async def error_of(call: Awaitable[Any]) -> str:
    return str((await refused(call))["error"])


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until the condition holds, and return what it gave; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not (found := condition()):  # noqa: ASYNC110 - no event of ours tells of it
            await asyncio.sleep(0.005)  # what is waited for happens over the network
    return found
