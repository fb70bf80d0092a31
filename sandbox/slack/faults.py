"""Faults on purpose: what a test or a drill makes the local Slack do wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(slots=True)
class Fault:
    """One fault of one method; `left` calls will still suffer it (negative: all of them)."""

    method: str
    left: int
    error: str | None = None
    status: int | None = None
    retry_after: int | None = None
    delay: float = 0.0
    drop: bool = False
    after: bool = False
    hang: bool = False

    @property
    def spoils_answer(self) -> bool:
        """False for a mere delay."""
        return self.drop or self.hang or self.error is not None or self.status is not None

    def body(self) -> dict[str, object]:
        default = "ratelimited" if self.http_status == HTTPStatus.TOO_MANY_REQUESTS else "internal_error"
        return {"ok": False, "error": self.error or default}

    @property
    def http_status(self) -> int:
        if self.status is not None:
            return self.status
        return 429 if self.retry_after is not None else 200


class Faults:
    """Faults waiting to happen. `method` is a Web API method, `response_url`, or `*` for every call."""

    def __init__(self, drop_sockets: Callable[[], None]) -> None:
        self._waiting: list[Fault] = []
        self._drop_sockets = drop_sockets
        self.released = asyncio.Event()

    def fail(
        self,
        method: str,
        *,
        times: int = 1,
        error: str | None = None,
        status: int | None = None,
        retry_after: int | None = None,
        delay: float = 0,
        drop: bool = False,
        after: bool = False,
    ) -> None:
        """Make the next `times` calls (-1: every call) of a method fail, or only wait `delay` seconds.

        Args:
            method: a Web API method, `response_url`, or `*`.
            times: how many calls suffer it.
            error: Slack's error code, answered with status 200 unless `status` says otherwise.
            status: the HTTP status; `retry_after` alone makes it 429.
            retry_after: seconds in the `Retry-After` header.
            delay: seconds before the answer.
            drop: close the connection without an answer.
            after: carry the call out first, then lose or spoil its answer.
        """
        if retry_after is not None and status is None:
            status = 429
        fault = Fault(method, times, error, status, retry_after, delay, drop, after)
        if after and not fault.spoils_answer:
            fault.drop = True
        self._waiting.append(fault)

    def hang(self, method: str, *, times: int = 1, after: bool = False) -> None:
        """Never answer; the call ends when the caller gives up or `clear` is called."""
        self._waiting.append(Fault(method, times, hang=True, after=after))

    def socket_drop(self) -> None:
        """Cut every Socket Mode connection, without a word."""
        self._drop_sockets()

    def clear(self) -> None:
        """Forget what has not happened yet, and let go of the calls that hang."""
        self._waiting.clear()
        self.released.set()
        self.released = asyncio.Event()

    def take(self, method: str) -> Fault | None:
        """The fault that this call suffers, used up by it."""
        for fault in self._waiting:
            if fault.method in (method, "*"):
                fault.left -= 1
                if fault.left == 0:
                    self._waiting.remove(fault)
                return fault
        return None
