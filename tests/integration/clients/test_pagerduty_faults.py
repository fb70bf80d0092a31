"""What the PagerDuty client makes of a far side that fails, lies, dawdles or is not there."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.clients.pagerduty import PagerDuty
from bot.clients.pagerduty_wire import THREADS, is_loopback
from bot.errors import (
    AtsError,
    RateLimitedError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from sandbox.clock import SandboxClock
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.serving import serve

TOKEN = "u+secretTokenOfTheTest"
SAM = "sam.sre@ats.example"


@pytest.fixture
async def far() -> AsyncIterator[PagerDutyServer]:
    server = PagerDutyServer(clock=SandboxClock(), public_url="http://pd.example", api_token=TOKEN)
    yield server
    await server.close()


@pytest.fixture
async def client(far: PagerDutyServer) -> AsyncIterator[PagerDuty]:
    async with serve(far.app) as url:
        made = PagerDuty(token=TOKEN, api_url=url, deadline=5)
        yield made
        await made.close()
        far.faults.clear()


# A fault, its error, words of its message, and how often a GET is tried.
FAULTS: list[tuple[dict[str, Any], type[AtsError], str, int]] = [
    ({"status": 401}, UnauthorizedError, "PAGERDUTY_API_TOKEN", 1),
    ({"status": 403}, UnauthorizedError, "full access", 1),
    ({"status": 400}, RejectedError, "Internal Server Error", 1),
    ({"status": 402}, RejectedError, "plan does not include", 1),
    ({"status": 404}, RejectedError, "404", 1),
    ({"status": 409}, RejectedError, "409", 1),
    ({"status": 302}, RejectedError, "PAGERDUTY_API_URL", 1),
    ({"status": 500}, ServerError, "failed by itself", 3),
    ({"status": 503}, ServerError, "failed by itself", 3),
    ({"status": 200, "body": "<html>"}, ServerError, "PAGERDUTY_API_URL", 3),
    ({"status": 200, "body": []}, ServerError, "PAGERDUTY_API_URL", 3),
    ({"status": 200, "body": {"incident": None}}, ServerError, "PAGERDUTY_API_URL", 1),
    ({"retry_after": 9}, RateLimitedError, "wait 9 s", 1),
    ({"drop": True}, UnreachableError, "broke off", 3),
]


@pytest.mark.parametrize(("fault", "error", "words", "attempts"), FAULTS)
async def test_each_fault_of_a_read_has_its_error(
    client: PagerDuty,
    far: PagerDutyServer,
    fault: dict[str, Any],
    error: type[AtsError],
    words: str,
    attempts: int,
) -> None:
    """Status, shape and silence become one error each, in a sentence that helps and never shows the token."""
    far.faults.fail("GET /incidents/*", times=-1, **fault)
    with pytest.raises(error, match=words) as raised:
        await client.incident("P1")
    assert type(raised.value) is error
    assert TOKEN not in str(raised.value)
    assert len(far.calls) == attempts


@pytest.mark.parametrize(("fault", "error", "words", "attempts"), FAULTS)
async def test_each_fault_of_a_write_has_its_error_at_once(
    client: PagerDuty,
    far: PagerDutyServer,
    fault: dict[str, Any],
    error: type[AtsError],
    words: str,
    attempts: int,
) -> None:
    """The same for a write, which is never repeated by itself."""
    far.faults.fail("PUT *", times=-1, **fault)
    with pytest.raises(error, match=words):
        await client.acknowledge("P1", from_email=SAM)
    assert len(far.calls) == 1


async def test_the_far_side_s_code_is_kept(client: PagerDuty, far: PagerDutyServer) -> None:
    """PagerDuty's own code and words come with the refusal."""
    with pytest.raises(RejectedError) as missing:
        await client.incident("PNOTHERE")
    assert (missing.value.code, "Not Found" in str(missing.value)) == ("2100", True)
    made = await far.trigger("Slow API")
    with pytest.raises(RejectedError, match="no user with the e-mail") as nobody:
        await client.acknowledge(made["id"], from_email="olli.sales@ats.example")
    assert nobody.value.code == "1008"


async def test_a_token_that_is_repeated_to_us_is_not_repeated(client: PagerDuty, far: PagerDutyServer) -> None:
    """A proxy that quotes our request in its error does not bring the token into a message."""
    body = {"error": {"message": f"bad header Token token={TOKEN}", "code": 1}}
    far.faults.fail("*", status=400, body=body)
    with pytest.raises(RejectedError, match=r"\[token\]") as raised:
        await client.abilities()
    assert TOKEN not in str(raised.value)
    assert TOKEN not in repr(raised.value)


async def test_a_read_survives_two_failures(client: PagerDuty, far: PagerDutyServer) -> None:
    """The third attempt of a GET is still made; its answer counts."""
    far.faults.fail("*", status=502)
    far.faults.fail("*", drop=True)
    assert await client.abilities()
    assert len(far.calls) == 3


async def test_a_short_wait_is_waited(
    client: PagerDuty, far: PagerDutyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A 429 whose wait fits the deadline is waited for as long as it says, then asked again; nothing is logged."""
    far.faults.fail("*", retry_after=0.5)
    began = time.monotonic()
    assert await client.abilities()
    assert time.monotonic() - began >= 0.5
    assert not caplog.records


async def test_a_lost_answer_says_that_the_effect_is_unknown(client: PagerDuty, far: PagerDutyServer) -> None:
    """The acknowledgement was carried out and its answer lost: the message does not claim that it failed."""
    made = await far.trigger("Slow API")
    far.faults.fail("PUT *", drop=True, after=True)
    with pytest.raises(UnreachableError, match="not known"):
        await client.acknowledge(made["id"], from_email=SAM)
    assert far.incident(made["id"]).status == "acknowledged"
    assert (await client.acknowledge(made["id"], from_email=SAM))["status"] == "acknowledged"


async def test_the_wrong_token_is_named(far: PagerDutyServer) -> None:
    """A wrong and an empty token give the same plain advice, and pdpyras's hint of its end is not shown."""
    async with serve(far.app) as url:
        for token in ("wrong-token-1234", ""):
            client = PagerDuty(token=token, api_url=url)
            with pytest.raises(UnauthorizedError, match="PAGERDUTY_API_TOKEN") as raised:
                await client.ping()
            assert "1234" not in str(raised.value)
            await client.close()


@contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and nobody else can start to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


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


ONCALL = {"user": {"id": "P1", "type": "user_reference", "summary": "Dana"}, "escalation_level": 1}


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (ONCALL, ("Dana", "", None)),
        (ONCALL | {"schedule": None, "escalation_policy": None, "end": None}, ("Dana", "", None)),
        (ONCALL | {"end": "2026-01-05T09:00:00-05:00"}, ("Dana", "", "2026-01-05T09:00:00-05:00")),
        (ONCALL | {"end": "2026-01-05T09:00:00"}, ("Dana", "", "2026-01-05T09:00:00+00:00")),
        (ONCALL | {"escalation_level": None}, ("Dana", "", None)),
        ({"user": None, "escalation_level": 1}, None),
    ],
)
async def test_sparse_on_calls_are_understood(
    client: PagerDuty, far: PagerDutyServer, entry: dict[str, Any], shown: tuple[str, str, str | None] | None
) -> None:
    """Missing schedule, policy, e-mail, end or person: what is there is shown, and nothing breaks."""
    far.faults.fail("GET /oncalls", status=200, body={"oncalls": [entry], "more": False})
    found = await client.oncalls()
    told = [(each.user.name, each.user.email, each.until and each.until.isoformat()) for each in found]
    assert told == ([shown] if shown else [])


@pytest.mark.parametrize("entry", [ONCALL | {"end": "tomorrow"}, ONCALL | {"user": "Dana"}, "Dana", None])
async def test_nonsense_on_calls_are_an_error_in_words(
    client: PagerDuty, far: PagerDutyServer, entry: Any
) -> None:
    """An answer of another shape is the far side's failure, said so."""
    far.faults.fail("GET /oncalls", times=-1, status=200, body={"oncalls": [entry], "more": False})
    with pytest.raises(ServerError, match="not what PagerDuty"):
        await client.oncalls()


CALLS: list[Callable[[PagerDuty], Awaitable[object]]] = [
    lambda client: client.incident("P1"),
    lambda client: client.alerts("P1"),
    lambda client: client.open_incidents(),
    lambda client: client.oncalls(),
    lambda client: client.user_by_email(SAM),
    lambda client: client.acknowledge("P1", from_email=SAM),
    lambda client: client.note("P1", "text", from_email=SAM),
    lambda client: client.ping(),
]


@pytest.mark.parametrize("call", CALLS)
async def test_the_deadline_holds_against_silence(
    far: PagerDutyServer, call: Callable[[PagerDuty], Awaitable[object]]
) -> None:
    """A far side that never answers costs the deadline and no more, whatever was asked."""
    far.faults.hang("*", times=-1)
    async with serve(far.app) as url:
        client = PagerDuty(token=TOKEN, api_url=url, deadline=0.5)
        began = time.monotonic()
        with pytest.raises(UnreachableError, match="did not answer"):
            await call(client)
        assert 0.3 <= time.monotonic() - began < 5
        await client.close()
        far.faults.clear()


async def test_the_deadline_is_for_all_pages(far: PagerDutyServer) -> None:
    """Slow pages, each within the deadline, do not add up beyond it."""
    made = await far.trigger("Flood")
    incident = far.incident(made["id"])
    for number in range(500):
        far.actions.add_alert(
            incident, summary="n", severity="info", details=None, contexts=[], key=f"k{number}"
        )
    far.faults.fail("GET *", times=-1, delay=0.4)
    async with serve(far.app) as url:
        client = PagerDuty(token=TOKEN, api_url=url, deadline=1.0)
        with pytest.raises(UnreachableError):
            await client.alerts(made["id"])
        assert len(far.calls) <= 3
        await client.close()


async def test_a_crowd_waits_no_longer_than_its_deadline(far: PagerDutyServer) -> None:
    """More calls than threads against silence: all end in time, and what waited is never sent."""
    made = await far.trigger("Slow API")
    far.faults.hang("GET *", times=-1)
    async with serve(far.app) as url:
        client = PagerDuty(token=TOKEN, api_url=url, deadline=1.0)
        reads = [asyncio.create_task(client.ping()) for _ in range(THREADS)]
        while len(far.calls) < THREADS:  # noqa: ASYNC110 - plain state
            await asyncio.sleep(0.005)
        client.deadline = 0.1
        with pytest.raises(UnreachableError, match="not known"):
            await client.acknowledge(made["id"], from_email=SAM)
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert all(isinstance(each, UnreachableError) for each in results)
        far.faults.clear()
        client.deadline = 5
        await client.ping()
        assert "PUT" not in [call.method for call in far.calls]
        assert far.incident(made["id"]).status == "triggered"
        await client.close()


async def test_a_dripping_answer_does_not_keep_the_threads(far: PagerDutyServer) -> None:
    """A body that comes byte by byte ends with the deadline, and the threads are free for the next calls."""
    slow = True

    async def byte_by_byte() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    async def abilities(_request: Request) -> Response:
        return StreamingResponse(byte_by_byte()) if slow else JSONResponse({"abilities": []})

    async with serve(Starlette(routes=[Route("/abilities", abilities)])) as url:
        client = PagerDuty(token=TOKEN, api_url=url, deadline=0.5)
        calls = [client.abilities() for _ in range(2 * THREADS)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(each, UnreachableError) for each in results)
        slow = False
        client.deadline = 5
        assert await client.abilities() == []
        await client.close()


async def test_a_cancelled_call_leaves_the_client_usable(client: PagerDuty, far: PagerDutyServer) -> None:
    """The caller may give up at any time; the next call works."""
    far.faults.hang("*")
    task = asyncio.create_task(client.ping())
    while not far.calls:  # noqa: ASYNC110 - plain state
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await client.ping()


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
