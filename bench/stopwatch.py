"""When which request reached the local Slack: the bench's own clock around the sandbox's app."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

Wanted = Callable[[str, bytes], bool]  # path, body


class Stopwatch:
    """An ASGI app around another one; tells who waits for a request that it has arrived, and when."""

    def __init__(self) -> None:
        self.app: Any = None  # known only after its address is
        self.last = time.perf_counter()
        self.under_way = 0
        self._waiting: list[tuple[Wanted, asyncio.Future[float]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(("/slack/", "/pagerduty/")):
            await self.app(scope, receive, send)
            return
        self.under_way += 1
        try:
            await self.app(scope, self._watched(scope["path"], receive), send)
        finally:
            self.under_way -= 1
            self.last = time.perf_counter()

    def _watched(self, path: str, receive: Any) -> Any:
        arrived, body = time.perf_counter(), bytearray()

        async def listen() -> Any:
            message = await receive()
            if message["type"] == "http.request":
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    self._tell(path, bytes(body), arrived)
            return message

        return listen

    def _tell(self, path: str, body: bytes, arrived: float) -> None:
        for waiting in self._waiting:
            wanted, future = waiting
            if wanted(path, body):
                self._waiting.remove(waiting)
                if not future.done():
                    future.set_result(arrived)
                return

    def next(self, wanted: Wanted) -> "asyncio.Future[float]":
        """The instant (perf_counter) at which the next such request arrives; each is told to one only."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        return future

    async def quiet(self, seconds: float) -> None:
        """Return when nothing has been asked of the local Slack and PagerDuty for so long."""
        while self.under_way or time.perf_counter() - self.last < seconds:  # noqa: ASYNC110 - a pause
            await asyncio.sleep(seconds / 4)


def a_message(words: str) -> Wanted:
    """A chat.postMessage that contains these words, which JSON must not escape."""
    return lambda path, body: path == "/slack/api/chat.postMessage" and words.encode() in body


def posted_or_changed(words: str) -> Wanted:
    """A chat.postMessage or chat.update that contains these words."""
    paths = {"/slack/api/chat.postMessage", "/slack/api/chat.update"}
    return lambda path, body: path in paths and words.encode() in body


def an_answer(path: str, _body: bytes) -> bool:
    """An answer to a command, at its response_url."""
    return path.startswith("/slack/response/")
