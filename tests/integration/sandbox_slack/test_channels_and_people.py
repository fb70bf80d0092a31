"""Channels, people, user groups, reactions, pins, bookmarks and files with the real slack_sdk."""

from typing import Any

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.talk import error_of, refused


async def test_private_channels_are_hidden(slack: SlackServer, web: AsyncWebClient) -> None:
    """A private channel that the bot is not in is neither listed nor found."""
    listed = await web.conversations_list(types="public_channel,private_channel")
    assert [each["name"] for each in listed["channels"]] == ["trading-ops-alerts", "general"]
    assert await error_of(web.conversations_info(channel="C0PRIV")) == "channel_not_found"
    slack.workspace.channels["C0PRIV"].members.append("U0ATSBOT")
    assert (await web.conversations_info(channel="C0PRIV"))["channel"]["is_private"] is True


async def test_lists_come_in_pages(slack: SlackServer, web: AsyncWebClient) -> None:
    """Cursor pagination goes through everything once, and refuses a cursor of its own making."""
    for number in range(25):
        slack.workspace.add_channel(f"C{number}", f"room-{number}")
    names = [
        channel["name"] async for page in await web.conversations_list(limit=10) for channel in page["channels"]
    ]
    assert len(names) == len(set(names)) == 27
    assert await error_of(web.conversations_list(cursor="x")) == "invalid_cursor"
    assert await error_of(web.conversations_list(types="everything")) == "invalid_types"
    members = [user["id"] async for page in await web.users_list(limit=2) for user in page["members"]]
    assert len(members) == 6


async def test_join(slack: SlackServer, web: AsyncWebClient) -> None:
    """Joining is told in the channel; joining again is a warning, not an error."""
    assert (await web.conversations_info(channel="C0OPS"))["channel"]["is_member"] is False
    await web.conversations_join(channel="C0OPS")
    again = await web.conversations_join(channel="C0OPS")
    assert again["warning"] == "already_in_channel"
    assert slack.messages("C0OPS") == []
    assert [each["subtype"] for each in slack.messages("C0OPS", system=True)] == ["channel_join"]
    assert "U0ATSBOT" in (await web.conversations_members(channel="C0OPS"))["members"]
    mine = await web.users_conversations()
    assert [each["id"] for each in mine["channels"]] == ["C0OPS"]
    slack.workspace.add_channel("C0OLD", "old", archived=True)
    assert await error_of(web.conversations_join(channel="C0OLD")) == "is_archived"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("---", "invalid_name_punctuation"),
        ("Inc 7", "invalid_name_specials"),
        ("general", "name_taken"),
    ],
)
async def test_channel_names(web: AsyncWebClient, name: str, error: str) -> None:
    """A channel's name is checked as Slack checks it."""
    assert await error_of(web.conversations_create(name=name)) == error


async def test_life_of_a_channel(slack: SlackServer, web: AsyncWebClient) -> None:
    """Create, invite, topic, purpose, rename and archive, each once."""
    channel = (await web.conversations_create(name="inc-7"))["channel"]["id"]
    await web.conversations_invite(channel=channel, users=["U0SRE", "U0CTO"])
    assert await error_of(web.conversations_invite(channel=channel, users="U0SRE")) == "already_in_channel"
    assert await error_of(web.conversations_invite(channel=channel, users="U0ATSBOT")) == "cant_invite_self"
    await web.conversations_setTopic(channel=channel, topic="Quota used up")
    await web.conversations_setPurpose(channel=channel, purpose="Incident 7")
    assert await error_of(web.conversations_setTopic(channel=channel, topic="x" * 251)) == "too_long"
    await web.conversations_rename(channel=channel, name="inc-7-quota")
    assert await error_of(web.conversations_rename(channel=channel, name="general")) == "name_taken"
    info = (await web.conversations_info(channel=channel, include_num_members=True))["channel"]
    assert (info["name"], info["topic"]["value"], info["num_members"]) == ("inc-7-quota", "Quota used up", 3)
    await web.conversations_archive(channel=channel)
    assert await error_of(web.conversations_archive(channel=channel)) == "already_archived"
    listed = await web.conversations_list(exclude_archived=True)
    assert channel not in [each["id"] for each in listed["channels"]]


async def test_people_by_email_and_id(slack: SlackServer, web: AsyncWebClient) -> None:
    """People are found by address, whatever its case; deactivated and unknown ones are not."""
    found = await web.users_lookupByEmail(email="Sam.SRE@ats.example")
    assert found["user"]["id"] == "U0SRE"
    slack.workspace.users["U0SRE"].deleted = True
    assert await error_of(web.users_lookupByEmail(email="sam.sre@ats.example")) == "users_not_found"
    assert (await web.users_info(user="U0SRE"))["user"]["deleted"] is True
    assert await error_of(web.users_info(user="U0NOBODY")) == "user_not_found"
    assert (await web.users_info(user="U0ATSBOT"))["user"]["is_bot"] is True


async def test_user_groups(slack: SlackServer, web: AsyncWebClient) -> None:
    """User groups and their members; a disabled group is gone unless asked for."""
    groups = (await web.usergroups_list(include_users=True))["usergroups"]
    assert {each["handle"]: each["users"] for each in groups} == {
        "devops-lead": ["U0ONCALL"],
        "sre-team": ["U0SRE"],
        "cto": ["U0CTO"],
        "security-team": ["U0SEC"],
    }
    assert (await web.usergroups_users_list(usergroup="S0SRE"))["users"] == ["U0SRE"]
    slack.workspace.usergroups["S0SRE"].disabled = True
    assert await error_of(web.usergroups_users_list(usergroup="S0SRE")) == "no_such_subteam"
    assert len((await web.usergroups_list())["usergroups"]) == 3


async def test_group_conversation(slack: SlackServer, web: AsyncWebClient) -> None:
    """conversations.open with several people is one conversation however often it is opened."""
    first = await web.conversations_open(users=["U0SRE", "U0CTO"])
    second = await web.conversations_open(users=["U0CTO", "U0SRE"])
    assert first["channel"]["id"] == second["channel"]["id"]
    assert await error_of(web.conversations_open(users="U0NOBODY")) == "user_not_found"


async def test_reactions(slack: SlackServer, member: AsyncWebClient) -> None:
    """A reaction counts each person once."""
    ts = (await member.chat_postMessage(channel="C0OPS", text="x"))["ts"]
    where: dict[str, Any] = {"channel": "C0OPS", "timestamp": ts}
    await member.reactions_add(**where, name="eyes")
    assert await error_of(member.reactions_add(**where, name="eyes")) == "already_reacted"
    await slack.react("U0SRE", "C0OPS", ts, "eyes")
    shown = (await member.reactions_get(**where))["message"]["reactions"]
    assert shown == [{"name": "eyes", "users": ["U0ATSBOT", "U0SRE"], "count": 2}]
    await member.reactions_remove(**where, name="eyes")
    assert await error_of(member.reactions_remove(**where, name="eyes")) == "no_reaction"
    assert await error_of(member.reactions_add(**where, name="no such emoji!")) == "invalid_name"
    gone = member.reactions_add(channel="C0OPS", timestamp="1.2", name="eyes")
    assert await error_of(gone) == "message_not_found"


async def test_pins(member: AsyncWebClient) -> None:
    """A message is pinned once, listed, and unpinned."""
    ts = (await member.chat_postMessage(channel="C0OPS", text="pin me"))["ts"]
    await member.pins_add(channel="C0OPS", timestamp=ts)
    assert await error_of(member.pins_add(channel="C0OPS", timestamp=ts)) == "already_pinned"
    items = (await member.pins_list(channel="C0OPS"))["items"]
    assert [each["message"]["text"] for each in items] == ["pin me"]
    await member.pins_remove(channel="C0OPS", timestamp=ts)
    assert await error_of(member.pins_remove(channel="C0OPS", timestamp=ts)) == "no_pin"


async def test_bookmarks(web: AsyncWebClient, member: AsyncWebClient) -> None:
    """A bookmark needs a link that is one."""
    added = await member.bookmarks_add(
        channel_id="C0OPS", title="Runbook", type="link", link="https://x.example"
    )
    listed = (await member.bookmarks_list(channel_id="C0OPS"))["bookmarks"]
    assert listed == [added["bookmark"]]
    bad = member.bookmarks_add(channel_id="C0OPS", title="x", type="link", link="javascript:alert(1)")
    assert await error_of(bad) == "invalid_link"
    assert await error_of(web.bookmarks_add(channel_id="C0GEN", title="x", type="link", link="https://x")) == (
        "access_denied"
    )


async def test_file_upload(slack: SlackServer, member: AsyncWebClient) -> None:
    """slack_sdk's three-step upload ends in a message with the file, whose bytes can be fetched."""
    root = await member.chat_postMessage(channel="C0OPS", text="root")
    content = "# Postmortem\n\nÄpfel"
    await member.files_upload_v2(
        channel="C0OPS",
        filename="postmortem.md",
        title="Postmortem",
        content=content,
        initial_comment="Here it is",
        thread_ts=root["ts"],
    )
    message = slack.messages("C0OPS", thread_ts=root["ts"])[1]
    file = message["files"][0]
    assert (message["text"], file["name"], file["title"]) == ("Here it is", "postmortem.md", "Postmortem")
    assert (await member.files_info(file=file["id"]))["file"]["shares"]["public"]["C0OPS"]
    async with httpx.AsyncClient(trust_env=False) as http:
        fetched = await http.get(file["url_private"])
    assert fetched.content == content.encode()
    assert fetched.headers["content-type"] == "application/octet-stream"


async def test_upload_refusals(slack: SlackServer, member: AsyncWebClient) -> None:
    """An upload must have the length announced; a file without bytes, or a foreign channel, is refused."""
    asked = await member.files_getUploadURLExternal(filename="x.txt", length=3)
    files = [{"id": asked["file_id"]}]
    complete = member.files_completeUploadExternal
    assert await error_of(complete(files=files, channel_id="C0OPS")) == "file_not_found"
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(asked["upload_url"], content=b"four")).status_code == 400
        assert (await http.post(asked["upload_url"], content=b"abc")).status_code == 200
        assert (await http.post(f"{slack.public_url}/upload/guess", content=b"abc")).status_code == 404
    assert await error_of(complete(files=files, channel_id="C0GEN")) == "not_in_channel"
    assert (await complete(files=files, channel_id="C0OPS"))["ok"]
    body = await refused(member.files_getUploadURLExternal(filename="x", length=0))
    assert body["error"] == "invalid_arguments"


async def test_team(web: AsyncWebClient) -> None:
    """team.info names the workspace."""
    assert (await web.team_info())["team"]["name"] == "ATS Sandbox"


async def test_changing_a_channel_needs_membership(slack: SlackServer, web: AsyncWebClient) -> None:
    """Pins, topics, invitations and history of a public channel are for its members."""
    ts = str((await slack.say("U0SRE", "C0GEN", "hello")).ts)
    calls = [
        web.pins_add(channel="C0GEN", timestamp=ts),
        web.conversations_setTopic(channel="C0GEN", topic="x"),
        web.conversations_invite(channel="C0GEN", users="U0SRE"),
        web.conversations_history(channel="C0GEN"),
        web.conversations_replies(channel="C0GEN", ts=ts),
        web.reactions_add(channel="C0GEN", timestamp=ts, name="eyes"),
    ]
    assert [await error_of(call) for call in calls] == ["not_in_channel"] * 6
