"""Trigger ids: good for one view within three seconds of real time."""

import secrets
import time
from dataclasses import dataclass

from sandbox.slack.errors import SlackError

LIFETIME_SECONDS = 3.0


@dataclass(slots=True)
class _Trigger:
    user: str
    issued: float
    used: bool = False


class Triggers:
    """Issues trigger ids and honours each once."""

    def __init__(self, lifetime: float = LIFETIME_SECONDS) -> None:
        self.lifetime = lifetime
        self._issued: dict[str, _Trigger] = {}

    def issue(self, user: str) -> str:
        trigger_id = f"{time.time_ns() // 1_000_000}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._issued[trigger_id] = _Trigger(user, time.monotonic())
        return trigger_id

    def exchange(self, trigger_id: str) -> str:
        """The user who acted; raises expired_trigger_id, exchanged_trigger_id or invalid_trigger_id."""
        trigger = self._issued.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if time.monotonic() - trigger.issued > self.lifetime:
            raise SlackError("expired_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        trigger.used = True
        return trigger.user
