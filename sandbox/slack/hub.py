"""What the browser pages hear about: one queue per open page, filled with what that person may see."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from sandbox.slack.workspace import Channel, Json, Workspace

HEARTBEAT_SECONDS = 15.0
_QUEUE_LENGTH = 1000


class Hub:
    """Fans changes out to the event streams of the client pages."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._queues: list[tuple[str, asyncio.Queue[Json | None]]] = []

    def to_channel(self, kind: str, channel: Channel, /, **fields: object) -> None:
        """Tell everyone who sees the channel."""
        event = {"type": kind, "channel": channel.id, **fields}
        for user, queue in self._queues:
            if self._workspace.sees(user, channel):
                self._put(queue, event)

    def to_user(self, kind: str, user_id: str, /, **fields: object) -> None:
        """Tell one person, in each of their pages."""
        for user, queue in self._queues:
            if user == user_id:
                self._put(queue, {"type": kind, **fields})

    async def stream(self, user: str) -> AsyncIterator[str]:
        """Server-sent events of one page, until the server closes."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue(_QUEUE_LENGTH)
        entry = (user, queue)
        self._queues.append(entry)
        try:
            yield ": hello\n\n"
            while True:
                event: Json | None = {}
                with contextlib.suppress(TimeoutError):
                    event = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
                if event is None:
                    return
                yield f"data: {json.dumps(event)}\n\n" if event else ": still here\n\n"
        finally:
            self._queues.remove(entry)

    def close(self) -> None:
        """End every stream."""
        for _, queue in self._queues:
            self._put(queue, None)

    @staticmethod
    def _put(queue: asyncio.Queue[Json | None], event: Json | None) -> None:
        # A page that does not read loses the oldest events, as a browser tab that slept would.
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(event)
