"""What `ats-bot doctor` says about the target."""

from pathlib import Path

import psycopg
import pytest

from bot import doctor_target
from bot.app import load_rules
from bot.config import Settings
from bot.store import embedded
from tests.integration.targets.far import Host
from tests.integration.targets.test_ssh import host
from tests.rig import settings_from

__all__ = ["host"]


async def lines(settings: Settings, *, rules: bool = True) -> dict[str, str]:
    """Level by what was found; without the systems, which the probes' own tests hold."""
    found = await doctor_target.examine(settings, load_rules(settings) if rules else None)
    return {f.what: f.level for f in found}


def settings_of(tmp_path: Path, text: str, bots: str) -> Settings:
    file = tmp_path / "ats-bot.toml"
    file.write_text(text)
    return settings_from({"ATS_CONFIG": str(file), "ATS_DATABASE_URL": bots})


async def test_the_way_over_ssh(host: Host, tmp_path: Path, database_url: str) -> None:
    """Over SSH the key, the host key, the directory and the programs are looked at; a barred way ends the looking."""
    ssh = host.settings
    text = f"""
[target]
cwd = "{tmp_path}"
[target.ssh]
host = "127.0.0.1"
user = "ats"
port = {ssh.port}
key = "{ssh.key}"
known_hosts = "{ssh.known_hosts}"
"""
    found = await lines(settings_of(tmp_path, text, database_url))
    assert found[f"Target: ats@127.0.0.1 over SSH: programs run in {tmp_path}"] == "ok"
    missing = next(what for what in found if what.startswith("Target: no ") and "on PATH" in what)
    assert "./scripts/backup-postgres.sh" in missing
    assert found["Target: DATABASE_URL is not set, so no SQL step runs"] == "warning"
    assert found["Target: no api_token is set, so the trading API will say 401"] == "warning"
    empty = tmp_path / "empty"
    empty.write_text("")
    barred = await lines(settings_of(tmp_path, text.replace(str(ssh.known_hosts), str(empty)), database_url))
    (what,) = barred
    assert barred[what] == "error"
    assert "shows a key that" in what


@pytest.mark.slow
async def test_the_databases(tmp_path: Path, database_url: str, postgres: embedded.EmbeddedPostgres) -> None:
    """The bot's own database as the target's is an error; so is a reserved connection that cannot do what it is for."""

    async def said(ordinary: str, reserved: str = "") -> dict[str, str]:
        text = (
            f'[target]\ncwd = "{tmp_path}"\ndatabase_url = "{ordinary}"\nreserved_database_url = "{reserved}"\n'
        )
        return await lines(settings_of(tmp_path, text, database_url), rules=False)

    assert (await said(database_url))["Target: its DATABASE_URL is the bot's own database"] == "error"
    with psycopg.connect(postgres.url, autocommit=True) as connection:  # the server of `other`, not the bot's
        connection.execute("DROP ROLE IF EXISTS plain_role")
        connection.execute("CREATE ROLE plain_role LOGIN")
    other = embedded.create_database(postgres, "trading_doctor")
    none = "Target: no reserved_database_url is set: with a full pool nobody can look inside"
    assert (await said(other))[none] == "warning"
    assert (await said(other, other))["Target: the reserved connection works"] == "ok"
    may_not = "Target: the role of reserved_database_url may not use the reserved connections"
    plain = await said(other, other.replace("postgres@", "plain_role@"))
    assert plain.get(may_not) == "error", plain
    elsewhere = "Target: reserved_database_url is another database than database_url"
    assert (await said(other, database_url))[elsewhere] == "error"
