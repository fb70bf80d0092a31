import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import redis.asyncio as redis
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from sandbox.platform import REDIS_PASSWORD, Platform


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[redis.Redis]:
    client = redis.Redis.from_url(platform.redis_url, retry=Retry(NoBackoff(), 0), decode_responses=True)
    yield client
    await client.aclose()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_redis_py_can_look_after_it(platform: Platform, protocol: int) -> None:
    """PING, INFO, DBSIZE, CONFIG GET, SLOWLOG and CLIENT LIST work in both versions of the protocol."""
    client = redis.Redis.from_url(
        platform.redis_url, protocol=protocol, decode_responses=True, client_name="probe"
    )
    assert await client.ping() is True
    info = await client.info()
    assert info["role"] == "master"
    assert info["rdb_last_bgsave_status"] == "ok"
    assert info["db0"]["keys"] == await client.dbsize()
    assert set(await client.info("memory")) >= {"used_memory", "maxmemory"}
    assert int((await client.config_get("maxmemory"))["maxmemory"] or 0) > info["used_memory"]
    assert await client.slowlog_len() == len(await client.slowlog_get())
    assert len(await client.slowlog_get(1)) == 1
    assert any(c["name"] == "probe" for c in await client.client_list())
    await client.aclose()


async def command(client: redis.Redis, *words: str) -> object:
    return await client.execute_command(*words)  # type: ignore[no-untyped-call]


async def test_unknown_commands_are_errors(client: redis.Redis) -> None:
    """What this server does not do is refused, never pretended."""
    with pytest.raises(exceptions.ResponseError, match="unknown command 'FLUSHALL'"):
        await command(client, "FLUSHALL")
    with pytest.raises(exceptions.ResponseError, match="unknown subcommand"):
        await command(client, "CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(exceptions.ResponseError, match="out of range"):
        await command(client, "SELECT", "99")


async def test_noauth_without_the_password(platform: Platform, client: redis.Redis) -> None:
    """With a password set, PING is NOAUTH; with the right one it works, with a wrong one it says WRONGPASS."""
    platform.faults.unauthorized("redis")
    with pytest.raises(exceptions.AuthenticationError):
        await client.ping()
    address = urlsplit(platform.redis_url).netloc
    right = redis.Redis.from_url(f"redis://:{REDIS_PASSWORD}@{address}/0")
    assert await right.ping() is True
    await right.aclose()
    wrong = redis.Redis.from_url(f"redis://:guess@{address}/0", retry=Retry(NoBackoff(), 0))
    with pytest.raises(exceptions.AuthenticationError):
        await wrong.ping()
    await wrong.aclose()


async def test_noauth_is_what_a_plain_ping_gets(platform: Platform) -> None:
    """The very bytes that `redis-cli ping` prints, with exit status 0, on a server with a password."""
    platform.faults.unauthorized("redis")
    host, port = urlsplit(platform.redis_url).hostname, urlsplit(platform.redis_url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"PING\r\n")
    assert await reader.readline() == b"-NOAUTH Authentication required.\r\n"
    writer.close()
    await writer.wait_closed()


async def test_down_hanging_and_back(platform: Platform, client: redis.Redis) -> None:
    """Down refuses and cuts, hanging runs into the client's deadline, up answers on the same port."""
    assert await client.ping() is True
    platform.faults.down("redis")
    with pytest.raises(exceptions.ConnectionError):
        await client.ping()
    platform.faults.up("redis")
    assert await client.ping() is True
    platform.faults.hang("redis")
    impatient = redis.Redis.from_url(platform.redis_url, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    with pytest.raises(exceptions.TimeoutError):
        await impatient.ping()
    await impatient.aclose()


async def test_nonsense_ends_the_connection_not_the_server(platform: Platform, client: redis.Redis) -> None:
    """A client that speaks something else is told so and cut; others are not disturbed."""
    host, port = urlsplit(platform.redis_url).hostname, urlsplit(platform.redis_url).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"*1\r\n$notanumber\r\n")
    assert (await reader.read()).startswith(b"-ERR Protocol error")
    writer.close()
    await writer.wait_closed()
    assert await client.ping() is True
