"""What a target is made of, as plain values; the composition root reads them from the settings."""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

_IN_WORDS = re.compile(r"\bpassword\s*=\s*'?([^\s&']+)")  # "host=db password=…", "?password=…"
_SECRET_NAME = re.compile(r"(?i)(?:pass(?:word|wd)?|secret|token|key|credentials?|dsn)s?$|^REDISCLI_AUTH$")


@dataclass(frozen=True, slots=True)
class SshSettings:
    """How the trading host is reached. Its key is always checked, and there is no password."""

    host: str
    user: str
    known_hosts: Path
    port: int = 22
    key: Path | None = None
    passphrase: str = ""  # the key's
    agent: str = ""  # the agent's socket, when there is no key
    jump: str = ""  # a host to go through: user@host:port, with the same key and known hosts
    connect_seconds: float = 10.0

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """Where the systems under care are."""

    database_url: str = ""  # the trading platform's, never the bot's own
    reserved_database_url: str = ""  # the same database, as a role that gets in when the pool is full
    redis_url: str = "redis://localhost:6379"
    api_url: str = "http://localhost:8000"
    api_token: str = ""  # sent to the origin of `api_url` and nowhere else
    cwd: Path | None = None  # the platform's checkout; the runbook's paths are relative to it
    env: Mapping[str, str] = field(default_factory=dict)  # added to the few variables that programs get
    path: str | None = None  # PATH for programs; None: ours
    rewrites: Mapping[str, str] = field(default_factory=dict)  # URL prefix as written -> prefix to call
    deployment: str = ""  # what runs the platform: "pm2", "compose", "helm", or not said
    secrets: tuple[str, ...] = ()  # further values that no text may show
    ssh: SshSettings | None = None  # None: the systems are on the host that the bot runs on

    def known_secrets(self) -> tuple[str, ...]:
        """Every value that must not be shown: the target's own, and those of the bot."""
        return (*self.own_secrets(), *(s for s in self.secrets if s))

    def own_secrets(self) -> tuple[str, ...]:
        """The token, the passwords in the URLs, and what is named like a secret in the environment."""
        urls = (self.database_url, self.reserved_database_url, self.redis_url, self.api_url, *self.env.values())
        passwords = [password for url in urls for password in passwords_in(url)]
        named = [value for name, value in self.env.items() if _SECRET_NAME.search(name)]
        phrase = self.ssh.passphrase if self.ssh is not None else ""
        return tuple(s for s in (self.api_token, phrase, *passwords, *named) if s)

    def variables(self) -> dict[str, str]:
        """The target's environment, as the runbook's `$NAME` mean it; never the bot's own."""
        port = ""
        with contextlib.suppress(ValueError):
            port = str(urlsplit(self.redis_url).port or "")
        derived = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "REDIS_PORT": port,
            "TRADING_API_TOKEN": self.api_token,
            "API_TOKEN": self.api_token,
        }
        return {name: value for name, value in derived.items() if value} | dict(self.env)

    def rewrite(self, url: str) -> str:
        """The URL to call for one in the runbook; the longest prefix that ends at a boundary wins."""
        for prefix in sorted(self.rewrites, key=len, reverse=True):
            rest = url.removeprefix(prefix)
            if url.startswith(prefix) and (not rest or prefix.endswith("/") or rest[0] in "/?#"):
                return self.rewrites[prefix] + rest
        return url


def passwords_in(url: str) -> list[str]:
    """Those in a URL or a libpq connection string, as written and decoded."""
    found = _IN_WORDS.findall(url)
    with contextlib.suppress(ValueError):
        found.append(urlsplit(url).password or "")
    return [form for password in found if password for form in (password, unquote(password))]
