"""`response_url`s: each takes five messages within thirty minutes of real time."""

import secrets
import time
from dataclasses import dataclass

MOST_USES = 5
LIFETIME_SECONDS = 30 * 60.0


@dataclass(slots=True)
class ResponseUrl:
    """Where a response goes: the channel, the person, and the message that was acted upon."""

    channel: str
    user: str
    issued: float
    message_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


class ResponseUrls:
    """Issues response URLs' tokens and counts their uses; both limits can be set."""

    def __init__(self) -> None:
        self.most_uses = MOST_USES
        self.lifetime = LIFETIME_SECONDS
        self._issued: dict[str, ResponseUrl] = {}

    def issue(
        self, channel: str, user: str, *, message_ts: str | None = None, thread_ts: str | None = None
    ) -> str:
        token = secrets.token_urlsafe(18)
        self._issued[token] = ResponseUrl(channel, user, time.monotonic(), message_ts, thread_ts)
        return token

    def find(self, channel: str, token: str) -> ResponseUrl | None:
        """What the token stands for, while it may still be used."""
        found = self._issued.get(token)
        if found is None or found.channel != channel or found.uses >= self.most_uses:
            return None
        return None if time.monotonic() - found.issued > self.lifetime else found
