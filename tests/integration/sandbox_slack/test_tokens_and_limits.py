"""Who may call, how often, and how the local Slack answers at all."""

import asyncio

import httpx
import pytest
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.talk import error_of, refused


@pytest.fixture
def http(slack: SlackServer) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=slack.api_url, trust_env=False)


async def test_auth_test_names_the_bot(slack: SlackServer, web: AsyncWebClient) -> None:
    """auth.test tells team, bot user and bot id, and the granted scopes in a header."""
    answer = await web.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0ATS", "U0ATSBOT", "B0ATS")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")
    assert answer.headers["x-slack-req-id"]


@pytest.mark.parametrize(
    ("token", "error"),
    [("xoxb-other", "invalid_auth"), ("xapp-sandbox", "not_allowed_token_type")],
)
async def test_wrong_token(slack: SlackServer, token: str, error: str) -> None:
    """An unknown token and a token of the wrong kind are told apart."""
    client = AsyncWebClient(token=token, base_url=slack.api_url)
    assert await error_of(client.auth_test()) == error


async def test_no_token(slack: SlackServer, http: httpx.AsyncClient) -> None:
    """Without a token it is not_authed, with status 200 as Slack does."""
    async with http:
        answer = await http.post("auth.test")
        assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": "not_authed"})
        # The token may also come in the form, and in the Authorization header of a GET.
        assert (await http.post("auth.test", data={"token": "xoxb-sandbox"})).json()["ok"]
        headers = {"Authorization": "Bearer xoxb-sandbox"}
        assert (await http.get("users.info", params={"user": "U0SRE"}, headers=headers)).json()["ok"]


async def test_app_level_token_only_opens_connections(web: AsyncWebClient, slack: SlackServer) -> None:
    """apps.connections.open takes the app-level token and no other; each ticket is a new one."""
    assert await error_of(web.apps_connections_open(app_token="xoxb-sandbox")) == "not_allowed_token_type"
    first = await web.apps_connections_open(app_token="xapp-sandbox")
    second = await web.apps_connections_open(app_token="xapp-sandbox")
    assert first["url"].startswith("ws://127.0.0.1:")
    assert first["url"] != second["url"]


async def test_unknown_method(web: AsyncWebClient) -> None:
    """A method that Slack does not have, or that the local one does not, is unknown_method."""
    body = await refused(web.api_call("chat.postMassage"))
    assert body == {"ok": False, "error": "unknown_method", "req_method": "chat.postMassage"}
    assert await error_of(web.api_call("files.upload")) == "unknown_method"


async def test_missing_scope(slack: SlackServer, web: AsyncWebClient) -> None:
    """Without the scope a call is refused, and the refusal names it."""
    slack.core.scopes = frozenset({"chat:write"})
    body = await refused(web.usergroups_list())
    assert (body["error"], body["needed"], body["provided"]) == (
        "missing_scope",
        "usergroups:read",
        "chat:write",
    )


async def test_scope_depends_on_the_kind_of_conversation(slack: SlackServer, web: AsyncWebClient) -> None:
    """Listing private channels needs groups:read, whatever is granted for public ones."""
    slack.core.scopes = frozenset({"channels:read"})
    assert (await web.conversations_list())["channels"]
    body = await refused(web.conversations_list(types="public_channel,private_channel"))
    assert (body["error"], body["needed"]) == ("missing_scope", "groups:read")


async def test_email_needs_its_own_scope(slack: SlackServer, web: AsyncWebClient) -> None:
    """users.info leaves the address out without users:read.email."""
    assert (await web.users_info(user="U0SRE"))["user"]["profile"]["email"] == "sam.sre@ats.example"
    slack.core.scopes = frozenset({"users:read"})
    assert "email" not in (await web.users_info(user="U0SRE"))["user"]["profile"]
    assert await error_of(web.users_lookupByEmail(email="sam.sre@ats.example")) == "missing_scope"


async def test_json_is_not_read_where_slack_does_not(slack: SlackServer, http: httpx.AsyncClient) -> None:
    """A method without JSON input ignores a JSON body; one with it takes it; broken JSON is said so."""
    headers = {"Authorization": "Bearer xoxb-sandbox"}
    async with http:
        answer = await http.post("users.info", json={"user": "U0SRE"}, headers=headers)
        assert answer.json()["error"] == "invalid_arguments"
        assert "missing required field: user" in answer.text
        answer = await http.post("conversations.join", json={"channel": "C0OPS"}, headers=headers)
        assert answer.json()["ok"]
        typed = {**headers, "Content-Type": "application/json"}
        assert (await http.post("chat.update", content=b"{", headers=typed)).json()["error"] == "invalid_json"
        assert (await http.post("chat.update", content=b"[]", headers=typed)).json()[
            "error"
        ] == "json_not_object"


async def test_tiers_are_enforced(slack: SlackServer, web: AsyncWebClient) -> None:
    """The 21st usergroups.list within a minute is 429 with Retry-After; other methods go on."""
    for _ in range(20):
        await web.usergroups_list()
    with pytest.raises(Exception, match="ratelimited") as limited:
        await web.usergroups_list()
    response = limited.value.response  # type: ignore[attr-defined]
    assert response.status_code == 429
    assert 50 <= int(response.headers["Retry-After"]) <= 60
    assert slack.calls[-1].status == 429
    assert (await web.users_info(user="U0SRE"))["ok"]
    slack.enforce_rate_limits = False
    assert (await web.usergroups_list())["ok"]


async def test_posting_is_limited_per_channel(slack: SlackServer, member: AsyncWebClient) -> None:
    """After its burst a channel takes a message a second; slack_sdk's own handler gets through."""
    for _ in range(20):
        await member.chat_postMessage(channel="C0OPS", text="burst")
    assert await error_of(member.chat_postMessage(channel="C0OPS", text="too much")) == "ratelimited"
    patient = AsyncWebClient(
        token="xoxb-sandbox",
        base_url=slack.api_url,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=3)],
    )
    assert (await patient.chat_postMessage(channel="C0OPS", text="later"))["ok"]


async def test_every_call_is_recorded(slack: SlackServer, member: AsyncWebClient) -> None:
    """Tests can read each call: method, arguments without the token, answer and status."""
    answer = await member.chat_postMessage(channel="C0OPS", text="hello")
    call = slack.calls[-1]
    assert (call.method, call.args["text"], call.status) == ("chat.postMessage", "hello", 200)
    assert call.response is not None
    assert call.response["ts"] == answer["ts"]
    assert "token" not in call.args


async def test_fault_before_has_no_effect(slack: SlackServer, member: AsyncWebClient) -> None:
    """A fault instead of the call: the error, the status and Retry-After asked for, and nothing posted."""
    slack.faults.fail("chat.postMessage", status=503)
    slack.faults.fail("chat.postMessage", error="fatal_error")
    slack.faults.fail("chat.postMessage", retry_after=7)
    with pytest.raises(Exception, match="503"):
        await member.chat_postMessage(channel="C0OPS", text="x")
    assert await error_of(member.chat_postMessage(channel="C0OPS", text="x")) == "fatal_error"
    with pytest.raises(Exception, match="ratelimited") as limited:
        await member.chat_postMessage(channel="C0OPS", text="x")
    assert limited.value.response.headers["Retry-After"] == "7"  # type: ignore[attr-defined]
    assert slack.messages("C0OPS") == []
    assert (await member.chat_postMessage(channel="C0OPS", text="x"))["ok"]


@pytest.mark.parametrize("times", [1, 2])
async def test_fault_after_has_the_effect(slack: SlackServer, member: AsyncWebClient, times: int) -> None:
    """With after=True the message is there although the answer is lost: a blind retry would double it."""
    slack.faults.fail("chat.postMessage", drop=True, after=True, times=times)
    for _ in range(times):
        with pytest.raises(Exception, match=r"disconnect|Connection"):
            await member.chat_postMessage(channel="C0OPS", text="lost answer")
    assert len(slack.messages("C0OPS")) == times
    await member.chat_postMessage(channel="C0OPS", text="fine")


async def test_dropped_connection_is_no_answer(slack: SlackServer, member: AsyncWebClient) -> None:
    """drop=True closes the connection without a byte and without the effect."""
    slack.faults.fail("*", drop=True)
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(f"{slack.api_url}chat.postMessage", data={"channel": "C0OPS", "text": "x"})
    assert slack.messages("C0OPS") == []


async def test_delay_alone_only_delays(slack: SlackServer, web: AsyncWebClient) -> None:
    """A mere delay answers properly afterwards."""
    slack.faults.fail("auth.test", delay=0.2)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await web.auth_test())["ok"]
    assert loop.time() - began >= 0.2


async def test_hanging_call_ends_when_cleared(slack: SlackServer, web: AsyncWebClient) -> None:
    """A call that hangs stays without an answer until the faults are cleared."""
    slack.faults.hang("auth.test")
    call = asyncio.create_task(web.auth_test())
    done, _ = await asyncio.wait({call}, timeout=0.2)
    assert not done
    slack.faults.clear()
    with pytest.raises(Exception, match=r"disconnect|Connection"):
        await call
    assert (await web.auth_test())["ok"]
