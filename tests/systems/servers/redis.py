"""Real Redis servers: one for each test, started in a tenth of a second with the settings that it needs."""

import contextlib
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from tests.systems.daemon import Daemon, Place, free_port, program


@dataclass(frozen=True, slots=True)
class Redis:
    daemon: Daemon
    port: int
    folder: Path
    password: str = ""

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    def call(self, *command: Any) -> Any:
        with contextlib.closing(redis.Redis.from_url(self.url)) as client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`redis-cli` with no password."""
        argv = [program("redis-cli"), "-p", str(self.port), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False)


def start(place: Place, *, password: str = "", user: str | None = "redis", **settings: str) -> Redis:
    """A server with these settings (underscores for hyphens)."""
    home, port = place.make("redis", user=user), free_port()
    lines = ["bind 127.0.0.1", f"port {port}", f"dir {home}", "save ''", "enable-debug-command local"]
    lines += [f"requirepass {password}"] if password else []
    lines += [f"{name.replace('_', '-')} {value}" for name, value in settings.items()]
    config = home / "redis.conf"
    config.write_text("\n".join(lines) + "\n")
    if user:
        shutil.chown(config, user, user)
    daemon = place.start(["redis-server", str(config)], name="redis", ready=lambda: _answers(port), user=user)
    return Redis(daemon, port, home, password)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as line:
        line.sendall(b"PING\r\n")
        return line.recv(64)[:1] in {b"+", b"-"}
    return False
