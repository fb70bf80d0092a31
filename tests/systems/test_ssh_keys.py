"""A real ssh-agent, keys with a passphrase, and PostgreSQL's own TLS through the line (issue 4: targets)."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bot.errors import AtsError
from bot.targets.settings import SshSettings
from tests.systems.conftest import TargetOf
from tests.systems.daemon import Daemon, Place, program
from tests.systems.servers.postgres import Postgres
from tests.systems.servers.ssh import Ssh, keygen
from tests.systems.test_ssh import through


@pytest.fixture
def agent(place: Place) -> Iterator[tuple[Daemon, Path]]:
    """An agent without keys, and its socket."""
    socket = place.make("agent") / "socket"
    daemon = place.start(["ssh-agent", "-D", "-a", str(socket)], name="ssh-agent", ready=socket.exists)
    yield daemon, socket
    daemon.kill()


def add(socket: Path, *arguments: str | Path, passphrase: str = "") -> None:
    """`ssh-add`, which asks for a passphrase by a program."""
    asking = socket.parent / "ask"
    asking.write_text(f"#!/bin/sh\necho '{passphrase}'\n")
    asking.chmod(0o700)
    env = {
        **os.environ,
        "SSH_AUTH_SOCK": str(socket),
        "SSH_ASKPASS": str(asking),
        "SSH_ASKPASS_REQUIRE": "force",
    }
    subprocess.run(
        [program("ssh-add"), "-q", *map(str, arguments)], env=env, check=True, stdin=subprocess.DEVNULL
    )


async def refused(reached: TargetOf, settings: SshSettings) -> str:
    """What is said when it does not work."""
    with pytest.raises(AtsError) as raised:
        await reached(ssh=settings).run(["true"], deadline=30)
    return str(raised.value)


async def test_the_agent_opens_the_way_with_a_key_that_has_a_passphrase(
    ssh: Ssh, agent: tuple[Daemon, Path], target: TargetOf, tmp_path: Path
) -> None:
    """The key is unlocked once, by ssh-add; the bot has neither it nor its passphrase."""
    locked = tmp_path / "locked"
    keygen(locked, passphrase="a long sentence")
    with (ssh.home / "authorized_keys").open("a") as keys:
        keys.write(locked.with_suffix(".pub").read_text())
    by_agent = replace(through(ssh), key=None, agent=str(agent[1]))
    assert "holds no key. Add one with ssh-add" in await refused(target, by_agent)
    add(agent[1], locked, passphrase="a long sentence")
    assert (await target(ssh=by_agent).run(["id", "-un"])).stdout.strip() == ssh.user
    said = await refused(target, replace(through(ssh), key=locked))
    assert f"{locked} is locked by a passphrase. Give it to an agent (ssh-add {locked})" in said
    said = await refused(target, replace(through(ssh), key=locked, passphrase="a long sentence"))
    assert "only with the Python package bcrypt" in said
    assert "a long sentence" not in said


async def test_an_agent_with_other_keys_is_no_permission_and_one_that_is_gone_is_said(
    ssh: Ssh, agent: tuple[Daemon, Path], target: TargetOf, tmp_path: Path
) -> None:
    """Which of the two it is decides what somebody has to do."""
    keygen(tmp_path / "other")
    add(agent[1], tmp_path / "other")
    by_agent = replace(through(ssh), key=None, agent=str(agent[1]))
    assert "refuses every key of the agent" in await refused(target, by_agent)
    agent[0].kill()
    assert "does not answer" in await refused(target, by_agent)


def self_signed(host: str) -> tuple[bytes, bytes]:
    """A key and its certificate for that name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 7, now - timedelta(days=1), now + timedelta(days=30)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, *plain), made.sign(key, hashes.SHA256()).public_bytes(pem)


@pytest.fixture
def tls(trading: Postgres, place: Place) -> Iterator[tuple[Postgres, Path]]:
    """The trading database with a certificate for `localhost`, and the certificate."""
    home = place.make("postgres-tls", user="postgres")
    for name, content in zip(("key", "cert"), self_signed("localhost"), strict=True):
        (home / name).write_bytes(content)
        (home / name).chmod(0o600)
        shutil.chown(home / name, "postgres", "postgres")
    readable = home / "root.pem"
    readable.write_bytes((home / "cert").read_bytes())
    settings = {"ssl": "on", "ssl_cert_file": str(home / "cert"), "ssl_key_file": str(home / "key")}
    with trading.owner() as admin:
        for name, value in settings.items():
            admin.execute(f"alter system set {name} = '{value}'".encode())
        admin.execute("select pg_reload_conf()")
        yield trading, readable
        for name in settings:
            admin.execute(f"alter system reset {name}".encode())
        admin.execute("select pg_reload_conf()")


ENCRYPTED = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()"


async def test_postgres_speaks_tls_through_the_line(
    ssh: Ssh, tls: tuple[Postgres, Path], target: TargetOf
) -> None:
    """sslmode=require is kept; verify-full compares the name in the address, as if there were no line between."""
    server, certificate = tls

    async def asked(host: str, mode: str) -> str:
        url = server.url().replace("127.0.0.1", host) + f"?sslmode={mode}&sslrootcert={certificate}"
        answer = await target(ssh=through(ssh), database_url=url).sql(ENCRYPTED, deadline=30)
        return str(answer.rows[0][0])

    assert await asked("127.0.0.1", "require") == "true"
    assert await asked("localhost", "verify-full") == "true"
    with pytest.raises(AtsError, match="TLS") as raised:
        await asked("127.0.0.1", "verify-full")
    assert 'does not match host name "127.0.0.1"' in str(raised.value)


async def test_postgres_without_tls_is_said_when_tls_is_demanded(
    ssh: Ssh, trading: Postgres, target: TargetOf
) -> None:
    """sslmode=require against a server that has none."""
    url = trading.url() + "?sslmode=require"
    with pytest.raises(AtsError, match="TLS"):
        await target(ssh=through(ssh), database_url=url).sql("select 1", deadline=30)
