"""Commands, clicks, modals, home and options through a real Bolt app over Socket Mode."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.people import TROUBLE
from sandbox.slack.server import SlackServer
from sandbox.slack.submission import REQUIRED
from tests.integration.sandbox_slack.bolt import bolt_app, socket_mode
from tests.integration.sandbox_slack.talk import (
    actions,
    button,
    error_of,
    modal,
    plain,
    section,
    text_input,
    until,
)

Json = dict[str, Any]


@pytest.fixture
async def app(slack: SlackServer) -> AsyncIterator[AsyncApp]:
    """A connected app; listeners may be added while it runs."""
    bolt = bolt_app(slack)

    @bolt.event("member_joined_channel")
    async def joined() -> None:
        """Acknowledged, nothing else."""

    async with socket_mode(slack, bolt):
        yield bolt


async def post_buttons(web: AsyncWebClient, *elements: Json) -> str:
    ts: str = (await web.chat_postMessage(channel="C0OPS", text="x", blocks=[actions(*elements)]))["ts"]
    return ts


async def test_command_is_acknowledged_and_answered(slack: SlackServer, app: AsyncApp) -> None:
    """The text of an ack is an ephemeral answer; `respond` may answer in the channel, as the bot."""

    @app.command("/ats")
    async def command(ack: Any, respond: Any) -> None:
        await ack("at once")
        await respond("to all", response_type="in_channel")

    outcome = await slack.command("U0SRE", "C0OPS", "health")
    assert outcome.ok
    assert outcome.ack_seconds is not None
    await until(lambda: len(slack.messages("C0OPS", user="U0SRE")) == 2)
    assert [each["text"] for each in slack.messages("C0OPS", user="U0CTO")] == ["to all"]
    answer = next(each for each in slack.messages("C0OPS", user="U0SRE") if each["text"] == "at once")
    assert answer["is_ephemeral"] is True


async def test_command_that_is_not_registered(slack: SlackServer, app: AsyncApp) -> None:
    """A command that no app has, or a channel that the person does not see, never reaches the app."""
    assert (await slack.command("U0SRE", "C0OPS", "", command="/nope")).text == "/nope is not a valid command."
    assert (await slack.command("U0SRE", "C0PRIV", "")).error == "channel_not_found"


async def test_command_without_an_app(slack: SlackServer) -> None:
    """With no connection the client says at once that the command failed."""
    outcome = await slack.command("U0SRE", "C0OPS", "health")
    assert (outcome.ok, outcome.text) == (False, '/ats failed with the error "dispatch_failed"')


async def test_late_ack_is_a_timeout(slack: SlackServer, app: AsyncApp) -> None:
    """No ack in time is operation_timeout, and a command is never sent again."""
    slack.core.deliveries.ack_seconds = 0.2
    seen: list[str] = []

    @app.command("/ats")
    async def command(body: Json) -> None:
        seen.append(body["trigger_id"])

    outcome = await slack.command("U0SRE", "C0OPS", "health")
    assert (outcome.error, outcome.text) == (
        "operation_timeout",
        '/ats failed with the error "operation_timeout"',
    )
    assert len(seen) == 1


async def test_ack_with_bad_blocks_is_shown_as_failed(slack: SlackServer, app: AsyncApp) -> None:
    """An ack whose message Slack would refuse fails visibly."""

    @app.command("/ats")
    async def command(ack: Any) -> None:
        await ack(text="x", blocks=[section("x" * 3001)])

    outcome = await slack.command("U0SRE", "C0OPS", "health")
    assert (outcome.ok, outcome.error) == (False, "invalid_blocks")


async def test_button_replaces_its_message(slack: SlackServer, app: AsyncApp, member: AsyncWebClient) -> None:
    """A press carries message, channel, value and user; respond(replace_original) changes the message."""
    pressed: list[Json] = []

    @app.action("go")
    async def go(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        pressed.append(body)
        await respond("done", replace_original=True)

    ts = await post_buttons(member, button(value="7"))
    assert (await slack.press("U0SRE", "C0OPS", ts, "go")).ok
    await until(lambda: slack.messages("C0OPS")[0]["text"] == "done")
    body = pressed[0]
    assert (body["actions"][0]["value"], body["user"]["id"]) == ("7", "U0SRE")
    assert (body["message"]["ts"], body["channel"]["id"]) == (ts, "C0OPS")
    # What the message no longer shows cannot be pressed.
    await member.chat_update(channel="C0OPS", ts=ts, text="done", blocks=[])
    assert (await slack.press("U0SRE", "C0OPS", ts, "go")).error == "element_not_found"
    assert (await slack.press("U0SRE", "C0OPS", "1.2", "go")).error == "message_not_found"


async def test_overflow_and_select(slack: SlackServer, app: AsyncApp, member: AsyncWebClient) -> None:
    """An overflow menu sends its option; a select sends it too and stays in the message's state."""
    pressed: list[Json] = []

    async def keep(ack: Any, body: Json) -> None:
        await ack()
        pressed.append(body)

    app.action("more")(keep)
    app.action("pick")(keep)
    options = [{"text": plain(name), "value": name} for name in ("a", "b")]
    overflow = {"type": "overflow", "action_id": "more", "options": options}
    select = {"type": "static_select", "action_id": "pick", "options": options}
    ts = await post_buttons(member, overflow, select)
    await slack.press("U0SRE", "C0OPS", ts, "pick", selected="b")
    await slack.press("U0SRE", "C0OPS", ts, "more", selected="a")
    assert pressed[0]["actions"][0]["selected_option"]["value"] == "b"
    assert pressed[1]["actions"][0]["selected_option"]["text"]["text"] == "a"
    block_id = slack.messages("C0OPS")[0]["blocks"][0]["block_id"]
    assert pressed[1]["state"]["values"][block_id]["pick"]["selected_option"]["value"] == "b"
    assert (await slack.press("U0SRE", "C0OPS", ts, "more", selected="c")).error == "element_not_found"


async def test_modal_from_command_to_submission(slack: SlackServer, app: AsyncApp, web: AsyncWebClient) -> None:
    """A command opens a modal; the client checks it, the app refuses once, then takes it, and it closes."""
    entered: list[str] = []

    @app.command("/ats")
    async def command(ack: Any, body: Json) -> None:
        await ack()
        await web.views_open(trigger_id=body["trigger_id"], view=modal(private_metadata="7"))

    @app.view("modal")
    async def submitted(ack: Any, view: Json) -> None:
        value = view["state"]["values"]["b"]["a"]["value"]
        if value == "bad":
            await ack(response_action="errors", errors={"b": "Not that."})
            return
        await ack()
        entered.append(value + view["private_metadata"])

    await slack.command("U0SRE", "C0OPS", "note")
    view_id = (await until(lambda: slack.workspace.stacks.get("U0SRE")))[0]
    assert (await slack.submit("U0SRE", view_id, {})).errors == {"b": REQUIRED}
    assert (await slack.submit("U0SRE", view_id, {"b": {"a": "bad"}})).errors == {"b": "Not that."}
    assert (await slack.submit("U0CTO", view_id, {"b": {"a": "x"}})).error == "view_not_found"
    assert (await slack.submit("U0SRE", view_id, {"b": {"zzz": "x"}})).error == "element_not_found"
    assert (await slack.submit("U0SRE", view_id, {"b": {"a": "good"}})).ok
    assert slack.workspace.stacks["U0SRE"] == []
    await until(lambda: entered == ["good7"])


@pytest.fixture
async def opened(slack: SlackServer, web: AsyncWebClient) -> str:
    """A modal open before sam."""
    trigger_id = slack.core.triggers.issue("U0SRE")
    view_id: str = (await web.views_open(trigger_id=trigger_id, view=modal(notify_on_close=True)))["view"]["id"]
    return view_id


async def test_response_actions(slack: SlackServer, app: AsyncApp, opened: str) -> None:
    """push puts a modal on top, update changes it in place, clear closes everything."""
    answers: list[Json] = [
        {"response_action": "push", "view": modal(callback_id="modal", title=plain("Second"))},
        {"response_action": "update", "view": modal(callback_id="modal", title=plain("Changed"))},
        {"response_action": "clear"},
    ]

    @app.view("modal")
    async def submitted(ack: Any) -> None:
        await ack(**answers.pop(0))

    values = {"b": {"a": "x"}}
    assert (await slack.submit("U0SRE", opened, values)).ok
    stack = slack.workspace.stacks["U0SRE"]
    assert len(stack) == 2
    second = slack.workspace.views[stack[1]]
    assert (second.data["previous_view_id"], second.data["root_view_id"]) == (opened, opened)
    assert (await slack.submit("U0SRE", second.id, values)).ok
    assert slack.workspace.views[second.id].data["title"]["text"] == "Changed"
    assert (await slack.submit("U0SRE", second.id, values)).ok
    assert slack.workspace.views == {}


async def test_bad_response_action_is_trouble(slack: SlackServer, app: AsyncApp, opened: str) -> None:
    """An update with a view that Slack refuses shows as trouble, and the modal stays."""

    @app.view("modal")
    async def submitted(ack: Any) -> None:
        await ack(response_action="update", view=modal(title=plain("x" * 25)))

    outcome = await slack.submit("U0SRE", opened, {"b": {"a": "x"}})
    assert (outcome.ok, outcome.text) == (False, TROUBLE)
    assert slack.workspace.stacks["U0SRE"] == [opened]


async def test_closing_is_told_when_asked_for(slack: SlackServer, app: AsyncApp, opened: str) -> None:
    """notify_on_close sends view_closed; the modal is gone."""
    closed: list[Json] = []

    @app.view_closed("modal")
    async def on_close(ack: Any, body: Json) -> None:
        await ack()
        closed.append(body)

    assert (await slack.close_view("U0SRE", opened)).ok
    assert (closed[0]["view"]["id"], closed[0]["is_cleared"]) == (opened, False)
    assert slack.workspace.views == {}


async def test_select_in_a_view_keeps_its_state(slack: SlackServer, app: AsyncApp, web: AsyncWebClient) -> None:
    """A choice in a modal is sent at once and is in the state of the submission; update keeps it."""
    options = [{"text": plain(name), "value": name} for name in ("a", "b")]
    select = {"type": "static_select", "action_id": "pick", "options": options}
    states: list[Json] = []

    @app.action("pick")
    async def pick(ack: Any, body: Json) -> None:
        await ack()
        states.append(body["view"]["state"]["values"])

    view = modal({**actions(select), "block_id": "s"}, text_input())
    trigger_id = slack.core.triggers.issue("U0SRE")
    view_id = (await web.views_open(trigger_id=trigger_id, view=view))["view"]["id"]
    assert (await slack.press_in_view("U0SRE", view_id, "pick", selected="b")).ok
    assert states[0]["s"]["pick"]["selected_option"]["value"] == "b"
    updated = await web.views_update(view_id=view_id, view=view)
    assert updated["view"]["state"]["values"]["s"]["pick"]["selected_option"]["value"] == "b"
    assert (await slack.press_in_view("U0SRE", view_id, "nope")).error == "element_not_found"


async def test_external_select_asks_the_app(slack: SlackServer, app: AsyncApp, web: AsyncWebClient) -> None:
    """Typing into an external select asks the app, and only options that Slack takes come back."""

    @app.options("find")
    async def find(ack: Any, body: Json) -> None:
        count = int(body["value"])
        await ack(options=[{"text": plain(str(each)), "value": str(each)} for each in range(count)])

    element = {"type": "external_select", "action_id": "find", "min_query_length": 1}
    block = {"type": "input", "block_id": "x", "label": plain("L"), "element": element}
    trigger_id = slack.core.triggers.issue("U0SRE")
    view_id = (await web.views_open(trigger_id=trigger_id, view=modal(block)))["view"]["id"]
    assert len(await slack.options("U0SRE", "find", "100", view_id=view_id)) == 100
    with pytest.raises(Exception, match="invalid_options"):
        await slack.options("U0SRE", "find", "101", view_id=view_id)


async def test_views_are_checked(slack: SlackServer, web: AsyncWebClient, opened: str) -> None:
    """Trigger, hash, stack and id are checked as Slack checks them."""
    issue = slack.core.triggers.issue
    assert await error_of(web.views_open(trigger_id="1.2.3", view=modal())) == "invalid_trigger_id"
    used = issue("U0SRE")
    await web.views_push(trigger_id=used, view=modal())
    assert await error_of(web.views_push(trigger_id=used, view=modal())) == "exchanged_trigger_id"
    await web.views_push(trigger_id=issue("U0SRE"), view=modal())
    assert await error_of(web.views_push(trigger_id=issue("U0SRE"), view=modal())) == "push_limit_reached"
    slack.core.triggers.lifetime = 0.001
    late = issue("U0SRE")
    await asyncio.sleep(0.01)
    assert await error_of(web.views_open(trigger_id=late, view=modal())) == "expired_trigger_id"
    assert await error_of(web.views_update(view_id=opened, view=modal(), hash="0.x")) == "hash_conflict"
    assert await error_of(web.views_update(view_id="V0NONE", view=modal())) == "not_found"
    long = modal(title=plain("x" * 25))
    assert await error_of(web.views_update(view_id=opened, view=long)) == "invalid_arguments"
    shown = slack.workspace.views[opened].data["hash"]
    assert (await web.views_update(view_id=opened, view=modal(), hash=shown))["view"]["hash"] != shown


async def test_home(slack: SlackServer, app: AsyncApp, web: AsyncWebClient) -> None:
    """Opening the home tab sends an event; what the app publishes can be pressed."""
    opened: list[Json] = []
    pressed: list[Json] = []

    @app.event("app_home_opened")
    async def home(event: Json) -> None:
        opened.append(event)
        view = {"type": "home", "blocks": [actions(button())]}
        await web.views_publish(user_id=event["user"], view=view)

    @app.action("go")
    async def go(ack: Any, body: Json) -> None:
        await ack()
        pressed.append(body)

    await slack.open_home("U0SRE")
    await until(lambda: "U0SRE" in slack.workspace.homes)
    assert "view" not in opened[0]
    assert (await slack.press_at_home("U0SRE", "go")).ok
    assert pressed[0]["view"]["type"] == "home"
    assert pressed[0]["container"]["type"] == "view"
    await slack.open_home("U0SRE")
    assert opened[1]["view"]["id"] == pressed[0]["view"]["id"]
    assert (await slack.press_at_home("U0CTO", "go")).error == "view_not_found"


async def test_mention_and_message_events(slack: SlackServer, app: AsyncApp, member: AsyncWebClient) -> None:
    """A mention arrives as app_mention, every message as message; the bot's own mention of itself does not."""
    kinds: list[str] = []

    @app.event("message")
    async def message(event: Json) -> None:
        kinds.append(f"message {event['text']}")

    @app.event("app_mention")
    async def mention(event: Json, say: Any) -> None:
        kinds.append(f"mention {event['text']}")
        await say("here", thread_ts=event["ts"])

    said = await slack.say("U0SRE", "C0OPS", "<@U0ATSBOT> hello")
    await slack.say("U0SRE", "C0OPS", "hello all")
    await slack.say("U0SRE", "C0GEN", "<@U0ATSBOT> not in there")
    await until(lambda: len(slack.messages("C0OPS", thread_ts=said.ts)) == 2)
    assert sorted(kinds) == ["mention <@U0ATSBOT> hello", "message <@U0ATSBOT> hello", "message hello all"]


async def test_response_url_limits(slack: SlackServer) -> None:
    """A response URL takes five messages and is 404 after; a refused message is told."""
    token = slack.core.response_urls.issue("C0OPS", "U0SRE")
    url = f"{slack.public_url}/response/C0OPS/{token}"
    async with httpx.AsyncClient(trust_env=False) as http:
        refused = await http.post(url, json={"blocks": [{"type": "nope"}]})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_blocks")
        codes = [(await http.post(url, json={"text": str(each)})).status_code for each in range(6)]
        assert (await http.post(url[:-1], json={"text": "x"})).status_code == 404
    assert codes == [200, 200, 200, 200, 404, 404]
    assert len(slack.messages("C0OPS", user="U0SRE")) == 4
    assert slack.messages("C0OPS") == []


async def test_response_url_can_delete_an_ephemeral_message(
    slack: SlackServer, app: AsyncApp, member: AsyncWebClient
) -> None:
    """An ephemeral message can be replaced and deleted through the response_url of its own button."""

    @app.action("go")
    async def go(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        assert "message" not in body
        await respond("replaced", replace_original=True, blocks=[actions(button("bye"))])

    @app.action("bye")
    async def bye(ack: Any, respond: Any) -> None:
        await ack()
        await respond(delete_original=True)

    blocks = [actions(button())]
    sent = await member.chat_postEphemeral(channel="C0OPS", user="U0SRE", text="x", blocks=blocks)
    ts = sent["message_ts"]
    assert (await slack.press("U0CTO", "C0OPS", ts, "go")).error == "message_not_found"
    assert (await slack.press("U0SRE", "C0OPS", ts, "go")).ok
    await until(lambda: slack.messages("C0OPS", user="U0SRE")[0]["text"] == "replaced")
    assert (await slack.press("U0SRE", "C0OPS", ts, "bye")).ok
    await until(lambda: slack.messages("C0OPS", user="U0SRE") == [])
