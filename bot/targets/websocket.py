"""A look at a WebSocket: connect, wait for the first message, go."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import websockets.asyncio.client
import websockets.exceptions

from bot.errors import AtsError, RejectedError, ServerError
from bot.targets import trouble
from bot.targets.answers import KEPT, Greeting
from bot.targets.http import host_and_port, origin
from bot.targets.kept import plain
from bot.targets.line import Line


async def look(url: str, *, deadline: float, headers: Mapping[str, str], line: Line | None = None) -> Greeting:
    """Connect and wait for a first message; a connection that stays silent is an answer, too."""
    try:
        place = host_and_port(url)
    except ValueError as error:
        raise RejectedError(f"not a usable address: {url} ({error})", code="url") from error
    began = time.perf_counter()
    try:
        async with asyncio.timeout(deadline):
            client = await _connect(url, deadline, headers, line)
    except TimeoutError:
        raise trouble.timed_out(deadline) from None
    except (OSError, ValueError, websockets.exceptions.WebSocketException) as error:
        raise _translated(error, place) from error
    connected = time.perf_counter() - began
    try:
        return await _listen(client, connected, deadline - connected, place)
    finally:
        client.transport.abort()  # a closing handshake would wait for a server that may not answer
        await client.wait_closed()


async def _connect(
    url: str, deadline: float, headers: Mapping[str, str], line: Line | None
) -> websockets.asyncio.client.ClientConnection:
    options: dict[str, Any] = {
        "additional_headers": dict(headers),
        "open_timeout": deadline,
        "ping_interval": None,
        "max_size": KEPT,
        "proxy": None,
        "user_agent_header": "ats-bot",
    }
    if line is None:
        return await websockets.asyncio.client.connect(url, **options)
    _, host, port = origin(url)
    async with line.door(host, port) as door:
        return await websockets.asyncio.client.unix_connect(door.path, url, **options)


async def _listen(
    client: websockets.asyncio.client.ClientConnection, connected: float, remaining: float, place: str
) -> Greeting:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(max(remaining, 0)):
            message = await client.recv()
    except TimeoutError:
        return Greeting("", connected, None)
    except websockets.exceptions.ConnectionClosed as error:
        raise _closed(error, place) from error
    text = message if isinstance(message, str) else message.decode("utf-8", errors="replace")
    return Greeting(plain(text), connected, time.perf_counter() - began)


def _closed(error: websockets.exceptions.ConnectionClosed, place: str) -> AtsError:
    if error.sent is not None and error.sent.code == websockets.CloseCode.MESSAGE_TOO_BIG:
        return ServerError(f"too long: the first message of {place} is longer than {KEPT // 1024} KB")
    code = error.rcvd.code if error.rcvd is not None else None
    said = f" ({code} {plain(error.rcvd.reason)[:80]})" if error.rcvd is not None else ""
    return ServerError(f"broken off: {place} closed the connection before its first message{said}")


def _translated(error: Exception, place: str) -> AtsError:
    match error:
        case websockets.exceptions.InvalidStatus():
            return trouble.from_status(error.response.status_code, "")
        case websockets.exceptions.InvalidURI():
            return RejectedError(f"not a usable address: {error}", code="url")
        case websockets.exceptions.WebSocketException():
            return ServerError(f"broken off: {place} does not speak WebSocket")
        case _:
            return trouble.from_network(error, place)
