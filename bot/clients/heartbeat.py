"""Tell the outside that the bot is well: any URL, and an alert in PagerDuty when it is not."""

import functools
from typing import Final

import httpx

from bot.errors import UnreachableError
from bot.tls import context

DEDUP: Final = "ats-bot-heartbeat"


class Beats:
    """One far side that wants to hear from us regularly, one that wants to hear when something is wrong."""

    def __init__(
        self, *, url: str = "", events_url: str = "", routing_key: str = "", deadline: float = 8.0
    ) -> None:
        self.url, self._events, self._key = url, events_url.rstrip("/"), routing_key
        self._deadline = deadline

    @functools.cached_property
    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=self._deadline, follow_redirects=True, verify=context())

    @property
    def alerts(self) -> bool:
        return bool(self._key)

    async def ping(self) -> None:
        """GET the URL; raises UnreachableError. The URL is a secret of its own and is never named."""
        try:
            answer = await self._http.get(self.url)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise UnreachableError(f"The heartbeat's URL answered HTTP {error.response.status_code}.") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise UnreachableError(f"The heartbeat's URL cannot be reached: {type(error).__name__}.") from None

    async def alert(self, summary: str) -> None:
        """Something is sick: one alert, however often it is said."""
        payload = {"summary": summary[:1024], "source": "ats-bot", "severity": "critical"}
        await self._event({"event_action": "trigger", "payload": payload})

    async def well(self) -> None:
        """The alert is over."""
        await self._event({"event_action": "resolve"})

    async def _event(self, body: dict[str, object]) -> None:
        whole = {"routing_key": self._key, "dedup_key": DEDUP, **body}
        try:
            answer = await self._http.post(f"{self._events}/v2/enqueue", json=whole)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise UnreachableError(f"PagerDuty's Events API answered the heartbeat HTTP {status}.") from None
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"PagerDuty's Events API cannot be reached: {type(error).__name__}."
            ) from None

    async def close(self) -> None:
        if "_http" in vars(self):
            await self._http.aclose()
