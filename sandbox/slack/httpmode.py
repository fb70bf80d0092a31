"""HTTP mode: signed POSTs to the app's request URL."""

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from bot import tls
from sandbox.slack.delivery import Ack, Retry
from sandbox.slack.workspace import Json

USER_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"
_OK = 200


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature of a request body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class HttpTransport:
    """Posts to one request URL; a form for commands and interactions, JSON for events."""

    def __init__(self, request_url: str, signing_secret: str) -> None:
        self.request_url = request_url
        self.signing_secret = signing_secret
        # Without the environment: a proxy meant for the outside would break the loopback address.
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, verify=tls.context())

    async def send(self, kind: str, payload: Json, retry: Retry, seconds: float) -> Ack:
        body, content_type = _encode(kind, payload)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": content_type,
            "User-Agent": USER_AGENT,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self.signing_secret, timestamp, body),
        }
        if retry.attempt:
            headers |= {"X-Slack-Retry-Num": str(retry.attempt), "X-Slack-Retry-Reason": retry.reason}
        return await self._post(body, headers, seconds)

    async def _post(self, body: bytes, headers: dict[str, str], seconds: float) -> Ack:
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                response = await self._client.post(
                    self.request_url, content=body, headers=headers, timeout=seconds
                )
        except (TimeoutError, httpx.TimeoutException):
            return Ack(False, "operation_timeout", reason="http_timeout")
        except httpx.HTTPError:
            return Ack(False, "dispatch_failed", reason="connection_failed")
        took = time.monotonic() - began
        if response.status_code != _OK:
            return Ack(False, "dispatch_failed", seconds=took, reason="http_error")
        return Ack(True, payload=_decode(response), seconds=took)

    async def close(self) -> None:
        await self._client.aclose()


def _encode(kind: str, payload: Json) -> tuple[bytes, str]:
    if kind == "events_api":
        return json.dumps(payload).encode(), "application/json"
    fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    plain = {key: str(value).lower() if isinstance(value, bool) else value for key, value in fields.items()}
    return urlencode(plain).encode(), "application/x-www-form-urlencoded"


def _decode(response: httpx.Response) -> Any:
    if not response.content.strip():
        return None
    if "json" in response.headers.get("content-type", ""):
        try:
            return response.json()
        except ValueError:
            return response.text
    return response.text
