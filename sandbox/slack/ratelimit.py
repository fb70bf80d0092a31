"""Slack's rate limits: tiers per method and minute, and posting per channel.

Tiers 1 to 4 allow 1, 20, 50 and 100 calls of a method per minute. Posting allows one message per second and
channel in the long run; Slack tolerates short bursts without saying how many. Here a channel takes
`POST_BURST` at once, refilled at one per second, and the workspace 300 posts per minute.
"""

import math
from collections import deque
from collections.abc import Callable

TIER_PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}
MINUTE = 60.0
POST_BURST = 20
POSTS_PER_SECOND = 1.0
POSTS_PER_MINUTE = 300


class RateLimiter:
    """Counts calls; each question both asks and takes. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._tokens: dict[str, tuple[float, float]] = {}

    def take_call(self, method: str, tier: int) -> int | None:
        """None when the call may go ahead, else how many seconds to wait."""
        allowed = TIER_PER_MINUTE.get(tier)
        return None if allowed is None else self._take(method, allowed)

    def take_post(self, channel: str) -> int | None:
        """The same for a message to a channel."""
        now = self._clock()
        tokens, at = self._tokens.get(channel, (float(POST_BURST), now))
        tokens = min(POST_BURST, tokens + (now - at) * POSTS_PER_SECOND)
        if tokens < 1:
            self._tokens[channel] = (tokens, now)
            return max(1, math.ceil((1 - tokens) / POSTS_PER_SECOND))
        wait = self._take("posts of the workspace", POSTS_PER_MINUTE)
        if wait is None:
            self._tokens[channel] = (tokens - 1, now)
        return wait

    def _take(self, key: str, allowed: int) -> int | None:
        now = self._clock()
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        if len(calls) >= allowed:
            return max(1, math.ceil(calls[0] + MINUTE - now))
        calls.append(now)
        return None
