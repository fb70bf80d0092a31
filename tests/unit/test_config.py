"""Settings."""

from pathlib import Path

import pytest

from bot.errors import ConfigError
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
