"""HTTP to a system under care."""

import asyncio
import codecs
import ssl
import sys
import time
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from bot.errors import AtsError, RejectedError
from bot.targets import trouble
from bot.targets.answers import KEPT, HttpAnswer
from bot.targets.kept import plain
from bot.targets.line import Line
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings
from bot.tls import context

_Exchanged = tuple[httpx.Response, bytes, bool]  # the body's beginning, and whether there was more
_EXCERPT = 200  # characters of a refusal's body that its error shows
_CLOSING = 0.5  # seconds for a connection that is given up
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

# httpcore tries to import sniffio several times in each request; where there is none, each try searches the disk,
# which took a third of a health report's own time. None in its place says the same at once.
if "sniffio" not in sys.modules and find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]


class Http:
    """A connection pool for each system; proxies of the environment are not for the systems under care.

    One pool for all would look at every connection each time a request begins or ends: more work than the requests.
    """

    def __init__(self, settings: TargetSettings, line: Line | None = None) -> None:
        self._settings, self._line = settings, line
        self._clients: dict[tuple[bool, str], httpx.AsyncClient] = {}
        self._under_way: set[asyncio.Task[Any]] = set()

    async def request(
        self,
        method: str,
        url: str,
        *,
        deadline: float,
        headers: Mapping[str, str],
        content: bytes | None,
        redirects: bool = False,
        insecure: bool = False,
        keep: int = KEPT,
    ) -> HttpAnswer:
        """Send one request; only a 2xx answer returns."""
        where = self._settings.rewrite(url)
        try:
            sent, place = self._authorized(url, headers), host_and_port(where)
        except ValueError as error:
            raise RejectedError(f"not a usable address: {where} ({error})", code="url") from error
        began, sending = time.perf_counter(), _Sending()
        stream = self._client(place, insecure=insecure).stream(
            method,
            where,
            headers=sent,
            content=content,
            follow_redirects=redirects,
            extensions={"trace": sending.note},
        )
        try:
            response, body, truncated = await self._within(deadline, _exchange(stream, keep))
        except TimeoutError:
            raise trouble.timed_out(deadline, begun=sending.begun) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise RejectedError(f"not a usable address: {where} ({error})", code="url") from error
        except httpx.HTTPError as error:
            raise self._told(trouble.from_network(error, place), sending) from error
        text = body.decode(_charset(response), errors="replace")
        if response.is_success:
            took = time.perf_counter() - began
            return HttpAnswer(response.status_code, text, took, truncated, dict(response.headers))
        excerpt = redact(" ".join(plain(text[:_EXCERPT]).split()), self._settings.known_secrets())
        raise trouble.from_status(response.status_code, excerpt, response.headers.get("retry-after", ""))

    async def _within(self, deadline: float, exchange: Coroutine[Any, Any, _Exchanged]) -> _Exchanged:
        """In a task of its own, which is cancelled once and then left to close its connection.

        httpcore keeps a connection for ever whose closing is cancelled again, and a hundred of those fill its pool;
        our deadline and the one around the whole probe come within milliseconds of each other.
        """
        task = asyncio.create_task(exchange)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.wait({task}, timeout=deadline)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CLOSING)
            raise TimeoutError
        return task.result()

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # told by who waits for it; here it only must not be called forgotten

    def _client(self, place: str, *, insecure: bool) -> httpx.AsyncClient:
        if (insecure, place) not in self._clients:
            transport = httpx.AsyncHTTPTransport(verify=_lax() if insecure else context(), trust_env=False)
            if self._line is not None:
                transport._pool._network_backend = _Far(self._line)  # noqa: SLF001 - httpx has no parameter for it
            # One deadline around the whole request, and so none of httpx's, which start anew with each chunk.
            self._clients[insecure, place] = httpx.AsyncClient(
                transport=transport,
                trust_env=False,
                timeout=None,  # noqa: S113
            )
        return self._clients[insecure, place]

    def _authorized(self, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers, with the bearer token if the address as written in the runbook is the API's."""
        named = {name.lower() for name in headers}
        token = self._settings.api_token
        if not token or "authorization" in named or origin(url) != origin(self._settings.api_url):
            return dict(headers)
        return {**headers, "Authorization": f"Bearer {token}"}

    def _told(self, error: AtsError, sending: "_Sending") -> AtsError:
        error.args = (redact(str(error), self._settings.known_secrets()),)
        error.begun = sending.begun
        return error

    async def close(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_CLOSING)
        for client in self._clients.values():
            await client.aclose()


@cache
def _lax() -> ssl.SSLContext:
    """Trusts whoever answers: made once, for what is asked with `insecure`."""
    return httpx.create_ssl_context(verify=False, trust_env=False)


class _Far(httpcore.AnyIOBackend):
    """Connections that begin on the target; TLS goes through them untouched."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    async def connect_tcp(  # the signature is httpcore's
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        del local_address, socket_options
        async with self._line.door(host, port) as door:
            return await self.connect_unix_socket(door.path, timeout=timeout)


class _Sending:
    """Whether any of a request has been sent: before that, nothing can have happened."""

    begun = False

    async def note(self, event: str, _info: object) -> None:
        self.begun = self.begun or event.endswith("send_request_headers.started")


def _charset(response: httpx.Response) -> str:
    """The answer's own, if it is one."""
    named = response.charset_encoding or "utf-8"
    try:
        codecs.lookup(named)
    except (LookupError, ValueError):
        return "utf-8"
    return named


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a token is for."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def host_and_port(url: str) -> str:
    _, host, port = origin(url)
    return f"{host}:{port}"


async def _exchange(stream: AbstractAsyncContextManager[httpx.Response], keep: int) -> _Exchanged:
    async with stream as response:
        body, truncated = await _read(response, keep)
    return response, body, truncated


async def _read(response: httpx.Response, keep: int) -> tuple[bytes, bool]:
    """The beginning of the body; what is beyond it is never received."""
    body = bytearray()
    async for chunk in response.aiter_bytes(16 * 1024):
        body += chunk
        if len(body) > keep:
            return bytes(body[:keep]), True
    return bytes(body), False
