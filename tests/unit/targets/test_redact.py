import base64
import html
import json
from urllib.parse import quote, quote_plus

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
        ("curl -H 'X-Api-Key: abc123def'", f"curl -H 'X-Api-Key: {HIDDEN}'"),
        ("Set-Cookie: sid=abc; HttpOnly\nnext", f"Set-Cookie: {HIDDEN}\nnext"),
        ('"{\\"token\\":\\"abc\\"}"', f'"{{\\"token\\":\\"{HIDDEN}\\"}}"'),
        ('{"password": "cut off he', f'{{"password": "{HIDDEN}"'),
        ("redis-cli --pass hunter2 ping --password=x1 x", f"redis-cli --pass {HIDDEN} ping --password={HIDDEN} x"),
        ("the token is abcdef0123456789abcdef01", f"the token is {HIDDEN}"),
        ("│ DB_PASSWORD │ hunter2 │", f"│ DB_PASSWORD │ {HIDDEN} │"),
        ('"Env": ["A=b", "C=d"], "Cmd": []', f'"Env": ["{HIDDEN}"], "Cmd": []'),
        ('{"pm2_env":{"status":"online","STRIPE":"abc","env":{"X":"y"}}}',
         f'{{"pm2_env":{{"status":"online","STRIPE":"{HIDDEN}","env":{{"{HIDDEN}": ""}}}}}}'),
        ("node app.js HOME=/root PATH=/bin STRIPE=abc DB=x y",
         f"node app.js HOME=/root PATH=/bin STRIPE={HIDDEN} DB={HIDDEN} y"),
        ("https://hooks.slack.com/services/T0/B0/abc", f"https://hooks.slack.com/services/{HIDDEN}"),
        ("s3?X-Amz-Signature=0a1b2c&x=1", f"s3?X-Amz-Signature={HIDDEN}&x=1"),
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


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=30).filter(
    lambda s: s not in HIDDEN and HIDDEN not in s
)
ESCAPE_CODES = st.sampled_from(
    ["", "\x1b[31m", "\x1b[0;1m", "\x1b]0;title\x07", "\x1b\x1b[2K", "\x1bM", "\x9b4m"]
)


@given(st.text(max_size=60), SECRETS, st.lists(ESCAPE_CODES, min_size=40, max_size=40), st.text(max_size=60))
def test_escapes_inside_a_secret_hide_nothing_from_us(
    before: str, secret: str, codes: list[str], after: str
) -> None:
    """A secret that is split by terminal escapes does not survive either."""
    split = "".join(code + char for code, char in zip(codes, secret, strict=False))
    shown = redact(f"{before} {split} {after}", [secret])
    assert secret not in shown.replace(HIDDEN, "\n")
    assert "\x1b" not in shown


@given(SECRETS, st.text("abcz", max_size=5), st.booleans())
def test_encoded_secrets_are_known(secret: str, user: str, safe: bool) -> None:
    """Percent-encoded, in JSON, in HTML, and as the base64 of basic authentication, a secret is still one."""
    digits = (base64.urlsafe_b64encode if safe else base64.b64encode)(f"{user}:{secret}".encode()).decode()
    for form in (quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], html.escape(secret)):
        assert form not in redact(f"x {form} y", [secret]).replace(HIDDEN, "\n") or form in HIDDEN
    shown = redact(f"sent {digits} there", [secret])
    left = shown.removeprefix("sent ").removesuffix(" there").replace(HIDDEN, "")
    assert secret not in base64.urlsafe_b64decode(
        left.translate({43: "-", 47: "_"}).rstrip("=") + "A" * (-len(left.rstrip("=")) % 4)
    ).decode("latin-1")


@given(st.text(max_size=200), st.lists(SECRETS, max_size=3))
def test_doing_it_twice_changes_nothing(text: str, secrets: list[str]) -> None:
    """What was redacted stays as it is."""
    once = redact(" ".join([text, *secrets]), secrets)
    assert redact(once, secrets) == once


@given(SECRETS, st.integers(4, 29), st.text("ab c\n", max_size=20))
def test_a_secret_that_was_cut_in_two(secret: str, at: int, around: str) -> None:
    """Where output was left out, neither half of a secret stays."""
    at = min(at, len(secret) - 1)
    note = "\n… 1,234 bytes left out …\n"
    head = redact(f"{around}{secret[:at]}{note}rest", [secret]).partition("\n…")[0]
    tail = redact(f"start{note}{secret[-at:]} {around}", [secret]).rpartition("…\n")[2]
    assert not head.endswith(secret[:at])
    assert not tail.startswith(secret[-at:])


@given(
    st.text(max_size=40),
    st.sampled_from(
        [
            "AKIA" + "Z7" * 8, "ghp_" + "a1B2" * 9, "xoxb-" + "12-ab" * 4, "sk_live_" + "a1" * 12,
            "glpat-" + "a1B2" * 5,
            "eyJhbGciOiJI.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl", "AIza" + "a1B2" * 9,
        ]
    ),
    st.sampled_from([" ", "\n", "'", '"', "(", ",", "=", ";", "<", "|", "\t"]),
)  # fmt: skip
def test_keys_of_known_shapes(text: str, key: str, beside: str) -> None:
    """Keys of the great providers are known by their shape, whatever stands around them."""
    assert key not in redact(f"{text}{beside}{key}{beside}{text}")
