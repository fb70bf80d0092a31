import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.targets.redact import HIDDEN, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://app:s3cr3t@db:5432/ats", f"postgres://app:{HIDDEN}@db:5432/ats"),
        ("psql postgresql://app:p%40ss@db/ats -c 'SELECT 1'", f"psql postgresql://app:{HIDDEN}@db/ats -c 'SELECT 1'"),
        ("redis://:hunter22@cache:6379/0", f"redis://:{HIDDEN}@cache:6379/0"),
        ("Authorization: Bearer abc.def-123456", f"Authorization: Bearer {HIDDEN}"),
        ("curl -H 'Authorization: Token token=y_NbAkKc66ryYTWUXYEu'", f"curl -H 'Authorization: Token token={HIDDEN}'"),
        ("PGPASSWORD=tops3cret psql", f"PGPASSWORD={HIDDEN} psql"),
        ('{"api_key": "abc", "user": "jo"}', f'{{"api_key": "{HIDDEN}", "user": "jo"}}'),
        ("TRADING_API_TOKEN='x y'", f"TRADING_API_TOKEN='{HIDDEN}'"),
        ("key AKIAIOSFODNN7EXAMPLE used", f"key {HIDDEN} used"),
        ("xoxb-123456789-abcdef", HIDDEN),
        ("xapp-1-A0123-456-abcdef", HIDDEN),
        ("ghp_0123456789abcdefghij", HIDDEN),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", HIDDEN),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY01", HIDDEN),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter", f"{HIDDEN}\nafter"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    """URL passwords, bearer tokens, keyed values and key-shaped strings are hidden, the rest is kept."""
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "commit 0ff299f0c3a5c1de1f6bd7f7a1b8a9c0d1e2f3a4",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "http://localhost:8000/api/trades?limit=20",
        "550e8400-e29b-41d4-a716-446655440000",
        "/var/lib/postgresql/15/main/base/pgsql_tmp/SomeLongDirectoryNameHere",
        "signal-worker errored (7 restarts, exit code 1)",
        "13:02:11 INFO ratio 12:30 user@example.com",
    ],
)
def test_ordinary_text_is_kept(text: str) -> None:
    """Commits, digests, paths, addresses and identifiers are not secrets."""
    assert redact(text) == text


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    """A configured value is hidden in any text, the longer one first; a very short one is left alone."""
    assert redact("say hunter2hunter or hunter2, ok", ["hunter2", "hunter2hunter", "ok"]) == (
        f"say {HIDDEN} or {HIDDEN}, ok"
    )


@given(st.text(max_size=300), st.lists(st.text(alphabet="abcXYZ019", min_size=4, max_size=12), max_size=3))
def test_no_known_secret_survives(text: str, secrets: list[str]) -> None:
    """Whatever the text, no known secret is left in it, unless as part of the marker itself."""
    shown = redact(" ".join([text, *secrets, text]), secrets)
    assert not any(secret in shown.replace(HIDDEN, " ") for secret in secrets)
