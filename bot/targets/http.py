"""HTTP to a system under care."""

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from bot.errors import AtsError, RejectedError
from bot.targets import trouble
from bot.targets.answers import KEPT, HttpAnswer
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings

_EXCERPT = 200  # characters of a refusal's body that its error shows
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Http:
    """One connection pool; proxies of the environment are not for the systems under care."""

    def __init__(self, settings: TargetSettings) -> None:
        self._settings = settings
        # One deadline around the whole request, and so none of httpx's, which start anew with each chunk.
        self._client = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113

    async def request(
        self, method: str, url: str, *, deadline: float, headers: Mapping[str, str], content: bytes | None
    ) -> HttpAnswer:
        """Send one request; only a 2xx answer returns."""
        where = self._settings.rewrite(url)
        try:
            sent, place = self._authorized(url, headers), host_and_port(where)
        except ValueError as error:
            raise RejectedError(f"not a usable address: {where} ({error})", code="url") from error
        began = time.perf_counter()
        try:
            async with (
                asyncio.timeout(deadline),
                self._client.stream(method, where, headers=sent, content=content) as response,
            ):
                body, truncated = await _read(response)
        except TimeoutError:
            raise trouble.timed_out(deadline) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise RejectedError(f"not a usable address: {where} ({error})", code="url") from error
        except httpx.HTTPError as error:
            raise self._redacted(trouble.from_network(error, place)) from error
        text = body.decode(response.charset_encoding or "utf-8", errors="replace")
        if response.is_success:
            return HttpAnswer(response.status_code, text, time.perf_counter() - began, truncated)
        excerpt = redact(" ".join(text[:_EXCERPT].split()), self._settings.known_secrets())
        raise trouble.from_status(response.status_code, excerpt, response.headers.get("retry-after", ""))

    def _authorized(self, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers, with the bearer token if the address as written in the runbook is the API's."""
        named = {name.lower() for name in headers}
        token = self._settings.api_token
        if not token or "authorization" in named or origin(url) != origin(self._settings.api_url):
            return dict(headers)
        return {**headers, "Authorization": f"Bearer {token}"}

    def _redacted(self, error: AtsError) -> AtsError:
        error.args = (redact(str(error), self._settings.known_secrets()),)
        return error

    async def close(self) -> None:
        await self._client.aclose()


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a token is for."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def host_and_port(url: str) -> str:
    _, host, port = origin(url)
    return f"{host}:{port}"


async def _read(response: httpx.Response) -> tuple[bytes, bool]:
    """The beginning of the body; what is beyond it is never received."""
    body = bytearray()
    async for chunk in response.aiter_bytes(16 * 1024):
        body += chunk
        if len(body) > KEPT:
            return bytes(body[:KEPT]), True
    return bytes(body), False
