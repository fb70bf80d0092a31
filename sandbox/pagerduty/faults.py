"""Faults on purpose: what a test or a drill makes the local PagerDuty do wrong."""

import asyncio
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sandbox.pagerduty.errors import ApiError, access_denied, throttled, unauthorized

RATE_LIMITED = 429


@dataclass(slots=True)
class Fault:
    """One fault; `left` requests will still suffer it (negative: all of them)."""

    match: str
    left: int
    status: int | None = None
    retry_after: float | None = None
    delay: float = 0.0
    drop: bool = False
    after: bool = False
    hang: bool = False
    body: Any = None

    @property
    def spoils_answer(self) -> bool:
        """False for a mere delay."""
        return self.drop or self.hang or self.status is not None

    def answer(self) -> Any:
        """The JSON of its answer: `body`, or PagerDuty's own shape for the status."""
        if self.body is not None:
            return self.body
        known = {401: unauthorized(), 403: access_denied(), RATE_LIMITED: throttled()}
        error = known.get(self.status or 0) or ApiError(self.status or 500, 2000, "Internal Server Error")
        return error.body


class Faults:
    """Faults waiting to happen. `match` is "PUT /incidents/*", with wildcards; "*" is every request."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._down: Fault | None = None
        self.released = asyncio.Event()

    def fail(
        self,
        match: str,
        *,
        times: int = 1,
        status: int | None = None,
        retry_after: float | None = None,
        delay: float = 0.0,
        drop: bool = False,
        after: bool = False,
        body: Any = None,
    ) -> None:
        """Make the next `times` matching requests (-1: every one) fail, or only wait `delay` seconds.

        Args:
            match: method and path with wildcards, e.g. "GET /incidents/*/alerts" or "*".
            times: how many requests suffer it.
            status: the HTTP status of the answer.
            retry_after: seconds in `ratelimit-reset`; alone it makes the status 429.
            delay: seconds before the answer.
            drop: close the connection without a whole answer.
            after: carry the request out first, then lose or spoil its answer.
            body: the JSON of the answer instead of the usual error.
        """
        if retry_after is not None and status is None:
            status = RATE_LIMITED
        fault = Fault(match, times, status, retry_after, delay, drop, after, body=body)
        if after and not fault.spoils_answer:
            fault.drop = True
        self._waiting.append(fault)

    def hang(self, match: str = "*", *, times: int = 1, after: bool = False) -> None:
        """Never answer; the request ends when the caller gives up or `clear` is called."""
        self._waiting.append(Fault(match, times, hang=True, after=after))

    def down(self, status: int | None = 503) -> None:
        """Every request fails until `up`; with None the connection is closed without an answer."""
        self._down = Fault("*", -1, status=status, drop=status is None)

    def up(self) -> None:
        self._down = None

    def clear(self) -> None:
        """Forget what has not happened yet, and let go of the requests that hang."""
        self._waiting.clear()
        self._down = None
        self.released.set()
        self.released = asyncio.Event()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request suffers, used up by it."""
        if self._down is not None:
            return self._down
        request = f"{method} {path}"
        for fault in self._waiting:
            if fault.match == "*" or fnmatchcase(request, fault.match):
                fault.left -= 1
                if fault.left == 0:
                    self._waiting.remove(fault)
                return fault
        return None
