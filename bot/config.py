"""Settings: the only reader of the environment.

Order, first wins: environment, `NAME_FILE` (a file that holds the value, for secrets), `ats-bot.toml` in
the working directory (or the file that `ATS_CONFIG` names), defaults.
"""

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot import setting_names
from bot.domain import storms
from bot.errors import ConfigError
from bot.policy_settings import PolicyConfig
from bot.target_config import TargetConfig

_SECRETS = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "PAGERDUTY_API_TOKEN",
    "PAGERDUTY_WEBHOOK_SECRET",
    "PAGERDUTY_ROUTING_KEY",
    "PAGERDUTY_SECURITY_ROUTING_KEY",
    "ATS_DATABASE_URL",
    "ATS_REDIS_URL",
    "ATS_TARGET__DATABASE_URL",
    "ATS_TARGET__REDIS_URL",
    "ATS_TARGET__RESERVED_DATABASE_URL",
    "ATS_TARGET__API_TOKEN",
    "ATS_TARGET__SSH__PASSPHRASE",
    "ATS_HEARTBEAT__URL",
    "ATS_HEARTBEAT__ROUTING_KEY",
)
_OTHER_NAMES = frozenset({"ATS_CONFIG", *(f"{name}_FILE" for name in _SECRETS)})


class ProbesConfig(BaseModel, extra="allow"):
    """`[probes]`: names to leave out, and a table of options for each probe, `[probes.NAME]`."""

    leave_out: list[str] = Field(default_factory=list)


class LooksConfig(BaseModel, extra="forbid"):
    """`[looks]`: how often the bot looks at the systems by itself, and how much at once."""

    automatic: bool = True
    at_once: int = Field(default=4, ge=1, le=32)
    sample_every: float = Field(default=60.0, ge=0)
    keep_days: int = Field(default=7, ge=1, le=90)
    watches: int = Field(default=3, ge=1, le=20)
    watch_every: float = Field(default=15.0, ge=5)


class RolesConfig(BaseModel, extra="forbid"):
    """`[roles]`: Slack user ids (U…) or user group ids (S…) that hold a role besides being on call."""

    responder: list[str] = Field(default_factory=list)
    approver: list[str] = Field(default_factory=list)
    security: list[str] = Field(default_factory=list)
    admin: list[str] = Field(default_factory=list)

    @field_validator("*")
    @classmethod
    def _ids(cls, value: list[str]) -> list[str]:
        for item in value:
            if item[:1] not in {"U", "W", "S"} or not item.isalnum() or not item.isupper():
                raise ValueError(
                    f"{item!r} is not a Slack user or user group id (U…, W… or S…); names are not accepted"
                )
        return value


class EscalationConfig(BaseModel, extra="forbid"):
    """`[escalation]`: reminders, before and after somebody has acknowledged; times in minutes or days."""

    responders: bool = True
    again_minutes: float = Field(default=15, ge=1, le=1440)
    update_minutes_p0: float = Field(default=30, ge=0, le=1440)  # 0: none
    update_minutes_p1: float = Field(default=60, ge=0, le=1440)
    postmortem_days: list[float] = Field(default_factory=lambda: [1.0, 3.0])  # []: none
    cards_of_a_kind: int = Field(default=storms.MOST, ge=1, le=1000)  # in 5 minutes; more are one card


class HeartbeatConfig(BaseModel):
    """`[heartbeat]`: who learns that the bot itself is well, or not."""

    url: SecretStr = SecretStr("")  # asked while all is well: a dead-man's switch notices when it stops
    routing_key: SecretStr = SecretStr("")  # PagerDuty Events v2: an alert when a part is sick
    every_seconds: float = Field(default=30, ge=1, le=3600)


def _alias(name: str) -> AliasChoices:
    return AliasChoices(name, name.lower())


class Settings(BaseSettings):
    """Everything that can be set; names are those of DESIGN.md."""

    model_config = SettingsConfigDict(
        env_prefix="ATS_",
        env_nested_delimiter="__",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr = SecretStr("")
    redis_url: SecretStr = SecretStr("")
    host: str = "127.0.0.1"
    port: int = Field(default=8026, ge=0, le=65535)
    channel: str = "#trading-ops-alerts"
    runbook: Path | None = None
    runbook_url: str = ""  # where people read it in a browser; cards link to <url>#<entry>
    data_dir: Path = Path(".ats")
    postgres_bin: Path | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "console", "json"] = "auto"

    slack_bot_token: SecretStr = Field(default=SecretStr(""), validation_alias=_alias("SLACK_BOT_TOKEN"))
    slack_app_token: SecretStr = Field(default=SecretStr(""), validation_alias=_alias("SLACK_APP_TOKEN"))
    slack_signing_secret: SecretStr = Field(
        default=SecretStr(""), validation_alias=_alias("SLACK_SIGNING_SECRET")
    )
    slack_api_url: str = Field(default="https://slack.com/api/", validation_alias=_alias("SLACK_API_URL"))
    pagerduty_api_token: SecretStr = Field(
        default=SecretStr(""), validation_alias=_alias("PAGERDUTY_API_TOKEN")
    )
    pagerduty_api_url: str = Field(
        default="https://api.pagerduty.com", validation_alias=_alias("PAGERDUTY_API_URL")
    )
    pagerduty_events_url: str = Field(
        default="https://events.pagerduty.com", validation_alias=_alias("PAGERDUTY_EVENTS_URL")
    )
    pagerduty_webhook_secret: SecretStr = Field(
        default=SecretStr(""), validation_alias=_alias("PAGERDUTY_WEBHOOK_SECRET")
    )
    pagerduty_routing_key: SecretStr = Field(
        default=SecretStr(""), validation_alias=_alias("PAGERDUTY_ROUTING_KEY")
    )
    pagerduty_security_routing_key: SecretStr = Field(
        default=SecretStr(""), validation_alias=_alias("PAGERDUTY_SECURITY_ROUTING_KEY")
    )
    pagerduty_service: str = Field(default="", validation_alias=_alias("PAGERDUTY_SERVICE"))
    pagerduty_security_service: str = Field(default="", validation_alias=_alias("PAGERDUTY_SECURITY_SERVICE"))
    pagerduty_from_email: str = Field(default="", validation_alias=_alias("PAGERDUTY_FROM_EMAIL"))

    target: TargetConfig = Field(default_factory=TargetConfig)
    probes: ProbesConfig = Field(default_factory=ProbesConfig)
    looks: LooksConfig = Field(default_factory=LooksConfig)
    roles: RolesConfig = Field(default_factory=RolesConfig)
    escalation: EscalationConfig = Field(default_factory=EscalationConfig)
    heartbeat: HeartbeatConfig = Field(default_factory=HeartbeatConfig)
    policies: list[PolicyConfig] = Field(default_factory=list)

    @field_validator("channel")
    @classmethod
    def _channel(cls, value: str) -> str:
        name = value.strip()
        return name if name[:1] in {"#", "C", "G"} and not name.islower() else "#" + name.lstrip("#")

    @field_validator("slack_api_url")
    @classmethod
    def _slash(cls, value: str) -> str:
        return value.rstrip("/") + "/"  # slack_sdk joins with urljoin: without it the last part is lost

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """All secrets that a PagerDuty webhook may be signed with (two during a rotation)."""
        raw = self.pagerduty_webhook_secret.get_secret_value()
        return tuple(part.strip() for part in raw.split(",") if part.strip())

    @property
    def loopback(self) -> bool:
        """Whether the HTTP listener can be reached from this machine only."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def slack_modes(self) -> tuple[str, ...]:
        """Which ways of hearing Slack are configured: "socket", "http"."""
        modes = (("socket", self.slack_app_token), ("http", self.slack_signing_secret))
        return tuple(name for name, secret in modes if secret.get_secret_value())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _toml()))

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read everything; raises ConfigError with one line for each setting that is wrong."""
        _read_secret_files()
        lines = _unknown_names(cls)
        try:
            settings = cls(**overrides)
        except ValidationError as error:
            lines += setting_names.wrong(cls, error.errors())
        if lines:
            raise ConfigError("These settings are wrong:\n" + "\n".join(lines))
        return settings


def _toml() -> Path:
    return Path(os.environ.get("ATS_CONFIG", "ats-bot.toml"))


def _unknown_names(model: type[Settings]) -> list[str]:
    """What pydantic would ignore: names at the top of the file, and variables that are nearly one of ours."""
    fields = model.model_fields.items()
    variables = {f.validation_alias.choices[0] if isinstance(f.validation_alias, AliasChoices) else f"ATS_{n.upper()}"
                 for n, f in fields}  # fmt: skip
    lines = setting_names.misspelt(os.environ, {str(v) for v in variables}, _OTHER_NAMES)
    try:
        text = _toml().read_text(encoding="utf-8")
    except OSError:
        return lines
    try:
        names = list(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{_toml()} is no TOML: {error}. Correct it there.") from None
    return lines + setting_names.unknown_in_file(names, [n for n, _ in fields])


def _read_secret_files() -> None:
    """`NAME_FILE=/run/secrets/x` stands for `NAME=<content of that file>`."""
    for name in _SECRETS:
        path = os.environ.get(f"{name}_FILE")
        if path and not os.environ.get(name):
            try:
                os.environ[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigError(
                    f"{name}_FILE names {path}, which cannot be read ({error.strerror}). Mend the path or its rights."
                ) from None


def missing_settings(settings: Settings) -> list[str]:
    """What `run` cannot do without, each with where to get it."""
    lines = []
    if not settings.slack_bot_token.get_secret_value():
        lines.append(
            "SLACK_BOT_TOKEN is not set: the xoxb-… token under “OAuth & Permissions” of your Slack app."
        )
    if not settings.slack_modes:
        lines.append(
            "Neither SLACK_APP_TOKEN (Socket Mode: the xapp-… token under “Basic Information”, scope "
            "connections:write) nor SLACK_SIGNING_SECRET (HTTP mode) is set: the bot could not hear Slack."
        )
    if not settings.pagerduty_api_token.get_secret_value():
        lines.append(
            "PAGERDUTY_API_TOKEN is not set: PagerDuty → Integrations → API Access Keys → Create New API Key."
        )
    if lines:
        lines.append("docs/going-live.md goes through it in ten minutes; `ats-bot demo` needs none of it.")
    return lines
