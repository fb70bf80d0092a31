import asyncio
from typing import Any

import pytest

from sandbox.platform.resp import ProtocolError, Refusal, Simple, encode, read_command


def reader(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


@pytest.mark.parametrize(
    ("value", "version", "wire"),
    [
        (Simple("OK"), 2, b"+OK\r\n"),
        (Refusal("ERR no"), 2, b"-ERR no\r\n"),
        (None, 2, b"$-1\r\n"),
        (None, 3, b"_\r\n"),
        (7, 2, b":7\r\n"),
        (True, 2, b":1\r\n"),
        ("größe", 2, b"$7\r\ngr\xc3\xb6\xc3\x9fe\r\n"),
        (["a", [1]], 2, b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n"),
        ({"a": 1}, 2, b"*2\r\n$1\r\na\r\n:1\r\n"),
        ({"a": 1}, 3, b"%1\r\n$1\r\na\r\n:1\r\n"),
    ],
)
def test_replies(value: Any, version: int, wire: bytes) -> None:
    """Each kind of reply has the bytes that the protocol demands."""
    assert encode(value, version=version) == wire


async def test_commands_as_array_and_inline() -> None:
    """Clients send arrays; a person with telnet sends a line."""
    stream = reader(b"*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\nPING hello\r\n")
    assert await read_command(stream) == ["INFO", "memory"]
    assert await read_command(stream) == ["PING", "hello"]
    assert await read_command(stream) is None


@pytest.mark.parametrize(
    "wire", [b"*x\r\n", b"*99999\r\n", b"*1\r\n:1\r\n", b"*1\r\n$-4\r\n", b"*1\r\n$999999999\r\n"]
)
async def test_nonsense_is_refused(wire: bytes) -> None:
    """A length that is absurd is never waited for."""
    with pytest.raises(ProtocolError):
        await read_command(reader(wire))
