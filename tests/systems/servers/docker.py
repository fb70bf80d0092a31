"""A real Docker daemon that touches no network: no bridge, no forwarding, no firewall rule; and Compose.

It runs in a mount namespace of its own, so that a kill leaves no mounts behind, with its data, socket and containerd
in the session's folder. The one image is made of Debian's static busybox.
"""

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.systems.daemon import INSTALLED, PROGRAMS, Daemon, Place, program

IMAGE = "ats/busybox:1"
_CONFIG: Mapping[str, Any] = {
    "iptables": False,
    "ip6tables": False,
    "bridge": "none",
    "ip-forward": False,
    "ip-masq": False,
    "userland-proxy": False,
    "live-restore": False,
    "storage-driver": "vfs",
}


@dataclass(frozen=True, slots=True)
class Docker:
    daemon: Daemon
    socket: Path
    config: Path  # DOCKER_CONFIG, with the Compose plugin

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.config)}

    def run(self, *argv: str, cwd: Path | None = None) -> str:
        """The `docker` command line; its output. A failure fails the test."""
        done = self.attempt(*argv, cwd=cwd)
        assert done.returncode == 0, f"docker {' '.join(argv)}: {done.stderr}"
        return done.stdout.strip()

    def attempt(self, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program("docker"), *argv], cwd=cwd, env={"PATH": PROGRAMS, "HOME": str(self.config)} | self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def container(self, name: str, *command: str, options: tuple[str, ...] = ()) -> str:
        """Start a container in the background."""
        return self.run(
            "run", "-d", "--pull", "never", "--network", "none", "--name", name, *options, IMAGE, *command
        )

    def state(self, name: str) -> dict[str, Any]:
        """`State` of `docker inspect`."""
        found: dict[str, Any] = json.loads(self.run("inspect", "--format", "{{json .State}}", name))
        return found

    def compose(self, folder: Path, services: Mapping[str, Mapping[str, Any]], *argv: str) -> str:
        """Write compose.yaml (JSON is YAML) and run `docker compose …` there."""
        filled = {
            name: {"image": IMAGE, "network_mode": "none", "pull_policy": "never", "stop_grace_period": "0s"}
            | dict(service)
            for name, service in services.items()
        }
        (folder / "compose.yaml").write_text(json.dumps({"name": "ats", "services": filled}))
        return self.run("compose", *argv, cwd=folder)

    def clean(self) -> None:
        """Remove every container and volume."""
        ids = self.run("ps", "-aq").split()
        if ids:
            self.run("rm", "-f", "-v", *ids)


def start(place: Place) -> Docker:
    home = place.make("docker")
    socket, config = home / "docker.sock", home / "daemon.json"
    config.write_text(json.dumps(_CONFIG))
    dockerd = [
        program("dockerd"), "--config-file", config, "--host", f"unix://{socket}", "--data-root", home / "data",
        "--exec-root", home / "exec", "--pidfile", home / "pid",
    ]  # fmt: skip
    daemon = place.start(
        ["unshare", "--mount", "--propagation", "private", *map(str, dockerd)],
        name="docker", ready=lambda: _answers(socket),
    )  # fmt: skip
    server = Docker(daemon, socket, _client_config(home))
    server.run("import", str(_image(home)), IMAGE)
    return server


def stop(server: Docker) -> None:
    server.clean()
    server.daemon.stop(signal.SIGTERM)


def _client_config(home: Path) -> Path:
    plugins = home / "config" / "cli-plugins"
    plugins.mkdir(parents=True)
    # The package's own docker-compose is a script that loses the exit status; the program is beside its modules.
    (found,) = INSTALLED.glob("venv/lib/python3*/site-packages/compose/docker-compose")
    (plugins / "docker-compose").symlink_to(found)
    return home / "config"


def _image(home: Path) -> Path:
    """A file system with a static busybox under the names that are used."""
    archive = home / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(os.path.realpath("/bin/busybox"), "bin/busybox")
        for name in ("sh", "sleep", "true", "false", "echo", "dd", "cat", "tail"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for folder in ("dev", "proc", "sys", "tmp", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
    return archive


def _answers(socket: Path) -> bool:
    probe = subprocess.run(
        [program("docker"), "-H", f"unix://{socket}", "info"], capture_output=True, check=False, timeout=20
    )
    return probe.returncode == 0
