"""The cheapest HTTP client there is: what the clock shows should be the bot's, not the bench's.

httpx and aiohttp cost as much as what is measured here. Connections are kept, as a load balancer keeps them.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from sandbox.slack.delivery import Ack
from sandbox.slack.httpmode import HttpTransport

_OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and when: seconds from writing the request to having read all of the answer."""

    status: int
    body: bytes
    sent: float  # perf_counter
    seconds: float


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def exchange(self, request: bytes) -> Answer:
        sent = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        body = await self._reader.readexactly(_length(head))
        return Answer(int(head.split(b" ", 2)[1]), body, sent, time.perf_counter() - sent)

    @property
    def usable(self) -> bool:
        """False once the server has let go of it (uvicorn: after 5 s without a request)."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class Wire:
    """POSTs to one address over as many connections as are in use at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self._idle: list[_Connection] = []

    async def open(self, connections: int) -> Self:
        """Have so many connections ready."""
        self._idle = [each for each in self._idle if each.usable]
        while len(self._idle) < connections:
            self._idle.append(_Connection(*await asyncio.open_connection(self._host, self._port)))
        return self

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        lines = [
            f"POST {self._path} HTTP/1.1",
            f"Host: {self._host}:{self._port}",
            f"Content-Length: {len(body)}",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        await self.open(1)
        connection = self._idle.pop()
        answer = await connection.exchange(request)
        self._idle.append(connection)
        return answer

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._idle), return_exceptions=True)


class WiredTransport(HttpTransport):
    """The local Slack's HTTP mode, its signatures included, over `Wire`."""

    def __init__(self, request_url: str, signing_secret: str, wire: Wire) -> None:
        super().__init__(request_url, signing_secret)
        self._wire = wire

    async def _post(self, body: bytes, headers: dict[str, str], seconds: float) -> Ack:
        async with asyncio.timeout(seconds):
            answer = await self._wire.post(body, headers)
        if answer.status != _OK:
            return Ack(False, "dispatch_failed", reason=f"http_error {answer.status}")
        payload: Any = answer.body.decode() or None
        return Ack(True, payload=payload, seconds=answer.seconds)

    async def close(self) -> None:
        await self._wire.close()
        await super().close()
