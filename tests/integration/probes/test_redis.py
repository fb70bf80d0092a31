import asyncio

import pytest

from bot.errors import RejectedError, ServerError, UnauthorizedError, UnreachableError
from tests.integration.probes.conftest import Serve, TargetOf, resp, silent


async def test_ping(target: TargetOf, serve: Serve) -> None:
    """A Redis without a password, and one with the right one, answer."""
    port = await serve(resp())
    assert await target(redis_url=f"redis://127.0.0.1:{port}").redis("PING") in {True, "PONG"}
    port = await serve(resp(password="hunter22"))
    assert await target(redis_url=f"redis://:hunter22@127.0.0.1:{port}").redis("PING") in {True, "PONG"}


async def test_noauth_is_a_failure(target: TargetOf, serve: Serve) -> None:
    """A missing password is a failure in so many words, where redis-cli would exit with 0."""
    port = await serve(resp(password="hunter22"))
    with pytest.raises(UnauthorizedError, match=r"^NOAUTH: Redis asks for a password"):
        await target(redis_url=f"redis://127.0.0.1:{port}").redis("PING")


async def test_a_wrong_password_is_not_shown(target: TargetOf, serve: Serve) -> None:
    """A wrong password is told apart from a missing one, and not repeated."""
    port = await serve(resp(password="hunter22"))
    with pytest.raises(UnauthorizedError, match=r"^no permission: Redis says") as raised:
        await target(redis_url=f"redis://:wrong-one@127.0.0.1:{port}").redis("PING")
    assert "wrong-one" not in str(raised.value)


async def test_other_refusals(target: TargetOf, serve: Serve, closed_port: int) -> None:
    """Loading, unknown commands, nothing there, and silence are each told apart."""
    port = await serve(resp(answer=b"-LOADING Redis is loading the dataset in memory\r\n"))
    with pytest.raises(ServerError, match=r"^not ready: Redis is loading"):
        await target(redis_url=f"redis://127.0.0.1:{port}").redis("PING")
    with pytest.raises(RejectedError, match=r"^refused by Redis: unknown command"):
        await target(redis_url=f"redis://127.0.0.1:{port}").redis("NONSENSE")
    with pytest.raises(UnreachableError, match=rf"^refused: nothing listens on 127.0.0.1:{closed_port}$"):
        await target(redis_url=f"redis://127.0.0.1:{closed_port}").redis("PING")
    with pytest.raises(UnreachableError, match=r"^DNS: the name"):
        await target(redis_url="redis://no.such.host.invalid:6379").redis("PING")
    port = await serve(silent)
    with pytest.raises(UnreachableError, match=r"^timed out after 0\.2 s$"):
        await target(redis_url=f"redis://127.0.0.1:{port}").redis("PING", deadline=0.2)


async def test_something_else_listens(target: TargetOf, serve: Serve) -> None:
    """A server of another protocol on Redis's port is said to be that."""

    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    port = await serve(http)
    with pytest.raises(UnreachableError, match=r"^broken off: "):
        await target(redis_url=f"redis://127.0.0.1:{port}").redis("PING", deadline=2)
