"""What an answer to a webhook means, and the signature."""

from datetime import timedelta

import pytest

from sandbox.pagerduty.delivery import demo_wait, verdict
from sandbox.pagerduty.events import sign

FRESH, OLD = timedelta(minutes=1), timedelta(hours=48)


@pytest.mark.parametrize(
    ("status", "age", "state"),
    [
        (200, FRESH, "delivered"),
        (202, FRESH, "delivered"),
        (204, OLD, "delivered"),
        (None, FRESH, "queued"),
        (500, FRESH, "queued"),
        (503, FRESH, "queued"),
        (429, FRESH, "queued"),
        (None, OLD, "given_up"),
        (503, OLD, "given_up"),
        (429, OLD, "given_up"),
        (400, FRESH, "dropped"),
        (401, FRESH, "dropped"),
        (404, FRESH, "dropped"),
        (302, FRESH, "dropped"),
    ],
)
def test_the_verdict_on_an_attempt(status: int | None, age: timedelta, state: str) -> None:
    """2xx is success; silence, 5xx and 429 are tried again for two days; anything else is lost."""
    assert verdict(status, age) == state


def test_waits_grow_and_stay_bounded() -> None:
    """The demo's waits double from a quarter of a second to fifteen seconds, however long it lasts."""
    assert [demo_wait(attempt) for attempt in (1, 2, 3, 7, 20, 5000)] == [0.25, 0.5, 1.0, 15.0, 15.0, 15.0]


def test_signature_of_a_known_body() -> None:
    """HMAC-SHA256 of the raw bytes with the secret as text; the value was computed with OpenSSL."""
    expected = "v1=734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"
    assert sign(b"hello", "secret-x") != expected
    assert sign(b"hello world", "secret") == expected
