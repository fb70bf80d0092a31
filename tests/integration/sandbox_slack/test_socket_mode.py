"""Socket Mode seen from a bare WebSocket: hello, envelopes, acks, retries, tickets and limits."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from slack_sdk.web.async_client import AsyncWebClient
from websockets.asyncio.client import ClientConnection

from sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.bolt import bolt_app, socket_mode
from tests.integration.sandbox_slack.talk import until

Json = dict[str, Any]


class Sockets:
    """Bare connections, closed at the end."""

    def __init__(self, web: AsyncWebClient) -> None:
        self._web = web
        self.open: list[ClientConnection] = []

    async def connect(self) -> ClientConnection:
        url = (await self._web.apps_connections_open(app_token="xapp-sandbox"))["url"]
        socket = await websockets.connect(url, proxy=None)
        self.open.append(socket)
        return socket


@pytest.fixture
async def sockets(web: AsyncWebClient) -> AsyncIterator[Sockets]:
    held = Sockets(web)
    yield held
    for socket in held.open:
        await socket.close()


async def receive(socket: ClientConnection) -> Json:
    message: Json = json.loads(await asyncio.wait_for(socket.recv(), 5))
    return message


async def ack(socket: ClientConnection, envelope: Json, payload: Json | None = None) -> None:
    answer = {"envelope_id": envelope["envelope_id"]} | ({"payload": payload} if payload else {})
    await socket.send(json.dumps(answer))


async def test_hello(sockets: Sockets) -> None:
    """The first message says hello, which app it is, and how many connections there are."""
    first = await receive(await sockets.connect())
    second = await receive(await sockets.connect())
    assert first["type"] == "hello"
    assert (first["num_connections"], second["num_connections"]) == (1, 2)
    assert first["connection_info"] == {"app_id": "A0ATS"}
    assert first["debug_info"]["approximate_connection_time"] > 0


async def test_ticket_works_once(web: AsyncWebClient, sockets: Sockets) -> None:
    """The address from apps.connections.open opens one connection only."""
    url = (await web.apps_connections_open(app_token="xapp-sandbox"))["url"]
    async with websockets.connect(url, proxy=None) as socket:
        assert (await receive(socket))["type"] == "hello"
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(url, proxy=None)


async def test_ten_connections_at_most(slack: SlackServer, sockets: Sockets) -> None:
    """The eleventh connection is told too_many_websockets and closed."""
    for _ in range(10):
        await receive(await sockets.connect())
    refused = await receive(await sockets.connect())
    assert (refused["type"], refused["reason"]) == ("disconnect", "too_many_websockets")
    assert len(slack.sockets.connections) == 10


async def test_command_envelope_and_its_answer(slack: SlackServer, sockets: Sockets) -> None:
    """A command's envelope takes a response payload, which is posted for the person."""
    socket = await sockets.connect()
    await receive(socket)
    typed = asyncio.create_task(slack.command("U0SRE", "C0OPS", "health"))
    envelope = await receive(socket)
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    assert "retry_attempt" not in envelope
    await ack(socket, envelope, {"text": "fine"})
    outcome = await typed
    assert (outcome.ok, outcome.payload) == (True, {"text": "fine"})
    assert slack.messages("C0OPS", user="U0SRE")[0]["text"] == "fine"


async def test_each_event_goes_to_one_connection(
    slack: SlackServer, sockets: Sockets, member: AsyncWebClient
) -> None:
    """Six messages over three connections: two each, none twice."""
    for _ in range(3):
        await receive(await sockets.connect())

    async def answer(socket: ClientConnection) -> list[str]:
        seen = []
        for _ in range(2):
            envelope = await receive(socket)
            seen.append(envelope["payload"]["event_id"])
            await ack(socket, envelope)
        return seen

    answers = [asyncio.create_task(answer(socket)) for socket in sockets.open]
    for number in range(6):
        await slack.say("U0SRE", "C0OPS", str(number))
    seen = [event_id for each in await asyncio.gather(*answers) for event_id in each]
    assert len(set(seen)) == 6


async def test_unacknowledged_event_is_repeated_three_times(
    slack: SlackServer, sockets: Sockets, member: AsyncWebClient
) -> None:
    """The same event_id comes four times in all, each repetition numbered and with its reason."""
    slack.retry_waits = (0, 0.01, 0.01)
    slack.core.deliveries.ack_seconds = 0.05
    socket = await sockets.connect()
    await receive(socket)
    await slack.say("U0SRE", "C0OPS", "hello")
    envelopes = [await receive(socket) for _ in range(4)]
    assert len({each["payload"]["event_id"] for each in envelopes}) == 1
    assert len({each["envelope_id"] for each in envelopes}) == 4
    assert [each["retry_attempt"] for each in envelopes] == [0, 1, 2, 3]
    assert [each["retry_reason"] for each in envelopes] == ["", "timeout", "timeout", "timeout"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(socket.recv(), 0.3)


async def test_acknowledged_repetition_is_the_last(
    slack: SlackServer, sockets: Sockets, member: AsyncWebClient
) -> None:
    """An event acknowledged at its second attempt does not come a third time."""
    slack.retry_waits = (0, 0, 0)
    slack.core.deliveries.ack_seconds = 0.1
    socket = await sockets.connect()
    await receive(socket)
    await slack.say("U0SRE", "C0OPS", "hello")
    await receive(socket)
    await ack(socket, await receive(socket))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(socket.recv(), 0.3)


async def test_event_without_a_connection_waits_for_one(
    slack: SlackServer, sockets: Sockets, member: AsyncWebClient
) -> None:
    """An event that found no connection is delivered at its next attempt."""
    slack.retry_waits = (0.2, 0.2, 0.2)
    await slack.say("U0SRE", "C0OPS", "anybody?")
    socket = await sockets.connect()
    await receive(socket)
    envelope = await receive(socket)
    assert envelope["payload"]["event"]["text"] == "anybody?"
    assert envelope["retry_reason"] == "connection_failed"
    await ack(socket, envelope)


async def test_warning_and_refresh(slack: SlackServer, sockets: Sockets) -> None:
    """A warning leaves the connection open; refresh_requested closes it."""
    socket = await sockets.connect()
    await receive(socket)
    await slack.sockets.disconnect("warning")
    assert (await receive(socket))["reason"] == "warning"
    await slack.sockets.disconnect()
    assert (await receive(socket))["reason"] == "refresh_requested"
    with pytest.raises(websockets.ConnectionClosed):
        await socket.recv()
    await until(lambda: slack.sockets.connections == [])


async def test_nonsense_from_the_app_is_ignored(slack: SlackServer, sockets: Sockets) -> None:
    """Broken JSON and unknown envelope ids do not end a connection."""
    socket = await sockets.connect()
    await receive(socket)
    for nonsense in ("{", "[]", '"x"', '{"envelope_id": "nobody"}'):
        await socket.send(nonsense)
    typed = asyncio.create_task(slack.command("U0SRE", "C0OPS", ""))
    await ack(socket, await receive(socket))
    assert (await typed).ok


async def test_bolt_reconnects_after_a_cut(slack: SlackServer) -> None:
    """socket_drop cuts without a close frame; the real handler comes back with a new ticket."""
    app = bolt_app(slack)

    @app.command("/ats")
    async def command(ack: Any) -> None:
        await ack()

    async with socket_mode(slack, app) as handler:
        handler.client.ping_interval = 1
        first = slack.sockets.connections[0]
        slack.faults.socket_drop()
        await until(lambda: slack.sockets.connections and slack.sockets.connections[0] is not first, 20)
        assert (await slack.command("U0SRE", "C0OPS", "")).ok


async def test_close_lets_go_of_whoever_waits(
    slack: SlackServer, member: AsyncWebClient, sockets: Sockets
) -> None:
    """A person's message that waits for an acknowledgement returns when the server closes; later ones at once."""
    socket = await sockets.connect()
    await receive(socket)
    saying = asyncio.create_task(slack.say("U0SRE", "C0OPS", "hello"))
    await receive(socket)
    await slack.close()
    assert (await asyncio.wait_for(saying, 2)).ok
    assert (await asyncio.wait_for(slack.say("U0SRE", "C0OPS", "again"), 2)).ok
