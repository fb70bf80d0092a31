"""Where PagerDuty is said to be, by which way, as whom: what is wrong with a setting is said in words."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.clients.pagerduty import PagerDuty
from bot.clients.pagerduty_wire import is_loopback
from bot.errors import (
    RejectedError,
    UnauthorizedError,
    UnreachableError,
)
from sandbox.clock import SandboxClock
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.serving import serve
from tests.integration.clients.conftest import SAM, TOKEN, closed_port


async def test_the_wrong_token_is_named(far: PagerDutyServer) -> None:
    """A wrong and an empty token give the same plain advice, and pdpyras's hint of its end is not shown."""
    async with serve(far.app) as url:
        for token in ("wrong-token-1234", ""):
            client = PagerDuty(token=token, api_url=url)
            with pytest.raises(UnauthorizedError, match="PAGERDUTY_API_TOKEN") as raised:
                await client.ping()
            assert "1234" not in str(raised.value)
            await client.close()


async def test_nobody_there() -> None:
    """A refused connection is said as such, and a write then had no effect."""
    with closed_port() as port:
        client = PagerDuty(token=TOKEN, api_url=f"http://127.0.0.1:{port}")
        with pytest.raises(UnreachableError, match="refused"):
            await client.ping()
        with pytest.raises(UnreachableError, match="refused") as raised:
            await client.acknowledge("P1", from_email=SAM)
        assert "not known" not in str(raised.value)
        await client.close()


async def test_an_unknown_host() -> None:
    """A name that does not resolve is said as such."""
    client = PagerDuty(token=TOKEN, api_url="http://pagerduty.invalid", deadline=10)
    client._wire._session.trust_env = False
    with pytest.raises(UnreachableError, match="looked up"):
        await client.acknowledge("P1", from_email=SAM)
    await client.close()


async def test_a_redirect_is_not_followed() -> None:
    """A server that sends us elsewhere is named as misconfigured; a PUT never becomes a GET of something else."""
    asked: list[str] = []

    async def elsewhere(request: Request) -> Response:
        asked.append(f"{request.method} {request.url.path}")
        return Response(status_code=302, headers={"Location": "/login"})

    methods = ["GET", "PUT"]
    async with serve(Starlette(routes=[Route("/{path:path}", elsewhere, methods=methods)])) as url:
        client = PagerDuty(token=TOKEN, api_url=url)
        with pytest.raises(RejectedError, match="PAGERDUTY_API_URL"):
            await client.acknowledge("P1", from_email=SAM)
        await client.close()
    assert asked == ["PUT /incidents/P1"]


async def test_not_tls() -> None:
    """https to a server that speaks http is a failure of the secure connection."""
    server = PagerDutyServer(clock=SandboxClock(), public_url="http://pd.example")
    async with serve(server.app) as url:
        client = PagerDuty(token=TOKEN, api_url=url.replace("http:", "https:"))
        with pytest.raises(UnreachableError, match="TLS"):
            await client.ping()
        await client.close()
    await server.close()


@pytest.mark.parametrize(
    "sender",
    ["dana", "dana@ats.example\r\nX-Evil: 1", "two people@ats.example", "dañá@ats.example", "a@b@c"],
)
async def test_a_strange_sender_is_never_sent(client: PagerDuty, far: PagerDutyServer, sender: str) -> None:
    """What no From header can carry is refused in words, before anything leaves."""
    with pytest.raises(RejectedError, match="no usable e-mail"):
        await client.note("P1", "text", from_email=sender)
    assert not far.calls


@pytest.mark.parametrize("url", ["", "api.pagerduty.com", "ftp://pd.example", "http://", "http://a b/"])
async def test_a_wrong_address_is_named(url: str) -> None:
    """An address that is none says which setting to look at, not a stack trace."""
    client = PagerDuty(token=TOKEN, api_url=url)
    with pytest.raises((RejectedError, UnreachableError)) as raised:
        await client.ping()
    assert "PAGERDUTY_API_URL" in str(raised.value)
    await client.close()


async def test_unsendable_words_are_refused(client: PagerDuty) -> None:
    """Half a surrogate pair in a search, as Slack can deliver it, is a refusal and no crash."""
    with pytest.raises(RejectedError, match="cannot be sent"):
        await client.user_by_email("a\ud800@ats.example")


@pytest.mark.parametrize("token", ["töken", "two\nlines", "\t"])
async def test_a_strange_token_is_a_wrong_token(far: PagerDutyServer, token: str) -> None:
    """A token that no header can carry is reported like any other wrong one."""
    async with serve(far.app) as url:
        client = PagerDuty(token=token, api_url=url)
        with pytest.raises(UnauthorizedError, match="PAGERDUTY_API_TOKEN"):
            await client.ping()
        await client.close()


async def test_a_token_from_a_file_may_end_in_a_newline(far: PagerDutyServer) -> None:
    """White space around the token is not part of it."""
    async with serve(far.app) as url:
        client = PagerDuty(token=f" {TOKEN}\n", api_url=url)
        await client.ping()
        await client.close()


async def test_a_proxy_of_the_environment_does_not_break_loopback(
    client: PagerDuty, far: PagerDutyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY, .netrc and the like do not come between the bot and a local PagerDuty."""
    with closed_port() as port:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        await client.ping()


async def test_a_proxy_of_the_environment_is_used_for_the_real_one(
    far: PagerDutyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Beyond loopback the environment's proxy is used, and a .netrc never replaces the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine pagerduty.invalid login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    seen: list[bytes] = []
    with proxy_that_answers(seen) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        client = PagerDuty(token=TOKEN, api_url="http://pagerduty.invalid")
        assert await client.abilities() == ["teams"]
        await client.close()
    assert seen[0].startswith(b"GET http://pagerduty.invalid/abilities ")
    assert f"authorization: token token={TOKEN}".lower().encode() in seen[0].lower()


@contextmanager
def proxy_that_answers(seen: list[bytes]) -> Iterator[int]:
    """A proxy for one request, which it answers itself."""
    body = b'{"abilities":["teams"]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "

    def work(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            seen.append(connection.recv(65536))
            connection.sendall(head + str(len(body)).encode() + b"\r\n\r\n" + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=work, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8025/pagerduty", True),
        ("http://127.8.9.1", True),
        ("http://localhost:1", True),
        ("http://pd.localhost", True),
        ("http://[::1]:80/", True),
        ("https://api.pagerduty.com", False),
        ("https://localhost.example.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_what_counts_as_this_machine(url: str, loopback: bool) -> None:
    """Loopback addresses and localhost names, nothing that merely looks like them."""
    assert is_loopback(url) == loopback
