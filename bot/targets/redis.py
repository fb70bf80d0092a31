"""Redis commands to a system under care."""

import asyncio

import redis.asyncio
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.errors import AbsentError, AtsError, RejectedError, ServerError, UnauthorizedError
from bot.targets import trouble
from bot.targets.http import origin
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings


async def command(settings: TargetSettings, words: tuple[str, ...], *, deadline: float) -> object:
    """Send one command on a connection of its own and return Redis's answer, text decoded."""
    if not settings.redis_url:
        raise AbsentError("not configured: the target has no Redis address. Set it under [target].")
    client = redis.asyncio.Redis.from_url(
        settings.redis_url,
        decode_responses=True,
        encoding_errors="replace",
        socket_connect_timeout=deadline,
        socket_timeout=deadline,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    try:
        async with asyncio.timeout(deadline):
            answer: object = await client.execute_command(*words)  # type: ignore[no-untyped-call]
            return answer
    except (TimeoutError, redis.exceptions.TimeoutError):
        raise trouble.timed_out(deadline) from None
    except redis.exceptions.RedisError as error:
        raise _translated(error, settings) from error
    finally:
        await client.connection_pool.disconnect(inuse_connections=True)


def _translated(error: redis.exceptions.RedisError, settings: TargetSettings) -> AtsError:
    said = redact(str(error), settings.known_secrets())
    _, host, port = origin(settings.redis_url)
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
