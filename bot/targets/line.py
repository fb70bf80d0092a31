"""A way to the systems that only the target itself can reach: what its `localhost` is."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Door:
    """Where to connect: a Unix socket, or a port of 127.0.0.1 when `path` is empty."""

    path: str
    port: int

    @property
    def folder(self) -> str:
        return str(Path(self.path).parent)


class Line(Protocol):
    """Forwarded connections."""

    def door(self, host: str, port: int, *, tcp: bool = False) -> AbstractAsyncContextManager[Door]:
        """A socket here that leads to `host:port` there, for one connection; raises an AtsError when it does not."""
        ...
