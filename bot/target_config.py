"""`[target]` of the settings: the trading platform, and how it is reached."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.targets.settings import SshSettings, TargetSettings


class SshConfig(BaseModel):
    """`[target.ssh]`: the trading host. Its key is always checked; there is no setting for a password."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field(min_length=1)
    user: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    key: Path | None = None
    passphrase: SecretStr = SecretStr("")
    agent: str = ""
    known_hosts: Path = Field(default_factory=lambda: Path.home() / ".ssh" / "known_hosts")
    jump: str = ""
    connect_seconds: float = Field(default=10.0, gt=0, le=60)

    def plain(self) -> SshSettings:
        """As the targets take it; without a key, the agent is the one of whoever started the bot."""
        return SshSettings(
            host=self.host,
            user=self.user,
            known_hosts=self.known_hosts.expanduser(),
            port=self.port,
            key=self.key.expanduser() if self.key is not None else None,
            passphrase=self.passphrase.get_secret_value(),
            agent=self.agent or os.environ.get("SSH_AUTH_SOCK", ""),
            jump=self.jump,
            connect_seconds=self.connect_seconds,
        )


class TargetConfig(BaseModel):
    """`[target]`: the trading platform, as seen from where steps and probes run."""

    model_config = ConfigDict(extra="forbid")

    database_url: SecretStr = SecretStr("")
    reserved_database_url: SecretStr = SecretStr("")
    redis_url: SecretStr = SecretStr("")
    redis_port: int = Field(default=6379, ge=1, le=65535)
    api_url: str = "http://localhost:8000"
    api_token: SecretStr = SecretStr("")
    cwd: Path | None = None
    env: dict[str, str] = Field(default_factory=dict)
    path: str | None = None
    rewrites: dict[str, str] = Field(default_factory=dict)
    deployment: Literal["", "pm2", "compose", "helm"] = ""
    max_processes: int = Field(default=8, ge=1, le=64)
    ssh: SshConfig | None = None

    def plain(self, secrets: tuple[str, ...]) -> TargetSettings:
        """As the targets take it; `secrets` are further values that nobody is shown."""
        return TargetSettings(
            database_url=self.database_url.get_secret_value(),
            reserved_database_url=self.reserved_database_url.get_secret_value(),
            redis_url=self.redis_url.get_secret_value() or f"redis://localhost:{self.redis_port}",
            api_url=self.api_url,
            api_token=self.api_token.get_secret_value(),
            cwd=self.cwd,
            env=self.env,
            path=self.path,
            rewrites=self.rewrites,
            deployment=self.deployment,
            secrets=secrets,
            ssh=self.ssh.plain() if self.ssh is not None else None,
        )
