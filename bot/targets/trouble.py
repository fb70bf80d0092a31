"""Why a system could not be reached, in words that begin with the cause. Pure."""

import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterator

from bot.errors import (
    AtsError,
    RateLimitedError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)

EXHAUSTED = "connections exhausted"  # how the ServerError of a full PostgreSQL begins
NOT_INSTALLED = "not installed"  # code of the RejectedError for a missing program


def timed_out(deadline: float, *, begun: bool = False) -> UnreachableError:
    """The deadline is over; `begun`: what was asked may have happened, or may happen yet."""
    error = UnreachableError(f"timed out after {round(deadline, 1) or round(deadline, 3):g} s")
    error.begun = begun
    return error


def not_installed(program: str) -> RejectedError:
    return RejectedError(f"not installed: no program `{program}` on PATH", code=NOT_INSTALLED)


def from_network(error: BaseException, where: str) -> AtsError:
    """The error tree's word for a failure to connect to `where` ("127.0.0.1:8000")."""
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return UnreachableError(f"DNS: the name {where.rsplit(':', 1)[0]} is not known")
        if isinstance(cause, ssl.SSLError):
            return UnreachableError(
                f"TLS: {where} does not speak it as expected ({getattr(cause, 'reason', None) or cause})"
            )
        if isinstance(cause, OSError) and cause.errno is not None:
            return _from_errno(cause.errno, where, cause.strerror or str(cause))
    return UnreachableError(f"broken off: {where} closed the connection or spoke something else ({error})")


def _from_errno(number: int, where: str, reason: str) -> AtsError:
    match number:
        case errno.ECONNREFUSED:
            return UnreachableError(f"refused: nothing listens on {where}")
        case errno.ENOENT:
            return UnreachableError(f"refused: there is no socket {where}")
        case errno.EACCES | errno.EPERM:
            return UnauthorizedError(f"no permission: {where} may not be used by this user")
        case errno.ETIMEDOUT:
            return UnreachableError(f"timed out: {where} does not answer")
        case errno.ECONNRESET | errno.EPIPE:
            return UnreachableError(f"broken off: {where} closed the connection")
        case _:
            return UnreachableError(f"unreachable: {where}: {reason}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what it came from, and the members of groups."""
    yield error
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for inner in (*members, error.__cause__ or error.__context__):
        if inner is not None:
            yield from _causes(inner)


def from_status(status: int, excerpt: str, retry_after: str = "") -> AtsError:
    """The error for an HTTP status other than 2xx; `excerpt` is the redacted beginning of the body."""
    said = f": “{excerpt}”" if excerpt else ""
    match status:
        case 401:
            return UnauthorizedError("401: the token is missing or wrong")
        case 403:
            return UnauthorizedError("403: the token lacks the right to do this")
        case 429:
            wait = float(retry_after) if retry_after.isdigit() else 1.0
            return RateLimitedError(f"429: asked to wait {wait:g} s", retry_after=wait)
        case _ if status >= 500:  # noqa: PLR2004 - HTTP
            return ServerError(f"{status}: the far side failed{said}")
        case _ if 300 <= status < 400:  # noqa: PLR2004 - HTTP
            return RejectedError(
                f"{status}: it points elsewhere, and redirects are not followed", code=str(status)
            )
        case _:
            return RejectedError(f"{status}: the request was refused{said}", code=str(status))


def from_postgres(text: str, sqlstate: str | None, where: str, deadline: float) -> AtsError:
    """The error for what PostgreSQL or libpq said; a refused connection has no sqlstate, only its text."""
    said = " ".join(text.split())
    if sqlstate is None:
        return _from_libpq(said, where, deadline)
    if sqlstate == "57014":
        return timed_out(deadline)
    if sqlstate == "42501":
        return UnauthorizedError(f"no permission: {said}")
    if sqlstate[:2] in {"57", "58", "08", "53", "XX"}:
        return ServerError(f"PostgreSQL failed: {said}")
    return RejectedError(f"refused by PostgreSQL: {said}", code=sqlstate)


def _from_libpq(said: str, where: str, deadline: float) -> AtsError:
    name, fatal = where.rsplit(":", 1)[0], said.rpartition("FATAL:")[2].strip()
    for cause, words in _LIBPQ:
        if words.search(said):
            return cause(where, name, fatal, deadline)
    return ServerError(f"PostgreSQL failed: {fatal}")


_LIBPQ: tuple[tuple[Callable[[str, str, str, float], AtsError], re.Pattern[str]], ...] = (
    (
        lambda where, _n, fatal, _d: ServerError(f"{EXHAUSTED}: {where} has none left ({fatal})"),
        re.compile(r"remaining connection slots|too many clients|too many connections"),
    ),
    (
        lambda where, _n, fatal, _d: UnreachableError(f"TLS: {where}: {fatal.rpartition('failed: ')[2]}"),
        re.compile(
            r"SSL error|does not support SSL|(?:server|root|client) certificate|certificate verify failed"
        ),
    ),
    (
        lambda where, *_: UnreachableError(f"refused: nothing listens on {where}"),
        re.compile(r"Connection refused|No such file or directory"),
    ),
    (
        lambda _w, name, *_: UnreachableError(f"DNS: the name {name} is not known"),
        re.compile(r"could not translate host name|failed to resolve host|Name or service not known"),
    ),
    (
        lambda where, _n, fatal, _d: UnauthorizedError(f"no permission: {where} refuses this user ({fatal})"),
        re.compile(r"authentication failed|no password supplied|no pg_hba\.conf entry"),
    ),
    (lambda *values: timed_out(values[-1]), re.compile(r"timeout expired")),
    (
        lambda _w, _n, fatal, _d: ServerError(f"not ready: {fatal}"),
        re.compile(r"the database system is"),
    ),
    (
        lambda _w, _n, fatal, _d: RejectedError(f"refused by PostgreSQL: {fatal}", code="3D000"),
        re.compile(r"does not exist"),
    ),
    (
        lambda where, *_: UnreachableError(f"broken off: {where} closed the connection"),
        re.compile(r"server closed the connection|connection is closed|Connection reset"),
    ),
)
