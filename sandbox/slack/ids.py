"""Ids, random strings and message timestamps, as Slack shapes them."""

import secrets
import string
from datetime import datetime

_ALPHABET = string.ascii_uppercase + string.digits
_MIXED = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 10) -> str:
    """An id such as `V0X7…`: a prefix that tells the kind, then capitals and digits."""
    return prefix + "0" + "".join(secrets.choice(_ALPHABET) for _ in range(length - len(prefix) - 1))


def short_id(length: int = 5) -> str:
    """What Slack gives a block or an element that came without an id."""
    return "".join(secrets.choice(_MIXED) for _ in range(length))


class Timestamps:
    """Message timestamps: `seconds.microseconds`, never the same twice, never backwards."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: datetime) -> str:
        micros = max(int(now.timestamp() * 1_000_000), self._last + 1)
        self._last = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())
