"""The local Slack's refusals, raised inside and turned into Slack's `{"ok": false, "error": …}` at the edge."""

from collections.abc import Sequence
from typing import Any


class SlackError(Exception):
    """Slack's own error code, with the fields that go beside it in the answer."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields

    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.fields}


class InvalidBlocksError(SlackError):
    """`invalid_blocks` of a message, or `invalid_arguments` of a view, naming each place by JSON pointer."""

    def __init__(self, problems: Sequence[str], *, code: str = "invalid_blocks") -> None:
        messages = [f"[ERROR] {problem}" for problem in problems]
        super().__init__(code, errors=list(problems), response_metadata={"messages": messages})


class InvalidArgumentsError(SlackError):
    """`invalid_arguments`: an argument is missing or of the wrong kind."""

    def __init__(self, *problems: str) -> None:
        super().__init__(
            "invalid_arguments",
            response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]},
        )


class RateLimitedCallError(SlackError):
    """HTTP 429 with `Retry-After`."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after
