"""PagerDuty's Events API v2: an alert by a routing key, in nobody's name, deduplicated by its key."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from bot.clients.pagerduty_errors import not_understood, unreachable
from bot.clients.pagerduty_wire import is_loopback
from bot.errors import AtsError, RateLimitedError, RejectedError, ServerError
from bot.tls import context

SUMMARY: Final = 1024
DEADLINE: Final = 8.0  # seconds
_ACCEPTED: Final = 202
_TOO_MANY: Final = 429
_SERVER: Final = 500


class Events:
    """Triggers by the routing key of a kind; a second event with the same key is the same alert."""

    def __init__(self, url: str, keys: Mapping[str, str]) -> None:
        """`keys`: routing keys by "trading" and "security"; an empty one means: not by this way."""
        self._url, self._keys = url.rstrip("/"), dict(keys)

    def takes(self, kind: str) -> bool:
        """Whether there is a routing key for what is declared."""
        return kind in {"incident", "corruption", "security"} and bool(self._key(kind))

    def _key(self, kind: str) -> str:
        return self._keys.get("security" if kind == "security" else "trading", "")

    async def trigger(
        self, kind: str, *, key: str, summary: str, severity: str, details: Mapping[str, Any]
    ) -> None:
        """Raise the alert; safe to repeat. Raises bot.errors."""
        payload = {
            "summary": summary[:SUMMARY],
            "source": "ats-bot",
            "severity": severity,
            "custom_details": details,
        }
        event = {
            "routing_key": self._key(kind), "event_action": "trigger", "dedup_key": key, "payload": payload,
        }  # fmt: skip
        try:
            async with httpx.AsyncClient(
                timeout=DEADLINE, verify=context(), trust_env=not is_loopback(self._url)
            ) as client:
                answer = await client.post(f"{self._url}/v2/enqueue", json=event)
        except httpx.HTTPError as error:
            raise unreachable(type(error).__name__, wrote=False) from None  # repeating it is the same alert
        if answer.status_code != _ACCEPTED:
            raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> AtsError:
        if answer.status_code == _TOO_MANY:
            return RateLimitedError(retry_after=5.0)
        if answer.status_code >= _SERVER:
            return ServerError("PagerDuty's Events API failed by itself.")
        if answer.status_code // 100 == 2:  # noqa: PLR2004 - 2xx
            return not_understood("POST /v2/enqueue")
        return RejectedError(
            "PagerDuty's Events API refused the event. Check PAGERDUTY_ROUTING_KEY.",
            code=str(answer.status_code),
        )
