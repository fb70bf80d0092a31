"""A real OpenSSH server, for steps that run on another host: here, this host as another user."""

import getpass
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.systems.daemon import Daemon, Place, free_port, listens, program

_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {home}/host_key
PidFile {home}/sshd.pid
AuthorizedKeysFile {home}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
MaxStartups 100
MaxSessions 100
AcceptEnv LANG
PermitUserEnvironment no
LogLevel VERBOSE
"""


@dataclass(frozen=True, slots=True)
class Ssh:
    daemon: Daemon
    port: int
    home: Path
    key: Path  # the private key that is let in
    known_hosts: Path  # with the server's real key
    user: str


def start(place: Place) -> Ssh:
    home, port = place.make("ssh"), free_port()
    Path("/run/sshd").mkdir(exist_ok=True)  # where the daemon separates its privileges; its service makes it
    for name in ("host_key", "key"):
        keygen(home / name)
    (home / "authorized_keys").write_text((home / "key.pub").read_text())
    host = (home / "host_key.pub").read_text()
    (home / "known_hosts").write_text(f"[127.0.0.1]:{port} {host}[localhost]:{port} {host}")
    (home / "sshd_config").write_text(_CONFIG.format(home=home, port=port))
    daemon = place.start(
        [program("sshd"), "-D", "-e", "-f", str(home / "sshd_config")], name="sshd", ready=lambda: listens(port)
    )
    return Ssh(daemon, port, home, home / "key", home / "known_hosts", getpass.getuser())


def keygen(path: Path, passphrase: str = "") -> None:
    """A new key pair."""
    argv = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)]
    subprocess.run(argv, check=True, capture_output=True)
