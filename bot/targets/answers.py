"""What comes back from a system under care."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.errors import ServerError

KEPT = 64 * 1024  # bytes of an answer that are kept


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A successful (2xx) HTTP response."""

    status: int
    text: str
    took: float  # seconds
    truncated: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

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
    said: str = ""  # the server's own word for what it did: "SELECT 3", "ALTER SYSTEM"
    reserved: bool = False  # it took the reserved connection


@dataclass(frozen=True, slots=True)
class ExecAnswer:
    """How a program ended and what it printed; a status other than 0 is an answer, not an error."""

    exit: int  # negative: killed by that signal
    stdout: str
    stderr: str
    took: float  # seconds
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One program of a pipe."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)  # on top of the target's
    stdout: str = ""  # "null", "stderr"; "": into the next program, or the answer
    stderr: str = ""  # "null", "stdout"


@dataclass(frozen=True, slots=True)
class PipeAnswer:
    """How the programs of a pipe ended, and what came out of it."""

    exits: tuple[int, ...]
    stdout: str  # of the last
    stderr: str  # of all of them
    took: float
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a WebSocket said first."""

    text: str
    connected: float  # seconds until the connection stood
    first: float | None  # seconds from then until the first message; None: it stayed silent
    truncated: bool = False
