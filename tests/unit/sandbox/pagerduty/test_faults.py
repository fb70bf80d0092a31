"""Which requests a fault hits, and for how long."""

import pytest

from sandbox.pagerduty.faults import Faults


@pytest.mark.parametrize(
    ("match", "method", "path", "hit"),
    [
        ("*", "GET", "/abilities", True),
        ("PUT *", "PUT", "/incidents/P1", True),
        ("PUT *", "GET", "/incidents/P1", False),
        ("PUT /incidents/*", "PUT", "/incidents/P1", True),
        ("PUT /incidents/*", "PUT", "/incidents", False),
        ("GET /incidents/*/alerts", "GET", "/incidents/P1/alerts", True),
        ("GET /incidents/*/alerts", "GET", "/incidents/P1/notes", False),
        ("* /users", "GET", "/users", True),
    ],
)
def test_a_fault_hits_what_it_names(match: str, method: str, path: str, hit: bool) -> None:
    """Method and path with wildcards."""
    faults = Faults()
    faults.fail(match, status=500)
    assert (faults.take(method, path) is not None) == hit


def test_a_fault_is_used_up() -> None:
    """`times` requests suffer it; the others, and those after, do not."""
    faults = Faults()
    faults.fail("GET *", times=2, status=500)
    taken = [faults.take(method, "/users") is not None for method in ("GET", "POST", "GET", "GET")]
    assert taken == [True, False, True, False]


def test_down_lasts_until_up() -> None:
    """While it is down every request fails, and waiting faults are kept for later."""
    faults = Faults()
    faults.fail("*", status=429)
    faults.down(status=503)
    assert [getattr(faults.take("GET", "/"), "status", None) for _ in range(3)] == [503, 503, 503]
    faults.up()
    assert [getattr(faults.take("GET", "/"), "status", None) for _ in range(2)] == [429, None]


def test_a_rate_limit_is_429_with_its_wait() -> None:
    """`retry_after` alone makes the status 429, in PagerDuty's error shape."""
    faults = Faults()
    faults.fail("*", retry_after=7)
    fault = faults.take("GET", "/")
    assert fault is not None
    assert (fault.status, fault.retry_after) == (429, 7)
    assert fault.answer()["error"]["message"] == "Rate Limit Exceeded"
