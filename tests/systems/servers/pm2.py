"""A real PM2: each test has a daemon of its own, in a PM2_HOME of its own."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.systems.daemon import PROGRAMS, Place, program, until

STEADY = "setInterval(() => {}, 1000); console.log('up');"
CRASHING = "console.error('Error: exchange refused the order'); process.exit(3);"
STUBBORN = "process.on('SIGINT', () => {}); setInterval(() => {}, 1000);"


@dataclass(frozen=True, slots=True)
class Pm2:
    """The daemon of one PM2_HOME, and a folder with the applications' files."""

    home: Path  # PM2_HOME
    folder: Path  # where ecosystem.config.cjs lies

    @property
    def own(self) -> dict[str, str]:
        """What makes a `pm2` command talk to this daemon."""
        return {"HOME": str(self.home.parent), "PM2_HOME": str(self.home), "CI": "1"}

    def run(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        """The command line; `env` is added to its environment."""
        return subprocess.run(
            [program("pm2"), *argv], cwd=self.folder, env={"PATH": PROGRAMS} | self.own | env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def app(self, name: str, code: str = STEADY) -> Path:
        """Write an application's file."""
        path = self.folder / f"{name}.js"
        path.write_text(code)
        return path

    def ecosystem(self, *apps: Mapping[str, Any]) -> Path:
        """Write ecosystem.config.cjs; each app's script is `<name>.js` unless it says otherwise."""
        entries = [{"script": f"./{a['name']}.js", "exp_backoff_restart_delay": 0} | dict(a) for a in apps]
        path = self.folder / "ecosystem.config.cjs"
        path.write_text(f"module.exports = {{ apps: {json.dumps(entries)} }};\n")
        return path

    def start(self, name: str, code: str = STEADY, **options: Any) -> None:
        """Start one application; options as in an ecosystem file."""
        self.app(name, code)
        file = self.folder / f"{name}.config.cjs"
        entry = {"name": name, "script": f"./{name}.js"} | options
        file.write_text(f"module.exports = {{ apps: [{json.dumps(entry)}] }};\n")
        done = self.run("start", str(file))
        assert done.returncode == 0, done.stdout + done.stderr

    def list(self) -> list[dict[str, Any]]:
        """`pm2 jlist`, parsed."""
        done = self.run("jlist", "--silent")
        text = done.stdout
        listed: list[dict[str, Any]] = json.loads(text[text.index("[{" if "[{" in text else "[]") :])
        return listed

    def one(self, name: str) -> dict[str, Any]:
        (found,) = [a for a in self.list() if a["name"] == name]
        return found

    def wait_for(self, name: str, status: str) -> dict[str, Any]:
        """Until that application has that status."""
        until(lambda: self.one(name)["pm2_env"]["status"] == status, f"{name} is {status}", within=30)
        return self.one(name)

    @property
    def daemon_pid(self) -> int | None:
        """The daemon's, when one runs."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int((self.home / "pm2.pid").read_text())
            return pid if psutil.pid_exists(pid) else None
        return None

    def close(self) -> None:
        """End the daemon and its applications, the daemon first so that it starts none again."""
        for pid in filter(None, [self.daemon_pid]):
            with contextlib.suppress(psutil.NoSuchProcess):
                daemon = psutil.Process(pid)
                apps = daemon.children(recursive=True)
                for process in (daemon, *apps):
                    self.end(process.pid)

    @staticmethod
    def end(pid: int) -> None:
        """Kill a process, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def make(place: Place) -> Pm2:
    """A PM2_HOME and a folder for the platform; the first command starts the daemon."""
    root = place.make("pm2")
    (root / "platform" / "logs").mkdir(parents=True)
    return Pm2(root / "home", root / "platform")


def daemons_in(folder: Path) -> list[int]:
    """The PM2 daemons whose PM2_HOME lies in this folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("PM2_HOME", "").startswith(str(folder) + os.sep):
                found.append(process.pid)
    return found
