"""What comes back from a system under care."""

import json
from dataclasses import dataclass

from bot.errors import ServerError

KEPT = 64 * 1024  # bytes of an answer that are kept


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A successful (2xx) HTTP response."""

    status: int
    text: str
    took: float  # seconds
    truncated: bool = False

    def json(self) -> object:
        """The body as JSON; raises ServerError when it is something else."""
        try:
            parsed: object = json.loads(self.text)
        except ValueError:
            cut = " (cut)" if self.truncated else ""
            begins = " ".join(self.text[:60].split())
            raise ServerError(f"{self.status}, but not JSON{cut}: “{begins}”") from None
        return parsed


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """The rows of a query, at most as many as were asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    took: float  # seconds
    truncated: bool = False  # there were more rows


@dataclass(frozen=True, slots=True)
class ExecAnswer:
    """How a program ended and what it printed; a status other than 0 is an answer, not an error."""

    exit: int  # negative: killed by that signal
    stdout: str
    stderr: str
    took: float  # seconds
    truncated: bool = False
