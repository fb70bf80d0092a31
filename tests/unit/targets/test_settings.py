import pytest

from bot.errors import ConfigError
from bot.targets import TargetSettings
from bot.targets.http import origin
from bot.targets.sql import place

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


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("host=db user=app password=s3cret dbname=x", {"s3cret"}),
        ("host=db password='s3cret' dbname=x", {"s3cret"}),
        ("postgresql:///x?host=db&password=s%40cret", {"s%40cret", "s@cret"}),
        ("postgresql://[broken", set()),
        ("", set()),
    ],
)
def test_passwords_in_any_form(url: str, secrets: set[str]) -> None:
    """libpq's other ways to write a password are known too, and a broken URL is no crash."""
    assert set(TargetSettings(database_url=url).known_secrets()) == secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:geheim@db:5433/x", "db:5433"),
        ("postgresql://u:geheim@db/x", "db:5432"),
        ("postgresql:///x?host=%2Ftmp%2Frun", "the local socket"),
        ("host=db password=geheim", "db:5432"),
        ("dbname=x", "the local socket"),
    ],
)
def test_places_of_databases(url: str, shown: str) -> None:
    """People are told host and port, in whatever form the address is given."""
    assert place(url) == shown


def test_an_unreadable_database_url_is_a_setting_to_correct() -> None:
    """A broken address is a ConfigError that does not repeat it."""
    with pytest.raises(ConfigError, match=r"^not configured: the target's DATABASE_URL") as raised:
        place("postgresql://u:geheim@[db/x")
    assert "geheim" not in str(raised.value)
