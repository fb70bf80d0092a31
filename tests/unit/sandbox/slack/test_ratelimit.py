import pytest

from sandbox.slack.ratelimit import POST_BURST, POSTS_PER_MINUTE, TIER_PER_MINUTE, RateLimiter


class Seconds:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("tier", "allowed"), sorted(TIER_PER_MINUTE.items()))
def test_a_tier_allows_its_number_of_calls_per_minute(tier: int, allowed: int) -> None:
    """The call after the last allowed one is told to wait until the first one is a minute old."""
    seconds = Seconds()
    limiter = RateLimiter(seconds)
    assert [limiter.take_call("m", tier) for _ in range(allowed)] == [None] * allowed
    seconds.now += 10
    assert limiter.take_call("m", tier) == 50
    seconds.now += 50
    assert limiter.take_call("m", tier) is None


def test_methods_are_counted_apart() -> None:
    """One method at its limit does not hold another up."""
    limiter = RateLimiter(Seconds())
    assert limiter.take_call("a", 1) is None
    assert limiter.take_call("a", 1) == 60
    assert limiter.take_call("b", 1) is None


def test_special_tier_has_no_limit_per_method() -> None:
    """Posting is limited per channel, not as a method."""
    limiter = RateLimiter(Seconds())
    assert {limiter.take_call("chat.postMessage", 5) for _ in range(1000)} == {None}


def test_posting_allows_a_burst_then_one_a_second() -> None:
    """A channel takes its burst at once, then one message a second; other channels are not touched."""
    seconds = Seconds()
    limiter = RateLimiter(seconds)
    assert {limiter.take_post("C1") for _ in range(POST_BURST)} == {None}
    assert limiter.take_post("C1") == 1
    assert limiter.take_post("C2") is None
    seconds.now += 1
    assert limiter.take_post("C1") is None
    assert limiter.take_post("C1") == 1


def test_workspace_has_a_limit_of_its_own() -> None:
    """Many channels together are held to the workspace's posts per minute."""
    limiter = RateLimiter(Seconds())
    taken = [limiter.take_post(f"C{number}") for number in range(POSTS_PER_MINUTE + 1)]
    assert taken[:-1] == [None] * POSTS_PER_MINUTE
    assert taken[-1] == 60
