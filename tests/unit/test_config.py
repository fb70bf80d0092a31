"""Settings."""

from pathlib import Path

import pytest

from bot.app import all_secrets, target_settings
from bot.config import Settings
from bot.errors import ConfigError
from bot.targets.settings import SshSettings
from tests.rig import settings_from


def test_defaults_are_safe() -> None:
    """Bound to this machine, in the runbook's channel, with the embedded database."""
    settings = settings_from({"ATS_CONFIG": "/dev/null"})
    assert (settings.host, settings.channel, settings.loopback) == ("127.0.0.1", "#trading-ops-alerts", True)
    assert settings.database_url.get_secret_value() == ""


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    """NAME_FILE stands for NAME."""
    (tmp_path / "token").write_text("xoxb-from-file\n")
    settings = settings_from({"SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.slack_bot_token.get_secret_value() == "xoxb-from-file"


def test_a_secret_file_that_is_missing_is_said() -> None:
    """With its name and its path."""
    with pytest.raises(ConfigError, match="SLACK_BOT_TOKEN_FILE names /nowhere"):
        settings_from({"SLACK_BOT_TOKEN_FILE": "/nowhere"})


def test_several_webhook_secrets_during_a_rotation() -> None:
    """Comma-separated, spaces forgiven."""
    settings = settings_from({"PAGERDUTY_WEBHOOK_SECRET": "old , new,"})
    assert settings.webhook_secrets == ("old", "new")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """ats-bot.toml holds what does not change."""
    file = tmp_path / "ats-bot.toml"
    file.write_text(
        'channel = "#from-file"\nport = 9000\n[roles]\nresponder = ["U01ABC"]\n[target]\ndeployment = "pm2"\n'
        '[probes]\nleave_out = ["mlflow"]\n[probes.disk]\npaths = ["/data"]\n'
    )
    settings = settings_from({"ATS_CONFIG": str(file), "ATS_PORT": "9001"})
    assert (settings.channel, settings.port, settings.target.deployment) == ("#from-file", 9001, "pm2")
    assert settings.roles.responder == ["U01ABC"]
    assert settings.probes.leave_out == ["mlflow"]
    assert settings.probes.model_extra == {"disk": {"paths": ["/data"]}}


@pytest.mark.parametrize(
    ("name", "value"), [("ATS_PORT", "70000"), ("ATS_LOG_LEVEL", "loud"), ("ATS_TARGET__DEPLOYMENT", "x")]
)
def test_a_wrong_value_is_said_without_showing_it(name: str, value: str) -> None:
    """The setting's name and what is wrong; values may be secrets."""
    with pytest.raises(ConfigError, match="These settings are wrong"):
        settings_from({name: value})


@pytest.mark.parametrize("who", ["dana", "@dana", "S-1", "u01abc"])
def test_roles_take_ids_never_names(who: str) -> None:
    """A name can be taken by somebody else."""
    with pytest.raises(ConfigError, match="names are not accepted"):
        settings_from({"ATS_ROLES__RESPONDER": f'["{who}"]'})


@pytest.mark.parametrize(("given", "expected"), [("ops", "#ops"), ("#ops", "#ops"), ("C0123ABC", "C0123ABC")])
def test_the_channel_is_a_name_or_an_id(given: str, expected: str) -> None:
    """A name gets its #."""
    assert settings_from({"ATS_CHANNEL": given}).channel == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])  # noqa: S104 - only parsed
def test_only_loopback_is_loopback(host: str) -> None:
    """What others can reach is not private."""
    assert not settings_from({"ATS_HOST": host}).loopback


def settings_in(tmp_path: Path, text: str, **environment: str) -> Settings:
    """Settings from a file of this text."""
    file = tmp_path / "ats-bot.toml"
    file.write_text(text)
    return settings_from({"ATS_CONFIG": str(file), **environment})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('chanel = "#x"', "chanel: there is no such setting; did you mean channel?"),
        ('[target]\ndatabse_url = "x"', "target.databse_url: there is no such setting; did you mean database_url?"),
        ('[target.ssh]\nhost="h"\nuser="u"\nknown_host="x"', "no such setting; did you mean known_hosts?"),
        ('[target.ssh]\nhost="h"\nuser="u"\npassword="x"', "target.ssh.password: there is no such setting"),
        ("[looks]\nautomatik = true", "looks.automatik: there is no such setting; did you mean automatic?"),
        ("[roles]\nzzz = []", "roles.zzz: there is no such setting; there are admin, approver, responder, security"),
        ('[target.ssh]\nhost = "h"', "target.ssh.user: Field required"),
        ("[target]\nmax_processes = 0", "target.max_processes: Input should be greater than or equal to 1"),
        ("channel = ", "is no TOML"),
    ],
)  # fmt: skip
def test_a_misspelt_setting_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    """A setting that does not exist is never ignored, and the nearest one is named."""
    with pytest.raises(ConfigError) as raised:
        settings_in(tmp_path, text)
    assert said in str(raised.value)


def test_misspelt_variables(tmp_path: Path) -> None:
    """A variable that is nearly one of ours, or below a section of ours, is an error; another's ATS_… is not."""
    with pytest.raises(ConfigError, match="ATS_CHANEL: there is no such setting; did you mean ATS_CHANNEL"):
        settings_in(tmp_path, "", ATS_CHANEL="#x")
    with pytest.raises(
        ConfigError, match=r"target\.api_tokn: there is no such setting; did you mean api_token"
    ):
        settings_in(tmp_path, "", ATS_TARGET__API_TOKN="x")
    settings_in(tmp_path, "", ATS_SERVICE_PORT_HTTP="80", ATS_SEED="/x")


def test_the_target_over_ssh(tmp_path: Path) -> None:
    """Every setting of [target.ssh] arrives; without a key the agent is that of whoever started the bot."""
    text = """
[target]
max_processes = 4
[target.ssh]
host = "trading-1"
user = "ats"
port = 2222
key = "~/.ssh/ats"
known_hosts = "/etc/ats/known_hosts"
jump = "jump@bastion:22"
"""
    ssh = target_settings(settings_in(tmp_path, text, ATS_TARGET__SSH__PASSPHRASE="phrase-1")).ssh
    assert ssh == SshSettings(
        host="trading-1",
        user="ats",
        known_hosts=Path("/etc/ats/known_hosts"),
        port=2222,
        key=Path.home() / ".ssh" / "ats",
        passphrase="phrase-1",
        agent=ssh.agent if ssh else "",
        jump="jump@bastion:22",
    )
    plain = settings_in(
        tmp_path, "", ATS_TARGET__SSH__HOST="h", ATS_TARGET__SSH__USER="u", SSH_AUTH_SOCK="/run/agent"
    )
    found = target_settings(plain).ssh
    assert found is None or found.known_hosts == Path.home() / ".ssh" / "known_hosts"
    assert target_settings(settings_in(tmp_path, "")).ssh is None


def test_every_secret_is_known(tmp_path: Path) -> None:
    """All secrets of the settings, and the passwords inside addresses, are taken out of what is shown."""
    text = """
redis_url = "redis://:redis-pw-1@r"
[target]
database_url = "postgresql://u:db-pw-1@h/x"
reserved_database_url = "postgresql://s:reserved-pw-1@h/x"
api_token = "token-1234"
[target.env]
LOKI_TOKEN = "env-token-1"
PLAIN = "no-secret"
[target.ssh]
host = "h"
user = "u"
passphrase = "phrase-1"
"""
    settings = settings_in(tmp_path, text, SLACK_APP_TOKEN="xapp-1", PAGERDUTY_WEBHOOK_SECRET="one-1, two-2")
    wanted = {
        "redis-pw-1",
        "db-pw-1",
        "reserved-pw-1",
        "token-1234",
        "env-token-1",
        "phrase-1",
        "xapp-1",
        "one-1",
        "two-2",
    }
    assert wanted <= set(all_secrets(settings))
    assert wanted <= set(target_settings(settings).known_secrets())
    assert "no-secret" not in all_secrets(settings)
