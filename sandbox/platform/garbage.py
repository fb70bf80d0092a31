"""What a broken system answers instead of an answer."""

_DATA = {
    "garbage": b"<html><body>nonsense</body></html>\n",
    "huge": b"x" * 79 + b"\n",
    "binary": bytes(range(256)),
    "ansi": b"\x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07\n",
    "utf8": b"\xff\xfe\xc3( not utf-8\n",
    "drip": b".",
}
_HUGE = 131_072  # lines: 10 MB
_DRIP = 0.05  # seconds


def data(kind: str) -> bytes:
    """The bytes of that kind."""
    return _DATA[kind] * (_HUGE if kind == "huge" else 1)


def pause(kind: str) -> float:
    """Seconds between two bytes of what drips, for ever; 0 for what comes at once."""
    return _DRIP if kind == "drip" else 0.0
