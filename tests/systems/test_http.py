"""Requests to a real nginx that refuses, and what curl makes of it (S18; hazard 7)."""

import subprocess
from collections.abc import Iterator

import pytest

from bot.targets.steps import Outcome
from tests.systems.conftest import TargetOf
from tests.systems.daemon import Place, program
from tests.systems.servers import nginx as servers
from tests.systems.servers.nginx import Nginx
from tests.systems.steps import output, run

TOKEN = "trading-t0ken-0123456789"
_API = f"""
location = /api/trading/emergency-stop {{
    if ($http_authorization != "Bearer {TOKEN}") {{ return 401 '{{"detail": "token required"}}'; }}
    return 500 '{{"detail": "engine does not answer"}}';
}}
location = /api/trading/disable {{
    if ($http_authorization != "Bearer {TOKEN}") {{ return 401 '{{"detail": "token required"}}'; }}
    return 200 '{{"enabled": false}}';
}}
"""


@pytest.fixture(scope="module")
def api(place: Place) -> Iterator[Nginx]:
    """Answers in place of the trading API."""
    server = servers.start(place, _API)
    assert server.daemon is not None
    yield server
    server.daemon.stop()


def rewrites(api: Nginx) -> dict[str, str]:
    return {"http://localhost:8000": f"http://127.0.0.1:{api.port}"}


def test_curl_calls_a_refused_emergency_stop_a_success(api: Nginx) -> None:
    """Hazard 7, shown: without -f, `curl -X POST` exits 0 on 401."""
    address = f"http://127.0.0.1:{api.port}/api/trading/emergency-stop"
    done = subprocess.run(
        [program("curl"), "-s", "-X", "POST", "-o", "/dev/null", "-w", "%{http_code}", address],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "401")


async def test_a_stop_without_a_token_fails_in_words(api: Nginx, target: TargetOf) -> None:
    """Hazard 7: 401 is a failure of the step, and says what is missing."""
    result = await run(target(rewrites=rewrites(api), api_token="wrong-token-012345"), "trading.emergency-stop")
    assert result.outcome is Outcome.FAILED
    assert "401" in output(result)


async def test_a_server_error_is_no_success_either(api: Nginx, target: TargetOf) -> None:
    """Hazard 7: 500 is a failure, or unknown, never done."""
    result = await run(target(rewrites=rewrites(api), api_token=TOKEN), "trading.emergency-stop")
    assert result.outcome is not Outcome.OK
    assert "500" in output(result)
    assert TOKEN not in repr(result)


async def test_every_call_to_the_api_carries_the_token(api: Nginx, target: TargetOf) -> None:
    """S18: the documented call has no token of its own; with the one of the settings it is let in."""
    result = await run(target(rewrites=rewrites(api), api_token=TOKEN), "trading.disable")
    assert result.ok, result
    assert TOKEN not in repr(result)
