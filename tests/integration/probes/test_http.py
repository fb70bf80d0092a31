import asyncio

import pytest

from bot.errors import RateLimitedError, RejectedError, ServerError, UnauthorizedError, UnreachableError
from tests.integration.probes.conftest import Serve, TargetOf, http_answer, silent


async def test_nothing_listens(target: TargetOf, closed_port: int) -> None:
    """A refused connection is said with the address."""
    with pytest.raises(UnreachableError, match=rf"^refused: nothing listens on 127.0.0.1:{closed_port}$"):
        await target().http("GET", f"http://127.0.0.1:{closed_port}/x")


async def test_a_server_that_never_answers(target: TargetOf, serve: Serve) -> None:
    """The deadline holds against a server that accepts and stays silent."""
    port = await serve(silent)
    with pytest.raises(UnreachableError, match=r"^timed out after 0\.2 s$"):
        await target().http("GET", f"http://127.0.0.1:{port}/x", deadline=0.2)


async def test_a_second_cancellation_keeps_no_connection(target: TargetOf, serve: Serve) -> None:
    """Given up at the deadline and cancelled at once again: the far side sees every connection go."""
    ends: list[asyncio.Event] = []

    async def watched(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        ends.append(asyncio.Event())
        mine = ends[-1]
        await reader.read()
        mine.set()

    port, asked = await serve(watched), target()
    for step in range(20):
        look = asyncio.create_task(asked.http("GET", f"http://127.0.0.1:{port}/x", deadline=0.05))
        await asyncio.wait({look}, timeout=0.05)
        for _ in range(step % 7):  # so many turns of the loop after the deadline
            await asyncio.sleep(0)
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
    assert ends
    async with asyncio.timeout(20):
        await asyncio.gather(*(end.wait() for end in ends))


async def test_a_slow_drip(target: TargetOf, serve: Serve) -> None:
    """The deadline is for the whole answer: one byte at a time does not start it anew."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    port = await serve(drip)
    with pytest.raises(UnreachableError, match=r"^timed out after"):
        await target().http("GET", f"http://127.0.0.1:{port}/x", deadline=0.3)


@pytest.mark.parametrize(
    ("status", "kind", "begins"),
    [
        ("500 Oops", ServerError, "500: the far side failed: “it broke”"),
        ("401 No", UnauthorizedError, "401: the token is missing or wrong"),
        ("403 No", UnauthorizedError, "403: the token lacks"),
        ("404 No", RejectedError, "404: the request was refused: “it broke”"),
        ("429 Slow", RateLimitedError, "429: asked to wait 3 s"),
        ("302 There", RejectedError, "302: it points elsewhere, and redirects are not followed"),
    ],
)
async def test_every_status_but_2xx_is_raised(
    target: TargetOf, serve: Serve, status: str, kind: type[Exception], begins: str
) -> None:
    """Unlike curl without -f, a refusal is never a success."""
    port = await serve(http_answer(status, b"it broke", "Retry-After: 3", "Location: /x"))
    with pytest.raises(kind) as raised:
        await target().http("POST", f"http://127.0.0.1:{port}/x")
    assert type(raised.value) is kind
    assert str(raised.value).startswith(begins)


async def test_a_refusals_text_shows_no_secret(target: TargetOf, serve: Serve) -> None:
    """What a server echoes of our token is hidden in the error."""
    port = await serve(http_answer("500 Oops", b"bad token: tok-123456 sent"))
    with pytest.raises(ServerError) as raised:
        await target(api_token="tok-123456").http("GET", f"http://127.0.0.1:{port}/x")
    assert "tok-123456" not in str(raised.value)


async def test_garbage_instead_of_http(target: TargetOf, serve: Serve) -> None:
    """A server of another protocol is told apart from one that is down."""

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x00\x01 this is not HTTP\r\n\r\n")
        await writer.drain()

    port = await serve(garbage)
    with pytest.raises(UnreachableError, match=r"^broken off: .* spoke something else"):
        await target().http("GET", f"http://127.0.0.1:{port}/x")


async def test_ten_megabytes(target: TargetOf, serve: Serve) -> None:
    """Of a huge body the beginning is kept, and the rest is not even received."""
    written = 0

    async def huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while written < 100_000_000:
            writer.write(b"x" * 100_000)
            await writer.drain()
            written += 100_000

    port = await serve(huge)
    answer = await target().http("GET", f"http://127.0.0.1:{port}/x")
    assert (len(answer.text), answer.truncated) == (64 * 1024, True)
    with pytest.raises(ServerError, match=r"not JSON"):
        answer.json()
    assert written < 100_000_000


async def test_the_token_goes_to_the_api_alone(target: TargetOf, serve: Serve) -> None:
    """The bearer token is sent to the API's origin as the runbook writes it, through rewrites, and nowhere else."""
    heads: list[str] = []

    async def record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().casefold())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()

    port = await serve(record)
    here = f"http://127.0.0.1:{port}"
    reached = target(
        api_url="http://localhost:8000",
        api_token="tok-123456",
        rewrites={
            "http://localhost:8000": f"{here}/platform/api",
            "http://localhost:3001": f"{here}/platform/gate",
        },
    )
    answer = await reached.http("GET", "http://localhost:8000/api/health?deep=1")
    await reached.http("GET", "http://localhost:3001/status")
    await reached.http("GET", f"{here}/platform/api/x")
    await reached.http("GET", "http://localhost:8000/own", headers={"authorization": "Bearer other"})
    assert answer.json() == {}
    assert heads[0].startswith("get /platform/api/api/health?deep=1 ")
    assert ["bearer tok-123456" in head for head in heads] == [True, False, False, False]
    assert "bearer other" in heads[3]


async def test_proxies_of_the_environment_are_ignored(
    target: TargetOf, serve: Serve, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP_PROXY is for the outside world, not for the systems under care."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    port = await serve(http_answer("200 OK", b"[]"))
    assert (await target().http("GET", f"http://127.0.0.1:{port}/x")).json() == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "no address", "http://[::1", "http://h:99999/"])
async def test_unusable_addresses(target: TargetOf, url: str) -> None:
    """An address that is none is refused, not crashed on."""
    with pytest.raises(RejectedError, match=r"^not a usable address"):
        await target().http("GET", url)
