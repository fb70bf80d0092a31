"""Redis commands to a system under care."""

import asyncio
import time
from urllib.parse import urlsplit

import redis.asyncio
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.errors import AbsentError, AtsError, RejectedError, ServerError, UnauthorizedError, UnreachableError
from bot.targets import trouble
from bot.targets.http import origin
from bot.targets.line import Line
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings


async def command(
    settings: TargetSettings,
    words: tuple[str, ...],
    *,
    deadline: float,
    url: str = "",
    line: Line | None = None,
) -> object:
    """Send one command on a connection of its own and return Redis's answer, text decoded."""
    url = url or settings.redis_url
    if url and line is not None:
        return await _over(line, settings, words, deadline, url)
    return await _command(settings, words, deadline, url)


async def _over(
    line: Line, settings: TargetSettings, words: tuple[str, ...], deadline: float, url: str
) -> object:
    """Through a door; Redis speaks TLS to a host's name only, so that has to be left to SSH."""
    scheme, host, port = origin(url)
    if scheme == "rediss":
        raise RejectedError(
            "not supported: rediss:// over SSH, which encrypts already. Use redis://.", code="rediss"
        )
    began = time.perf_counter()
    try:
        async with asyncio.timeout(deadline), line.door(host, port or 6379) as door:
            left = deadline - (time.perf_counter() - began)
            return await _command(settings, words, left, url, door.path)
    except TimeoutError:
        raise trouble.timed_out(deadline) from None


async def _command(
    settings: TargetSettings, words: tuple[str, ...], deadline: float, url: str, path: str = ""
) -> object:
    if not url:
        raise AbsentError("not configured: the target has no Redis address. Set it under [target].")
    begun = False
    client = redis.asyncio.Redis.from_url(
        _through(url, path) if path else url,
        decode_responses=True,
        encoding_errors="replace",
        socket_connect_timeout=deadline,
        socket_timeout=deadline,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,  # its CLIENT SETINFO meets a closed socket where Redis says why it refuses (maxclients)
    )
    try:
        async with asyncio.timeout(deadline):
            pool = client.connection_pool
            await pool.release(await pool.get_connection())  # type: ignore[no-untyped-call]
            begun = True
            answer: object = await client.execute_command(*words)  # type: ignore[no-untyped-call]
            return answer
    except (TimeoutError, redis.exceptions.TimeoutError):
        raise trouble.timed_out(deadline, begun=begun) from None
    except redis.exceptions.RedisError as error:
        told = _translated(error, settings, url)
        told.begun = begun and isinstance(told, UnreachableError)
        raise told from error
    finally:
        await client.connection_pool.disconnect(inuse_connections=True)


def _through(url: str, path: str) -> str:
    """The same login and database, at a Unix socket."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    database = parts.path.strip("/") or "0"
    return f"unix://{login}{'@' if login else ''}{path}?db={database}"


def _translated(error: redis.exceptions.RedisError, settings: TargetSettings, url: str) -> AtsError:
    said = redact(str(error), settings.known_secrets())
    _, host, port = origin(url)
    where = f"{host}:{port or 6379}" if host else "its socket"
    match error:
        case redis.exceptions.AuthenticationError() if "NOAUTH" in said or "Authentication required" in said:
            return UnauthorizedError("NOAUTH: Redis asks for a password, and none is configured")
        case redis.exceptions.AuthenticationError() | redis.exceptions.NoPermissionError():
            return UnauthorizedError(f"no permission: Redis says “{said}”")
        case redis.exceptions.BusyLoadingError():
            return ServerError("not ready: Redis is loading its data")
        case redis.exceptions.ConnectionError():
            return trouble.from_network(error, where)
        case redis.exceptions.ResponseError():
            return RejectedError(f"refused by Redis: {said}", code=said.split(" ", 1)[0])
        case _:
            return trouble.from_network(error, where)
