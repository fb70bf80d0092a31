"""The Redis protocol (RESP2, and the few RESP3 types that a reply needs): reading and writing."""

from asyncio import StreamReader
from typing import Any

_MOST_PARTS = 1024
_MOST_BYTES = 1024 * 1024


class ProtocolError(ValueError):
    """What arrived is not the Redis protocol."""


class Refusal(str):
    """An error reply, e.g. Refusal("NOAUTH Authentication required.")."""

    __slots__ = ()


class Simple(str):
    """A status reply, e.g. Simple("PONG")."""

    __slots__ = ()


async def read_command(reader: StreamReader) -> list[str] | None:
    """The next command, inline or as an array; None when the client has gone.

    Raises:
        ProtocolError: what arrived is neither.
    """
    line = await reader.readline()
    if not line:
        return None
    if not line.startswith(b"*"):
        return line.decode("utf-8", "replace").split()
    return [await _bulk(reader) for _ in range(_number(line[1:], _MOST_PARTS))]


async def _bulk(reader: StreamReader) -> str:
    line = await reader.readline()
    if not line.startswith(b"$"):
        raise ProtocolError(f"expected '$', got '{line[:1].decode('latin-1')}'")
    size = _number(line[1:], _MOST_BYTES)
    data = await reader.readexactly(size + 2)
    return data[:-2].decode("utf-8", "replace")


def _number(text: bytes, most: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ProtocolError("invalid multibulk length") from None
    if not 0 <= number <= most:
        raise ProtocolError("invalid multibulk length")
    return number


def encode(value: Any, *, version: int = 2) -> bytes:  # noqa: PLR0911 (one for each type)
    """One reply. A dict is a map in RESP3 and a flat array in RESP2."""
    match value:
        case Refusal():
            return f"-{value}\r\n".encode()
        case Simple():
            return f"+{value}\r\n".encode()
        case None:
            return b"_\r\n" if version == 3 else b"$-1\r\n"  # noqa: PLR2004 (the protocol's own number)
        case bool() | int():
            return f":{int(value)}\r\n".encode()
        case dict():
            return _map(value, version)
        case list() | tuple():
            return b"*%d\r\n" % len(value) + b"".join(encode(item, version=version) for item in value)
        case _:
            data = str(value).encode()
            return b"$%d\r\n%s\r\n" % (len(data), data)


def _map(value: dict[Any, Any], version: int) -> bytes:
    pairs = [encode(item, version=version) for pair in value.items() for item in pair]
    head = b"%%%d\r\n" % len(value) if version == 3 else b"*%d\r\n" % len(pairs)  # noqa: PLR2004
    return head + b"".join(pairs)
