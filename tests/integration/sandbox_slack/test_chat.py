"""Posting, changing and deleting messages with the real slack_sdk."""

from datetime import timedelta
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.talk import actions, button, error_of, refused, section


async def test_bot_must_be_in_the_channel(slack: SlackServer, web: AsyncWebClient) -> None:
    """Posting needs membership; a private channel without the bot does not even exist for it."""
    assert await error_of(web.chat_postMessage(channel="C0OPS", text="x")) == "not_in_channel"
    assert await error_of(web.chat_postMessage(channel="C0PRIV", text="x")) == "channel_not_found"
    assert await error_of(web.chat_postMessage(channel="C0NONE", text="x")) == "channel_not_found"
    await web.conversations_join(channel="C0OPS")
    assert (await web.chat_postMessage(channel="#trading-ops-alerts", text="x"))["channel"] == "C0OPS"


async def test_answer_has_the_message_with_ids_filled_in(member: AsyncWebClient) -> None:
    """chat.postMessage returns the message as stored: own block_ids kept, missing ones invented."""
    blocks = [section(block_id="mine"), actions(button())]
    answer = await member.chat_postMessage(channel="C0OPS", text="fallback", blocks=blocks)
    message = answer["message"]
    assert message["blocks"][0]["block_id"] == "mine"
    assert message["blocks"][1]["block_id"]
    assert (message["user"], message["bot_id"], message["app_id"]) == ("U0ATSBOT", "B0ATS", "A0ATS")
    assert message["ts"] == answer["ts"]


async def test_invalid_blocks_name_the_place(member: AsyncWebClient) -> None:
    """A refused block is named by a JSON pointer, as Slack does."""
    blocks = [section(), section("x" * 3001)]
    body = await refused(member.chat_postMessage(channel="C0OPS", text="x", blocks=blocks))
    problem = "must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    assert body["error"] == "invalid_blocks"
    assert body["response_metadata"]["messages"] == [f"[ERROR] {problem}"]


BAD_CONTENT: list[tuple[str, dict[str, Any]]] = [
    ("no_text", {"text": ""}),
    ("no_text", {"text": " ", "blocks": []}),
    ("msg_too_long", {"text": "x" * 40_001}),
    ("msg_blocks_too_long", {"text": "x", "blocks": [section("x" * 2900)] * 5}),
    ("too_many_attachments", {"text": "x", "attachments": [{"text": "x"}] * 101}),
    ("invalid_blocks_format", {"text": "x", "blocks": "{not json"}),
    ("markdown_text_conflict", {"text": "x", "markdown_text": "x"}),
    ("invalid_metadata_format", {"text": "x", "metadata": {"event_type": "x"}}),
    ("thread_not_found", {"text": "x", "thread_ts": "1.2"}),
    ("missing_scope", {"text": "x", "username": "somebody else"}),
]


@pytest.mark.parametrize(("error", "content"), BAD_CONTENT, ids=[each[0] for each in BAD_CONTENT])
async def test_refused_content(
    slack: SlackServer, member: AsyncWebClient, error: str, content: dict[str, Any]
) -> None:
    """What Slack refuses is refused with Slack's own code, and nothing is posted."""
    slack.core.scopes -= {"chat:write.customize"}
    assert await error_of(member.api_call("chat.postMessage", json={"channel": "C0OPS", **content})) == error
    assert slack.messages("C0OPS") == []


async def test_message_may_be_as_long_as_slack_allows(member: AsyncWebClient) -> None:
    """40,000 characters of text, and 13,200 in blocks, are taken."""
    assert (await member.chat_postMessage(channel="C0OPS", text="x" * 40_000))["ok"]
    blocks = [section("x" * 2640)] * 5
    assert (await member.chat_postMessage(channel="C0OPS", text="x", blocks=blocks))["ok"]


async def test_missing_channel_is_an_argument_error(member: AsyncWebClient) -> None:
    """A required argument that is missing is named."""
    body = await refused(member.api_call("chat.postMessage", json={"text": "x"}))
    assert body["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]


async def test_archived_channel(slack: SlackServer, member: AsyncWebClient) -> None:
    """Nothing can be posted to an archived channel."""
    slack.workspace.channels["C0OPS"].archived = True
    assert await error_of(member.chat_postMessage(channel="C0OPS", text="x")) == "is_archived"
    assert await error_of(member.chat_postEphemeral(channel="C0OPS", user="U0SRE", text="x")) == "is_archived"


async def test_direct_message_by_user_id(slack: SlackServer, web: AsyncWebClient) -> None:
    """Posting to a person opens the direct conversation and notifies them."""
    answer = await web.chat_postMessage(channel="U0SRE", text="hello")
    assert answer["channel"].startswith("D")
    assert slack.messages(answer["channel"])[0]["notified"] == ["U0SRE"]
    assert (await web.conversations_open(users="U0SRE"))["channel"]["id"] == answer["channel"]


async def test_thread_counts(slack: SlackServer, member: AsyncWebClient) -> None:
    """A thread's first message tracks its replies; a reply is no thread of its own."""
    root = await member.chat_postMessage(channel="C0OPS", text="root")
    first = await member.chat_postMessage(channel="C0OPS", text="one", thread_ts=root["ts"])
    await slack.say("U0SRE", "C0OPS", "two", thread_ts=root["ts"])
    replies = (await member.conversations_replies(channel="C0OPS", ts=root["ts"]))["messages"]
    assert [each["text"] for each in replies] == ["root", "one", "two"]
    assert replies[0]["reply_count"] == 2
    assert replies[0]["reply_users"] == ["U0ATSBOT", "U0SRE"]
    assert replies[0]["latest_reply"] == replies[2]["ts"]
    assert replies[1]["parent_user_id"] == "U0ATSBOT"
    shown = (await member.conversations_history(channel="C0OPS"))["messages"]
    assert [each["text"] for each in shown if "subtype" not in each] == ["root"]
    nested = member.chat_postMessage(channel="C0OPS", text="x", thread_ts=first["ts"])
    assert await error_of(nested) == "thread_not_found"


async def test_broadcast_reply_shows_in_the_channel(slack: SlackServer, member: AsyncWebClient) -> None:
    """reply_broadcast shows a reply in the channel too."""
    root = await member.chat_postMessage(channel="C0OPS", text="root")
    await member.chat_postMessage(channel="C0OPS", text="all", thread_ts=root["ts"], reply_broadcast=True)
    assert [each["text"] for each in slack.messages("C0OPS")] == ["root", "all"]


async def test_update_replaces_and_keeps_what_is_not_given(slack: SlackServer, member: AsyncWebClient) -> None:
    """A change replaces what is given; blocks not given stay, an empty list removes them; `edited` is set."""
    posted = await member.chat_postMessage(channel="C0OPS", text="one", blocks=[section("one")])
    where = {"channel": "C0OPS", "ts": posted["ts"]}
    kept = await member.chat_update(**where, text="two")
    assert (kept["message"]["text"], len(kept["message"]["blocks"])) == ("two", 1)
    changed = await member.chat_update(**where, text="three", blocks=[section("a"), section("b")])
    assert len(changed["message"]["blocks"]) == 2
    bare = await member.chat_update(**where, text="four", blocks=[])
    assert not bare["message"]["blocks"]
    assert bare["message"]["edited"]["user"] == "U0ATSBOT"
    assert [each["ts"] for each in slack.messages("C0OPS")] == [posted["ts"]]


async def test_update_refusals(slack: SlackServer, member: AsyncWebClient) -> None:
    """Only one's own message can be changed, and only one that is there."""
    said = await slack.say("U0SRE", "C0OPS", "mine")
    posted = await member.chat_postMessage(channel="C0OPS", text="x")
    update = member.chat_update
    assert await error_of(update(channel="C0OPS", ts=str(said.ts), text="x")) == "cant_update_message"
    assert await error_of(update(channel="C0OPS", ts="1.2", text="x")) == "message_not_found"
    assert await error_of(update(channel="C0OPS", ts=posted["ts"], text="x" * 4001)) == "msg_too_long"
    empty = {"channel": "C0OPS", "ts": posted["ts"], "text": ""}
    assert await error_of(member.api_call("chat.update", json=empty)) == "no_text"
    assert await error_of(member.chat_delete(channel="C0OPS", ts=str(said.ts))) == "cant_delete_message"


async def test_delete(slack: SlackServer, member: AsyncWebClient) -> None:
    """A deleted message is gone; a thread's first message leaves a tombstone while it has replies."""
    root = await member.chat_postMessage(channel="C0OPS", text="root")
    reply = await member.chat_postMessage(channel="C0OPS", text="reply", thread_ts=root["ts"])
    await member.chat_delete(channel="C0OPS", ts=root["ts"])
    assert slack.messages("C0OPS")[0]["subtype"] == "tombstone"
    await member.chat_delete(channel="C0OPS", ts=reply["ts"])
    assert len(slack.messages("C0OPS", thread_ts=root["ts"])) == 1
    assert await error_of(member.chat_delete(channel="C0OPS", ts=reply["ts"])) == "message_not_found"


async def test_ephemeral_is_for_one_person(slack: SlackServer, member: AsyncWebClient) -> None:
    """An ephemeral message is seen by one member, is not in the history and cannot be changed."""
    sent = await member.chat_postEphemeral(channel="C0OPS", user="U0SRE", text="psst")
    assert [each["text"] for each in slack.messages("C0OPS", user="U0SRE")] == ["psst"]
    assert slack.messages("C0OPS", user="U0CTO") == []
    history = await member.conversations_history(channel="C0OPS")
    assert "psst" not in [each["text"] for each in history["messages"]]
    update = member.chat_update(channel="C0OPS", ts=sent["message_ts"], text="x")
    assert await error_of(update) == "message_not_found"
    slack.workspace.channels["C0OPS"].members.remove("U0OUT")
    stranger = member.chat_postEphemeral(channel="C0OPS", user="U0OUT", text="x")
    assert await error_of(stranger) == "user_not_in_channel"


async def test_metadata_is_kept(member: AsyncWebClient) -> None:
    """Metadata comes back with include_all_metadata only, and survives a change that does not name it."""
    metadata = {"event_type": "card", "event_payload": {"incident": 7}}
    posted = await member.chat_postMessage(channel="C0OPS", text="x", metadata=metadata)
    await member.chat_update(channel="C0OPS", ts=posted["ts"], text="y")
    bare = (await member.conversations_history(channel="C0OPS"))["messages"][0]
    full = (await member.conversations_history(channel="C0OPS", include_all_metadata=True))["messages"][0]
    assert "metadata" not in bare
    assert full["metadata"] == metadata


async def test_history_pages_newest_first(slack: SlackServer, member: AsyncWebClient) -> None:
    """History is newest first, in pages by cursor, bounded by oldest and latest."""
    stamps = [(await member.chat_postMessage(channel="C0OPS", text=str(number)))["ts"] for number in range(5)]
    seen: list[str] = []
    pages = 0
    async for page in await member.conversations_history(channel="C0OPS", limit=2, oldest=stamps[0]):
        seen += [each["text"] for each in page["messages"]]
        pages += 1
    assert (seen, pages) == (["4", "3", "2", "1"], 2)
    window = await member.conversations_history(
        channel="C0OPS", oldest=stamps[1], latest=stamps[3], inclusive=True
    )
    assert [each["text"] for each in window["messages"]] == ["3", "2", "1"]
    assert await error_of(member.conversations_history(channel="C0OPS", cursor="nonsense")) == "invalid_cursor"
    assert await error_of(member.conversations_history(channel="C0OPS", limit=1000)) == "invalid_limit"


async def test_timestamps_follow_the_sandbox_clock(slack: SlackServer, member: AsyncWebClient) -> None:
    """Moving the clock moves the timestamps of messages."""
    before = await member.chat_postMessage(channel="C0OPS", text="before")
    slack.core.clock.advance(timedelta(minutes=15))
    after = await member.chat_postMessage(channel="C0OPS", text="after")
    assert float(after["ts"]) - float(before["ts"]) >= 15 * 60


async def test_permalink(slack: SlackServer, member: AsyncWebClient) -> None:
    """chat.getPermalink gives a link with the thread of a reply."""
    root = await member.chat_postMessage(channel="C0OPS", text="root")
    reply = await member.chat_postMessage(channel="C0OPS", text="reply", thread_ts=root["ts"])
    link = (await member.chat_getPermalink(channel="C0OPS", message_ts=reply["ts"]))["permalink"]
    assert link == slack.permalink("C0OPS", reply["ts"])
    assert f"thread_ts={root['ts']}" in link
