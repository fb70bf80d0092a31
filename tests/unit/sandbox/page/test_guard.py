"""Which requests the sandbox refuses, and the headers of what it answers."""

import pytest
from starlette.datastructures import Headers

from sandbox.page.guard import is_loopback, policy_of, refusal_of


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8025", True),
        ("127.0.0.1", True),
        ("127.8.9.1:80", True),
        ("localhost:8025", True),
        ("LOCALHOST", True),
        ("[::1]:8025", True),
        ("", False),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:8025", False),
        ("evil.example#127.0.0.1", False),
        ("127.0.0.1:8025@evil.example", False),
        ("0.0.0.0:8025", False),
        ("192.168.1.4:8025", False),
        ("127.0.0.1:port", False),
        ("2130706433", False),
    ],
)
def test_only_a_name_of_this_machine_passes(host: str, expected: bool) -> None:
    """A Host that a DNS server could give away, or that is no host at all, is foreign."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("origin", "changes", "expected"),
    [
        (None, True, None),
        ("http://127.0.0.1:8025", True, None),
        ("http://127.0.0.1:9999", True, "foreign_origin"),
        ("https://127.0.0.1:8025", True, "foreign_origin"),
        ("http://localhost:8025", True, "foreign_origin"),
        ("https://evil.example", True, "foreign_origin"),
        ("null", True, "foreign_origin"),
        ("https://evil.example", False, None),
    ],
)
def test_a_change_must_come_from_the_same_origin(
    origin: str | None, changes: bool, expected: str | None
) -> None:
    """A change from another origin is refused; reading is left to the browser, which shows it to nobody else."""
    headers = {"host": "127.0.0.1:8025", **({"origin": origin} if origin is not None else {})}
    assert refusal_of(Headers(headers), changes=changes) == expected


def test_scripts_run_in_the_page_alone() -> None:
    """The page may load from itself; what people upload and what the APIs answer is data, in a sandbox."""
    assert policy_of("/").startswith("default-src 'self'")
    assert "unsafe" not in policy_of("/")
    assert policy_of("/static/js/main.js") == policy_of("/")
    for path in ("/slack/client/files/F1", "/control/state", "/pagerduty/incidents", "/platform/api-8000/"):
        assert policy_of(path).startswith("default-src 'none'; sandbox")
