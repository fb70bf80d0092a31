"""What may stand in an argument list, where every user of a host can read it. Pure."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from bot.errors import RejectedError
from bot.targets.settings import TargetSettings

_POSTGRES = frozenset(
    {"psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_isready", "createdb", "dropdb", "vacuumdb", "reindexdb"}
)
_SHORTEST = 6  # a shorter secret is in every other word
_PG_ENV = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGDATABASE": "database",
    "PGPASSWORD": "password",
}


def safe(
    settings: TargetSettings, argv: Sequence[str], env: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Arguments without secrets, and the environment that carries them instead.

    Raises:
        RejectedError: a secret stands in an argument, and the program is not known to take it another way.
    """
    words, added = list(argv), dict(env)
    if words and words[0].rsplit("/", 1)[-1] in _POSTGRES:
        for at, word in enumerate(words):
            words[at], password = _without_password(word)
            if password:
                added["PGPASSWORD"] = password
    secrets = [s for s in settings.known_secrets() if len(s) >= _SHORTEST]
    if any(secret in word for word in words for secret in secrets):
        raise RejectedError(
            f"refused: a secret would stand in an argument of `{words[0]}`, where the process list shows it. Let "
            "the program read it from its environment ([target.env]).",
            code="secret-in-argument",
        )
    return tuple(words), added


def _without_password(word: str) -> tuple[str, str]:
    if not word.startswith(("postgres://", "postgresql://")):
        return word, ""
    with contextlib.suppress(ValueError):
        parts = urlsplit(word)
        if parts.password:
            user, _, host = parts.netloc.rpartition("@")
            return parts._replace(netloc=f"{user.partition(':')[0]}@{host}").geturl(), unquote(parts.password)
    return word, ""


def connection(leaf: Mapping[str, Any]) -> dict[str, str]:
    """Host, port, user, database and password of a SQL or Redis leaf, the variables in front of it included."""
    given = dict(leaf.get("connection", {}))
    env: Mapping[str, str] = given.pop("env", {})
    found = {name: env[variable] for variable, name in _PG_ENV.items() if env.get(variable)}
    if env.get("REDISCLI_AUTH"):
        found["password"] = env["REDISCLI_AUTH"]
    return found | {name: str(value) for name, value in given.items()}


def redis_url(settings: TargetSettings, connection: Mapping[str, str]) -> str:
    """The address of the Redis that a step names: the target's own, unless host, port or user differ from it."""
    if connection.get("url"):
        return connection["url"]
    own = urlsplit(settings.redis_url or "redis://localhost:6379")
    host = connection.get("host") or own.hostname or "localhost"
    port = connection.get("port") or str(own.port or 6379)
    database = connection.get("database")
    same = host == (own.hostname or "localhost") and port == str(own.port or 6379)
    user, password = connection.get("user"), connection.get("password")
    if same and user is None and password is None:
        return settings.redis_url if database is None else own._replace(path=f"/{database}").geturl()
    login = f"{quote(user or '', safe='')}:{quote(password, safe='')}@" if password else ""
    return f"{own.scheme}://{login}{host}:{port}/{database or own.path.strip('/') or 0}"
