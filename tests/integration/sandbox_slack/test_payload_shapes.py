"""What the app is sent has the keys and types of Slack's own samples, and nothing Slack does not send."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.bolt import bolt_app, socket_mode
from tests.integration.sandbox_slack.talk import actions, button, modal, section
from tests.unit.sandbox.slack.judge import official

Json = dict[str, Any]
# Sent by Slack, and documented, but missing from the samples.
EXTRA = {
    "context_team_id",
    "context_enterprise_id",
    "response_urls",
    "reply_users",
    "event_ts",
    "channel_type",
    "user_id",
    "verbatim",
    "selected_option",
}
# Looked at elsewhere (Block Kit), or of any shape by their nature.
ANY_SHAPE = {"blocks", "values", "event_payload", "accessory", "elements", "text"}


def differences(ours: Any, sample: Any, where: str = "") -> list[str]:
    """Where a payload departs from a sample: keys that it does not have, and values of another type."""
    if ours is None:
        return []
    if isinstance(ours, dict) and isinstance(sample, dict):
        found = []
        for key, value in ours.items():
            if key in ANY_SHAPE:
                continue
            if key not in sample:
                found += [] if key in EXTRA else [f"{where}/{key}: not in the sample"]
            else:
                found += differences(value, sample[key], f"{where}/{key}")
        return found
    if isinstance(ours, list) and isinstance(sample, list):
        return [
            each for item in ours for each in (differences(item, sample[0], f"{where}/-") if sample else [])
        ]
    return (
        [] if type(ours) is type(sample) else [f"{where}: {type(ours).__name__}, not {type(sample).__name__}"]
    )


class Seen:
    """Every payload that the app got, by type."""

    def __init__(self) -> None:
        self.bodies: dict[str, Json] = {}

    def keep(self, body: Json) -> None:
        kind = body.get("command") or (body["event"]["type"] if "event" in body else body["type"])
        self.bodies[kind] = body


@pytest.fixture
async def seen(slack: SlackServer) -> AsyncIterator[Seen]:
    kept = Seen()
    app: AsyncApp = bolt_app(slack)

    async def keep(ack: Any, body: Json) -> None:
        await ack()
        kept.keep(body)

    app.command("/ats")(keep)
    app.action("go")(keep)
    app.view("modal")(keep)
    app.view_closed("modal")(keep)
    for name in ("app_home_opened", "app_mention", "message", "member_joined_channel", "reaction_added"):
        app.event(name)(keep)
    async with socket_mode(slack, app):
        yield kept


async def test_command_payload(slack: SlackServer, seen: Seen) -> None:
    """A slash command has exactly the fields of Slack's sample, but for those of an enterprise."""
    await slack.command("U0SRE", "C0OPS", "health")
    sample = official("payloads/slash-commands-SlashCommandPayload.json")
    body = seen.bodies["/ats"]
    assert set(sample) - set(body) == {"enterprise_id", "enterprise_name"}
    assert [each for each in differences(body, sample) if "is_enterprise_install" not in each] == []
    # A form field, so that it comes as text.
    assert body["is_enterprise_install"] == "false"


async def test_action_payload(slack: SlackServer, seen: Seen, member: AsyncWebClient) -> None:
    """A press on a message in a thread has the fields of Slack's sample, with their types."""
    root = await member.chat_postMessage(channel="C0OPS", text="root", metadata=None)
    posted = await member.chat_postMessage(
        channel="C0OPS", text="x", thread_ts=root["ts"], blocks=[section(), actions(button(value="7"))]
    )
    await slack.press("U0SRE", "C0OPS", posted["ts"], "go")
    sample = official("payloads/interactive-components-BlockActionPayload.json")
    body = seen.bodies["block_actions"]
    assert differences(body, sample) == []
    needed = {"type", "team", "user", "api_app_id", "token", "container", "trigger_id", "channel", "message"}
    assert needed | {"response_url", "state", "actions", "is_enterprise_install", "enterprise"} <= set(body)
    assert body["container"]["thread_ts"] == root["ts"]
    assert body["actions"][0]["text"]["text"] == "Go"
    assert body["message"]["parent_user_id"] == "U0ATSBOT"


async def test_view_payloads(slack: SlackServer, seen: Seen, web: AsyncWebClient) -> None:
    """Submissions and closings of a modal have the fields of Slack's samples."""
    for kind in ("ViewSubmission", "ViewClosed"):
        trigger_id = slack.core.triggers.issue("U0SRE")
        view = modal(notify_on_close=True)
        view_id = (await web.views_open(trigger_id=trigger_id, view=view))["view"]["id"]
        if kind == "ViewSubmission":
            await slack.submit("U0SRE", view_id, {"b": {"a": "x"}})
        else:
            await slack.close_view("U0SRE", view_id)
        body = seen.bodies["view_submission" if kind == "ViewSubmission" else "view_closed"]
        assert differences(body, official(f"payloads/views-{kind}Payload.json")) == []
        assert body["view"]["id"] == view_id
        assert body["view"]["state"]["values"]["b"]["a"]["type"] == "plain_text_input"


async def test_event_payloads(slack: SlackServer, seen: Seen, member: AsyncWebClient) -> None:
    """Every event that the sandbox sends has the fields of Slack's sample."""
    await slack.say("U0SRE", "C0OPS", "<@U0ATSBOT> hello")
    ts = slack.messages("C0OPS")[0]["ts"]
    await slack.react("U0SRE", "C0OPS", ts, "eyes")
    await member.views_publish(user_id="U0SRE", view={"type": "home", "blocks": [section()]})
    await slack.open_home("U0SRE")
    samples = {
        "app_mention": "AppMention",
        "message": "Message",
        "member_joined_channel": "MemberJoinedChannel",
        "reaction_added": "ReactionAdded",
        "app_home_opened": "AppHomeOpened",
    }
    for kind, name in samples.items():
        assert differences(seen.bodies[kind], official(f"events/{name}Payload.json")) == [], kind
        authorization = seen.bodies[kind]["authorizations"][0]
        assert (authorization["user_id"], authorization["is_bot"]) == ("U0ATSBOT", True)
