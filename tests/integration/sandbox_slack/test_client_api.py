"""What the demo's page reads and does under `/client`, over plain HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.bolt import bolt_app, socket_mode
from tests.integration.sandbox_slack.talk import actions, button, modal, plain, section, until

Json = dict[str, Any]


class Page:
    """A browser page of one person."""

    def __init__(self, slack: SlackServer, user: str) -> None:
        self.user = user
        self.http = httpx.AsyncClient(base_url=f"{slack.public_url}/client/", trust_env=False)

    async def get(self, path: str, **query: str) -> Json:
        body: Json = (await self.http.get(path, params={"user": self.user, **query})).json()
        return body

    async def post(self, path: str, **fields: Any) -> Json:
        body: Json = (await self.http.post(path, json={"user": self.user, **fields})).json()
        return body


@pytest.fixture
async def page(slack: SlackServer) -> AsyncIterator[Page]:
    opened = Page(slack, "U0SRE")
    yield opened
    await opened.http.aclose()


@pytest.fixture
async def app(slack: SlackServer) -> AsyncIterator[AsyncApp]:
    bolt = bolt_app(slack)
    bolt.event("member_joined_channel")(_quiet)
    bolt.event("message")(_quiet)
    async with socket_mode(slack, bolt):
        yield bolt


async def _quiet() -> None:
    """Acknowledged, nothing else."""


async def test_boot(slack: SlackServer, page: Page, web: AsyncWebClient) -> None:
    """The page starts with team, people, the channels that the person sees, commands, modal and home."""
    body = await page.get("boot")
    assert (body["ok"], body["team"]["name"], body["me"]["name"]) == (True, "ATS Sandbox", "sam")
    assert {each["name"] for each in body["channels"]} == {"trading-ops-alerts", "general", "directmessage"}
    assert body["commands"] == [{"command": "/ats", "description": "", "usage_hint": ""}]
    assert (body["view"], body["home"]) == (None, None)
    trigger_id = slack.core.triggers.issue("U0SRE")
    opened = await web.views_open(trigger_id=trigger_id, view=modal())
    await web.views_publish(user_id="U0SRE", view={"type": "home", "blocks": [section()]})
    body = await page.get("boot")
    assert body["view"]["id"] == opened["view"]["id"]
    assert body["home"]["type"] == "home"
    assert (await page.get("boot", user="U0NOBODY"))["error"] == "user_not_found"


async def test_command_and_messages(page: Page, app: AsyncApp) -> None:
    """A line that begins with the command reaches the app; its ephemeral answer is marked so."""

    @app.command("/ats")
    async def command(ack: Any, body: Json) -> None:
        await ack(f"{body['text']}!")

    outcome = await page.post("command", channel="C0OPS", text="/ats health now ")
    assert outcome["ok"]
    assert outcome["ack_seconds"] > 0
    messages = (await page.get("messages", channel="C0OPS"))["messages"]
    assert (messages[-1]["text"], messages[-1]["is_ephemeral"]) == ("health now!", True)
    assert (await page.post("command", channel="C0OPS", text="/nope"))[
        "text"
    ] == "/nope is not a valid command."


async def test_messages_and_threads(page: Page, member: AsyncWebClient) -> None:
    """The channel shows what is in it, a thread its first message and the replies; others' channels nothing."""
    said = await page.post("message", channel="C0OPS", text="root")
    assert said["ok"]
    root = (await page.get("messages", channel="C0OPS"))["messages"][-1]
    await page.post("message", channel="C0OPS", text="reply", thread_ts=root["ts"])
    thread = (await page.get("messages", channel="C0OPS", thread_ts=root["ts"]))["messages"]
    assert [each["text"] for each in thread] == ["root", "reply"]
    assert (await page.get("messages", channel="C0PRIV"))["error"] == "channel_not_found"
    assert (await page.post("message", channel="C0PRIV", text="x"))["error"] == "channel_not_found"


async def test_actions_and_modals(
    slack: SlackServer, page: Page, app: AsyncApp, member: AsyncWebClient
) -> None:
    """A press opens a modal, whose refusal comes back as errors under its fields; cancel closes it."""

    @app.action("go")
    async def go(ack: Any, body: Json) -> None:
        await ack()
        await member.views_open(trigger_id=body["trigger_id"], view=modal())

    @app.view("modal")
    async def submitted(ack: Any) -> None:
        await ack(response_action="errors", errors={"b": "No."})

    posted = await member.chat_postMessage(channel="C0OPS", text="x", blocks=[actions(button(value="7"))])
    pressed = await page.post("action", channel="C0OPS", ts=posted["ts"], action_id="go", value="7")
    assert pressed["ok"]
    view_id = (await until(lambda: slack.workspace.stacks.get("U0SRE")))[0]
    refused = await page.post("submit", view_id=view_id, values={"b": {"a": {"value": "x"}}})
    assert (refused["ok"], refused["errors"]) == (False, {"b": "No."})
    assert (await page.post("close", view_id=view_id))["ok"]
    assert (await page.get("boot"))["view"] is None


async def test_home_options_and_reactions(
    slack: SlackServer, page: Page, app: AsyncApp, member: AsyncWebClient
) -> None:
    """Home tab, external select and reaction from the page."""

    @app.event("app_home_opened")
    async def home(event: Json) -> None:
        select = {"type": "external_select", "action_id": "find"}
        await member.views_publish(user_id=event["user"], view={"type": "home", "blocks": [actions(select)]})

    @app.options("find")
    async def find(ack: Any, body: Json) -> None:
        await ack(options=[{"text": plain(body["value"]), "value": "1"}])

    @app.event("reaction_added")
    async def reacted() -> None:
        """Acknowledged, nothing else."""

    assert (await page.post("open_home"))["ok"]
    await until(lambda: "U0SRE" in slack.workspace.homes)
    options = await page.post("options", home=True, action_id="find", text="abc")
    assert options["options"][0]["text"]["text"] == "abc"
    assert (await page.post("options", home=True, action_id="none", text=""))["ok"] is False
    ts = (await member.chat_postMessage(channel="C0OPS", text="x"))["ts"]
    assert (await page.post("react", channel="C0OPS", ts=ts, name="eyes"))["ok"]
    assert slack.messages("C0OPS")[0]["reactions"][0]["users"] == ["U0SRE"]


async def test_incomplete_requests_are_refused(page: Page) -> None:
    """A missing field is named; an unknown person is not found; nothing fails with 500."""
    assert (await page.post("command", text="/ats"))["error"] == "missing 'channel'"
    assert (await page.post("message", user="U0NOBODY", channel="C0OPS", text="x"))["error"] == "not_found"
    answer = await page.http.post("message", content=b"{")
    assert answer.status_code == 400


async def read_events(page: Page, seen: list[Json]) -> None:
    async with page.http.stream("GET", "events", params={"user": page.user}, timeout=None) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line == ": hello":
                seen.append({"type": "hello"})
            elif line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))


async def test_event_stream(slack: SlackServer, page: Page, member: AsyncWebClient) -> None:
    """The stream tells what the person may see, and nothing of other people's ephemerals; it ends on close."""
    seen: list[Json] = []
    reading = asyncio.create_task(read_events(page, seen))
    await until(lambda: seen)
    posted = await member.chat_postMessage(channel="C0OPS", text="one")
    await member.chat_update(channel="C0OPS", ts=posted["ts"], text="two")
    await member.chat_postEphemeral(channel="C0OPS", user="U0CTO", text="not for sam")
    await member.chat_postEphemeral(channel="C0OPS", user="U0SRE", text="for sam")
    await member.reactions_add(channel="C0OPS", timestamp=posted["ts"], name="eyes")
    await member.chat_delete(channel="C0OPS", ts=posted["ts"])
    trigger_id = slack.core.triggers.issue("U0SRE")
    view_id = (await member.views_open(trigger_id=trigger_id, view=modal()))["view"]["id"]
    await member.views_update(view_id=view_id, view=modal())
    await slack.close_view("U0SRE", view_id)
    await member.views_publish(user_id="U0SRE", view={"type": "home", "blocks": []})
    await until(lambda: seen[-1]["type"] == "home")
    assert [each["type"] for each in seen[1:]] == [
        "message",
        "message_changed",
        "ephemeral",
        "reaction",
        "message_deleted",
        "view_opened",
        "view_updated",
        "view_closed",
        "home",
    ]
    assert seen[2]["message"]["text"] == "two"
    assert seen[3]["message"]["text"] == "for sam"
    assert (seen[5]["channel"], seen[5]["ts"]) == ("C0OPS", posted["ts"])
    await slack.close()
    await asyncio.wait_for(reading, 2)
