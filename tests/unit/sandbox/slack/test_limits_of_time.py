import time
from datetime import UTC, datetime

import pytest

from sandbox.slack.errors import SlackError
from sandbox.slack.httpmode import sign
from sandbox.slack.ids import Timestamps
from sandbox.slack.responseurls import ResponseUrls
from sandbox.slack.triggers import Triggers


def refusal(triggers: Triggers, trigger_id: str) -> str:
    with pytest.raises(SlackError) as error:
        triggers.exchange(trigger_id)
    return error.value.code


def test_trigger_works_once() -> None:
    """A trigger id opens one view, and tells who acted."""
    triggers = Triggers()
    trigger_id = triggers.issue("U1")
    assert triggers.exchange(trigger_id) == "U1"
    assert refusal(triggers, trigger_id) == "exchanged_trigger_id"


def test_trigger_expires() -> None:
    """A trigger id older than its lifetime opens nothing."""
    triggers = Triggers(lifetime=0.001)
    trigger_id = triggers.issue("U1")
    time.sleep(0.01)
    assert refusal(triggers, trigger_id) == "expired_trigger_id"
    assert refusal(triggers, "1.2.3") == "invalid_trigger_id"


def test_response_url_takes_five_messages() -> None:
    """A response URL is good for five uses in its own channel."""
    urls = ResponseUrls()
    token = urls.issue("C1", "U1")
    for _ in range(5):
        found = urls.find("C1", token)
        assert found is not None
        assert urls.find("C2", token) is None
        found.uses += 1
    assert urls.find("C1", token) is None


def test_response_url_expires() -> None:
    """A response URL is good for its lifetime only."""
    urls = ResponseUrls()
    urls.lifetime = 0.001
    token = urls.issue("C1", "U1")
    time.sleep(0.01)
    assert urls.find("C1", token) is None


def test_timestamps_are_never_the_same() -> None:
    """Two messages of the same microsecond get different timestamps, in order."""
    stamps, now = Timestamps(), datetime(2026, 11, 22, tzinfo=UTC)
    issued = [stamps.next(now) for _ in range(1000)]
    assert issued[0] == "1795305600.000000"
    assert issued == sorted(set(issued))


def test_signature_is_slacks_own_example() -> None:
    """The signature of the example in Slack's documentation comes out as printed there."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signed = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
    assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
