"""Real servers of one session: started when first asked for, on a port of their own of this machine."""

import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos.process import free_port
from tests.systems.keeper import ROOT, Keeper

INSTALLED = ROOT / ".systems"
PROGRAMS = os.pathsep.join(
    [
        str(INSTALLED / "venv" / "bin"),
        str(INSTALLED / "node" / "node_modules" / ".bin"),
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]
)

__all__ = ["INSTALLED", "PROGRAMS", "Daemon", "Place", "free_port", "listens", "program", "until"]


def program(name: str) -> str:
    """The file of an installed program; a missing one is an error, never a skipped test."""
    found = shutil.which(name, path=PROGRAMS)
    if found is None:
        raise RuntimeError(
            f"{name} is not installed, and these tests exist for it. "
            "`make test-systems` installs it (.ci/install-systems)."
        )
    return found


def until(check: Callable[[], object], what: str, *, within: float = 60.0) -> None:
    """Wait for something outside this process; fails in words."""
    end = time.monotonic() + within
    while not check():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not so within {within:g} s")
        time.sleep(0.02)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True, slots=True)
class Place:
    """The session's folder, which every system user may enter, and who starts things in it."""

    folder: Path
    keeper: Keeper
    logs: list[Path] = field(default_factory=list)

    def make(self, name: str, *, user: str | None = None) -> Path:
        """A new directory of that user."""
        path = self.folder / name
        number = 1
        while path.exists():
            number += 1
            path = self.folder / f"{name}-{number}"
        path.mkdir(parents=True)
        if user:
            shutil.chown(path, user, user)
        return path

    def start(
        self,
        argv: Sequence[str | Path],
        *,
        name: str,
        ready: Callable[[], object],
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        within: float = 60.0,
    ) -> "Daemon":
        """Start a server and wait until it is ready; when it is not, its log is in the error."""
        home = self.make(f"{name}.run", user=user)
        log = home / "log"
        self.logs.append(log)
        words = [program(str(argv[0])) if os.sep not in str(argv[0]) else str(argv[0]), *map(str, argv[1:])]
        scrubbed = {"PATH": PROGRAMS, "HOME": str(home), "LC_ALL": "C.UTF-8"} | dict(env or {})
        pid = self.keeper.start(words, log=log, env=scrubbed, cwd=cwd or home, user=user)
        try:
            daemon = Daemon(name, psutil.Process(pid), log)
        except psutil.NoSuchProcess:
            raise RuntimeError(f"{name} ended at once:\n{_end(log)}") from None
        try:
            until(lambda: ready() or not daemon.running, f"{name} is ready", within=within)
            assert daemon.running, f"{name} ended at once"
        except AssertionError as error:
            daemon.kill()
            raise RuntimeError(f"{error}:\n{daemon.said()}") from None
        return daemon


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running server."""

    name: str
    process: psutil.Process
    log: Path

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    @property
    def running(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return bool(self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE)
        return False

    def said(self) -> str:
        """The end of its log."""
        return _end(self.log)

    def stop(self, how: signal.Signals = signal.SIGTERM, *, within: float = 15.0) -> None:
        """Ask it to stop; what does not in time is killed."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.process.send_signal(how)
            try:
                self.process.wait(within)
            except psutil.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.process.kill()
            self.process.wait(10)

    def pause(self) -> None:
        """SIGSTOP: the port accepts, and nobody answers."""
        self.process.suspend()

    def go_on(self) -> None:
        self.process.resume()


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:] if log.exists() else ""


@contextlib.contextmanager
def stopped_after(daemon: Daemon, how: signal.Signals = signal.SIGTERM) -> Iterator[Daemon]:
    """A daemon for one block."""
    try:
        yield daemon
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            daemon.process.resume()
        daemon.stop(how)
