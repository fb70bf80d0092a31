"""The head and the tail of a stream, however long it is. Pure."""

import re
from collections import deque
from collections.abc import Callable

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]+[0-~]|[0-Z\\-~])|\x9b[0-?]*[ -/]*[@-~]"
)
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BINARY = 0.1  # of the characters: text has fewer that cannot be shown

Progress = Callable[[str], None]


def plain(text: str) -> str:
    """The text without colours, cursor movements and other characters that cannot be shown."""
    return _UNSEEN.sub("�", _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def is_binary(text: str) -> bool:
    """Whether a decoded text is no text."""
    return bool(text) and sum(c == "�" for c in text) > _BINARY * len(text)


class Kept:
    """The head and the tail of a stream; whole lines are told to `progress` as they come."""

    def __init__(self, limit: int, progress: Progress | None = None) -> None:
        self._limit = limit // 2  # bytes, for each of the two
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0
        self._progress = progress
        self._line = b""

    @property
    def left_out(self) -> bool:
        return self._dropped > 0

    def feed(self, chunk: bytes) -> None:
        room = self._limit - len(self._head)
        self._head += chunk[:room]
        rest = chunk[room:]
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail_size > self._limit:
            self._drop()
        if self._progress is not None:
            self._tell(chunk)

    def _drop(self) -> None:
        excess = self._tail_size - self._limit
        first = self._tail.popleft()
        gone = min(excess, len(first))
        if first[gone:]:
            self._tail.appendleft(first[gone:])
        self._tail_size -= gone
        self._dropped += gone

    def _tell(self, chunk: bytes) -> None:
        *lines, self._line = (self._line + chunk).split(b"\n")
        self._line = self._line[-self._limit :]
        for line in lines:
            if self._progress is not None:
                self._progress(plain(line.decode("utf-8", errors="replace")))

    def raw(self) -> bytes:
        """What was kept, as it came, with a note of how much is missing."""
        note = f"\n… {self._dropped:,} bytes left out …\n".encode() if self._dropped else b""
        return bytes(self._head) + note + b"".join(self._tail)

    def text(self) -> str:
        """What was kept, decoded, without colours, and with a note of how much is missing."""
        return plain(self.raw().decode("utf-8", errors="replace"))
