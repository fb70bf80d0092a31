import errno
import socket
import ssl

import pytest

from bot.errors import (
    AtsError,
    RateLimitedError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from bot.targets import trouble


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), UnreachableError, "refused: nothing listens on h:1"),
        (FileNotFoundError(errno.ENOENT, "x"), UnreachableError, "refused: there is no socket h:1"),
        (socket.gaierror(-2, "x"), UnreachableError, "DNS: the name h is not known"),
        (PermissionError(errno.EACCES, "x"), UnauthorizedError, "no permission: h:1 may not be used by this user"),
        (OSError(errno.EHOSTUNREACH, "No route"), UnreachableError, "unreachable: h:1: No route"),
        (ConnectionResetError(errno.ECONNRESET, "x"), UnreachableError, "broken off: h:1 closed the connection"),
        (ssl.SSLError(1, "wrong version"), UnreachableError, "TLS: h:1 does not speak it as expected"),
        (ValueError("odd"), UnreachableError, "broken off: h:1 closed the connection or spoke something else (odd)"),
    ],
)  # fmt: skip
def test_causes_of_network_failures(error: Exception, kind: type[AtsError], words: str) -> None:
    """The cause is found below the library's own error, also in a group, and comes first in the words."""
    outer = RuntimeError("library")
    outer.__cause__ = ExceptionGroup("all attempts", [error])
    for given in (error, outer):
        found = trouble.from_network(given, "h:1")
        assert type(found) is kind
        if given is error or words.split(":", maxsplit=1)[0] != "broken off":
            assert str(found).startswith(words)


@pytest.mark.parametrize(
    ("status", "kind", "begins"),
    [
        (401, UnauthorizedError, "401: the token is missing or wrong"),
        (403, UnauthorizedError, "403: the token lacks the right"),
        (404, RejectedError, "404: the request was refused: “body”"),
        (302, RejectedError, "302: it points elsewhere"),
        (429, RateLimitedError, "429: asked to wait 7 s"),
        (500, ServerError, "500: the far side failed: “body”"),
        (503, ServerError, "503: the far side failed"),
    ],
)
def test_statuses(status: int, kind: type[AtsError], begins: str) -> None:
    """Each refusing status has its error class, and words that begin with the number."""
    error = trouble.from_status(status, "body", "7")
    assert type(error) is kind
    assert str(error).startswith(begins)


@pytest.mark.parametrize(
    ("text", "state", "kind", "begins"),
    [
        ('connection to server at "db" failed: FATAL:  remaining connection slots are reserved for roles with x',
         None, ServerError, "connections exhausted: db:5432 has none left (remaining connection slots are"),
        ("FATAL:  sorry, too many clients already", None, ServerError, "connections exhausted"),
        ("connection failed: Connection refused\n\tIs the server running?", None, UnreachableError,
         "refused: nothing listens on db:5432"),
        ('failed to resolve host "db": Name or service not known', None, UnreachableError, "DNS: the name db is"),
        ('FATAL:  password authentication failed for user "x"', None, UnauthorizedError, "no permission: db:5432"),
        ('FATAL:  database "nope" does not exist', None, RejectedError, "refused by PostgreSQL: database"),
        ("FATAL:  the database system is starting up", None, ServerError, "not ready: the database system"),
        ("canceling statement due to statement timeout", "57014", UnreachableError, "timed out after 3 s"),
        ("permission denied for table trades", "42501", UnauthorizedError, "no permission: permission denied"),
        ("cannot execute DELETE in a read-only transaction", "25006", RejectedError, "refused by PostgreSQL: cannot"),
        ("terminating connection due to administrator command", "57P01", ServerError, "PostgreSQL failed"),
    ],
)  # fmt: skip
def test_what_postgresql_says(text: str, state: str | None, kind: type[AtsError], begins: str) -> None:
    """libpq's texts and the server's states become the right class; exhaustion is known by its FATAL text."""
    error = trouble.from_postgres(text, state, "db:5432", 3.0)
    assert type(error) is kind
    assert str(error).startswith(begins)
