import pytest

from bot.targets import TargetSettings
from bot.targets.http import origin

REWRITES = {
    "http://localhost:8000": "http://127.0.0.1:8025/platform/api",
    "http://localhost:8000/special": "http://127.0.0.1:9",
}


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("http://localhost:8000/api/health", "http://127.0.0.1:8025/platform/api/api/health"),
        ("http://localhost:8000", "http://127.0.0.1:8025/platform/api"),
        ("http://localhost:8000?x=1", "http://127.0.0.1:8025/platform/api?x=1"),
        ("http://localhost:8000/special/x", "http://127.0.0.1:9/x"),
        ("http://localhost:8000/specials", "http://127.0.0.1:8025/platform/api/specials"),
        ("http://localhost:80001/x", "http://localhost:80001/x"),
        ("http://localhost:8000.evil.example/x", "http://localhost:8000.evil.example/x"),
        ("http://localhost:3001/status", "http://localhost:3001/status"),
    ],
)
def test_rewrites_end_at_a_boundary(url: str, called: str) -> None:
    """The longest prefix wins, and a prefix never ends in the middle of a port, host or path part."""
    assert TargetSettings(rewrites=REWRITES).rewrite(url) == called


def test_known_secrets_include_passwords_of_urls() -> None:
    """Passwords in the configured addresses count as secrets, as written and decoded."""
    settings = TargetSettings(
        database_url="postgresql://app:p%40ssword@db/ats",
        redis_url="redis://:other1@r",
        api_token="tok",
        secrets=("more",),
    )
    assert set(settings.known_secrets()) == {"tok", "p%40ssword", "p@ssword", "other1", "more"}


def test_origins() -> None:
    """Scheme, host and port make an origin; the port may be left out."""
    assert origin("https://A.example/x") == ("https", "a.example", 443)
    assert origin("http://localhost:8000/api") != origin("http://localhost:8001/api")
