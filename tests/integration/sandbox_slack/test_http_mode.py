"""HTTP mode: signed requests that the real Bolt accepts, and what happens when it does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from sandbox.clock import SandboxClock
from sandbox.serving import serve
from sandbox.slack.scopes import ALL_SCOPES, EVENT_SCOPES
from sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.bolt import bolt_app, http_app
from tests.integration.sandbox_slack.talk import actions, button, until

Json = dict[str, Any]


@asynccontextmanager
async def slack_for(app: Starlette, secret: str = "sandbox-signing-secret") -> AsyncIterator[SlackServer]:  # noqa: S107
    """A local Slack that posts to that app, both on real ports."""
    async with serve(app) as app_url:
        slack = SlackServer(
            clock=SandboxClock(),
            scopes=ALL_SCOPES,
            events=EVENT_SCOPES,
            signing_secret=secret,
            request_url=f"{app_url}/slack/events",
        )
        async with serve(Starlette(routes=[Mount("/slack", slack.app)])) as url:
            slack.public_url = f"{url}/slack"
            yield slack
            await slack.close()


class Recorder:
    """An app that keeps what it was sent and answers as told."""

    def __init__(self, *answers: Response) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers = list(answers)
        self.app = Starlette(routes=[Route("/slack/events", self.endpoint, methods=["POST"])])

    async def endpoint(self, request: Request) -> Response:
        self.requests.append((dict(request.headers), await request.body()))
        return self.answers.pop(0) if self.answers else PlainTextResponse("")


async def test_bolt_accepts_what_is_signed() -> None:
    """Commands, actions and the url_verification handshake pass Bolt's own signature check."""
    holder: list[Starlette] = []

    async def delegate(scope: Any, receive: Any, send: Any) -> None:
        await holder[0](scope, receive, send)

    async with slack_for(Starlette(routes=[Mount("/", delegate)])) as slack:
        app = bolt_app(slack)
        pressed: list[str] = []

        @app.command("/ats")
        async def command(ack: Any, body: Json) -> None:
            await ack(f"{body['text']} of {body['user_name']}")

        @app.action("go")
        async def go(ack: Any, action: Json) -> None:
            await ack()
            pressed.append(action["value"])

        holder.append(http_app(app))
        assert (await slack.verify_request_url()).ok
        assert (await slack.command("U0SRE", "C0OPS", "health & more = ünïcode")).ok
        assert slack.messages("C0OPS", user="U0SRE")[0]["text"] == "health & more = ünïcode of sam"
        slack.workspace.channels["C0OPS"].members.append("U0ATSBOT")
        web = AsyncWebClient(token="xoxb-sandbox", base_url=slack.api_url)
        posted = await web.chat_postMessage(channel="C0OPS", text="x", blocks=[actions(button(value="7"))])
        assert (await slack.press("U0SRE", "C0OPS", posted["ts"], "go")).ok
        await until(lambda: pressed == ["7"])


async def test_bolt_refuses_another_secret() -> None:
    """A request signed with another secret is refused by the app, and the client shows a failure."""
    holder: list[Starlette] = []

    async def delegate(scope: Any, receive: Any, send: Any) -> None:
        await holder[0](scope, receive, send)

    async with slack_for(Starlette(routes=[Mount("/", delegate)]), secret="another") as slack:
        holder.append(http_app(bolt_app(slack)))
        outcome = await slack.command("U0SRE", "C0OPS", "health")
        assert outcome.text == '/ats failed with the error "dispatch_failed"'
        assert not (await slack.verify_request_url()).ok


async def test_requests_carry_slacks_headers() -> None:
    """Form for commands, JSON for events, signature and timestamp on both, as Slack's own user agent."""
    recorder = Recorder()
    async with slack_for(recorder.app) as slack:
        await slack.command("U0SRE", "C0OPS", "health")
        await slack.open_home("U0SRE")
    (command, _), (event, body) = recorder.requests
    assert command["content-type"] == "application/x-www-form-urlencoded"
    assert event["content-type"] == "application/json"
    assert b'"type": "event_callback"' in body
    for headers in (command, event):
        assert headers["x-slack-signature"].startswith("v0=")
        assert headers["x-slack-request-timestamp"].isdigit()
        assert headers["user-agent"].startswith("Slackbot 1.0")
        assert "x-slack-retry-num" not in headers


async def test_failed_event_is_repeated_with_number_and_reason() -> None:
    """An event answered 500 comes again with X-Slack-Retry-Num and -Reason, until it is taken."""
    recorder = Recorder(PlainTextResponse("", 500), PlainTextResponse("", 404), PlainTextResponse(""))
    async with slack_for(recorder.app) as slack:
        slack.retry_waits = (0, 0, 0)
        await slack.open_home("U0SRE")
        await until(lambda: len(recorder.requests) == 3)
        await asyncio.sleep(0.1)
    assert len({body for _, body in recorder.requests}) == 1
    marks = [(each.get("x-slack-retry-num"), each.get("x-slack-retry-reason")) for each, _ in recorder.requests]
    assert marks == [(None, None), ("1", "http_error"), ("2", "http_error")]


async def test_failed_command_is_never_repeated() -> None:
    """A command answered 500 is shown as failed and sent once."""
    recorder = Recorder(PlainTextResponse("", 500))
    async with slack_for(recorder.app) as slack:
        slack.retry_waits = (0, 0, 0)
        outcome = await slack.command("U0SRE", "C0OPS", "health")
        assert (outcome.ok, outcome.error) == (False, "dispatch_failed")
        await asyncio.sleep(0.1)
    assert len(recorder.requests) == 1


async def test_slow_app_is_a_timeout() -> None:
    """No answer in time is operation_timeout."""

    async def slow(request: Request) -> Response:
        await asyncio.sleep(1)
        return PlainTextResponse("")

    async with slack_for(Starlette(routes=[Route("/slack/events", slow, methods=["POST"])])) as slack:
        slack.core.deliveries.ack_seconds = 0.1
        outcome = await slack.command("U0SRE", "C0OPS", "health")
        assert outcome.text == '/ats failed with the error "operation_timeout"'


@pytest.mark.parametrize("kind", ["json", "text"])
async def test_body_of_the_answer_is_the_message(kind: str) -> None:
    """A command may be answered with JSON or with plain text."""
    answer = JSONResponse({"text": "fine", "response_type": "in_channel"})
    async with slack_for(Recorder(answer if kind == "json" else PlainTextResponse("fine")).app) as slack:
        assert (await slack.command("U0SRE", "C0OPS", "health")).ok
        shown = slack.messages("C0OPS", user=None if kind == "json" else "U0SRE")
        assert [each["text"] for each in shown] == ["fine"]
