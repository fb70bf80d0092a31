"""A real nginx: its configuration test, as root and as an ordinary user (S33; hazard 38)."""

import subprocess
from pathlib import Path

import pytest

from bot.domain.health import Status
from bot.errors import ServerError
from bot.probes import gateway
from bot.targets import Target
from tests.systems.conftest import TargetOf
from tests.systems.daemon import Place, free_port, program
from tests.systems.health import line
from tests.systems.servers import nginx as servers
from tests.systems.servers.nginx import Nginx


def as_postgres(made: Nginx) -> subprocess.CompletedProcess[str]:
    """`nginx -t` as a user who may not read a root's files."""
    return subprocess.run(
        [program("nginx"), "-t", "-q", "-c", str(made.config)],
        user="postgres", group="postgres", extra_groups=[], cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


async def outcome(reached: Target, made: Nginx) -> tuple[int, str]:
    answer = await reached.run(["nginx", "-t", "-q", "-c", str(made.config)])
    return answer.exit, answer.stderr


async def test_a_good_configuration_passes_and_a_bad_one_is_named(place: Place, target: TargetOf) -> None:
    """Exit 0; else exit 1, with the file and the line."""
    assert (await outcome(target(), servers.configured(place)))[0] == 0
    status, said = await outcome(target(), servers.configured(place, "proxy_passs http://127.0.0.1:8000;"))
    assert status == 1
    assert 'unknown directive "proxy_passs"' in said
    assert "nginx.conf:" in said


def test_an_ordinary_user_fails_on_a_good_configuration(place: Place) -> None:
    """Hazard 38, shown: the same good file fails for want of rights, with other words than a bad file."""
    made = servers.configured(place)
    made.home.chmod(0o700)
    assert made.test().returncode == 0
    done = as_postgres(made)
    assert done.returncode == 1
    assert "Permission denied" in done.stderr


async def test_good_bad_and_not_allowed_are_three_different_lines(place: Place, target: TargetOf) -> None:
    """Hazard 38: ok, critical with the reason, and unknown for want of rights."""

    def options(made: Nginx, *before: str) -> dict[str, object]:
        command = [*before, "nginx", "-t", "-q", "-c", str(made.config)]
        return {"nginx": {"command": command}}

    good = servers.configured(place)
    assert (await line(target(), "nginx", options=options(good))).status is Status.OK
    bad = servers.configured(place, "proxy_passs http://127.0.0.1:8000;")
    found = await line(target(), "nginx", options=options(bad))
    assert found.status is Status.CRITICAL, found
    assert "proxy_passs" in found.value
    good.home.chmod(0o700)
    as_other = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    found = await line(target(cwd=Path("/")), "nginx", options=options(good, *as_other))
    assert found.status is Status.UNKNOWN, found
    assert "no permission" in found.value


async def test_the_status_page_tells_the_connections(place: Place, target: TargetOf) -> None:
    """stub_status of the running server, ours included."""
    server = servers.start(place)
    assert server.daemon is not None
    try:
        options = {
            "nginx": {
                "command": ["nginx", "-t", "-q", "-c", str(server.config)],
                "status_url": server.status_url,
            }
        }
        found = await line(target(), "nginx", options=options)
    finally:
        server.daemon.stop()
    assert found.status is Status.OK, found
    assert "1 active connection" in found.value


async def test_the_share_of_5xx_is_read_from_real_logs_with_the_upstreams_complaint(
    place: Place, target: TargetOf
) -> None:
    """Nobody listens behind it: 502, in the share and in nginx's own words."""
    server = servers.start(place, f"location /api {{ proxy_pass http://127.0.0.1:{free_port()}; }}")
    assert server.daemon is not None
    logs = {"access_log": str(server.home / "access.log"), "error_log": str(server.home / "error.log")}
    options = {"nginx": {"command": ["nginx", "-t", "-q", "-c", str(server.config)], **logs}}
    reached = target(rewrites={"http://nginx": f"http://127.0.0.1:{server.port}"})
    try:
        for _ in range(18):
            await reached.http("GET", "http://nginx/nginx_status")
        assert (
            "0.0 % of 18 requests in 5 min answered 5xx"
            in (await line(target(), "nginx", options=options)).value
        )
        for _ in range(2):
            with pytest.raises(ServerError, match="502"):
                await reached.http("GET", "http://nginx/api")
        found = await line(target(), "nginx", options=options)
    finally:
        server.daemon.stop()
    assert found.status is Status.CRITICAL, found
    assert "10.0 % of 20 requests in 5 min answered 5xx (502 × 2)" in found.value
    assert "connect() failed (111: Connection refused) while connecting to upstream" in found.value
    server.home.chmod(0o755)
    (server.home / "access.log").chmod(0o600)
    as_other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    denied = await target(cwd=Path("/")).run([*as_other, "tail", "-n", "9", "-v", logs["access_log"]])
    assert gateway.logs(denied.stdout, denied.stderr, logs["access_log"]).untold.startswith(
        "no permission to read"
    )
