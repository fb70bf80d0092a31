"""A process that starts the real systems, and ends every one of them when the tests end, however they end.

Servers fork, daemonise and drop their rights, so neither a process group nor a list of pids finds them all. The keeper
is the "subreaper" of what it starts: whoever loses a parent becomes its child. When its standard input closes, because
the tests closed it or were killed, it kills all its descendants, whoever else names the session's folder (a PM2 daemon
that the bot itself woke), and removes the folder.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

_SET_CHILD_SUBREAPER = 36  # prctl(2)
_PATIENCE = 20.0  # seconds until what cannot be killed is left to itself
ROOT = Path(__file__).parents[2]


class Keeper:
    """The tests' side: start programs through the keeper, and close it at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.systems.keeper", str(folder)],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def start(
        self, argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path, user: str | None = None
    ) -> int:
        """Start a program as `user` (ours if None) with this environment and no other, its output in `log`; its pid.

        Raises:
            RuntimeError: it could not be started.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"argv": argv, "log": str(log), "env": dict(env), "cwd": str(cwd), "user": user}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the keeper has ended"}')
        if "error" in answer:
            raise RuntimeError(f"{argv[0]} could not be started: {answer['error']}")
        return int(answer["pid"])

    def close(self) -> None:
        """End everything; returns when it is gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=_PATIENCE + 10)
        assert self._process.stdout is not None
        self._process.stdout.close()


def main(folder: Path) -> None:
    """Carry out one order a line until standard input ends, then end everything."""
    ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, lambda *_: _reap())
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_start(**json.loads(line))) + "\n")
        sys.stdout.flush()
    _end_all(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _start(argv: list[str], log: str, env: dict[str, str], cwd: str, user: str | None) -> dict[str, object]:
    try:
        with Path(log).open("ab") as out:
            process = subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, user=user, group=user, extra_groups=[] if user else None,
            )  # fmt: skip
    except OSError as error:
        return {"error": str(error)}
    process.returncode = 0  # the signal handler waits for it, not this object
    return {"pid": process.pid}


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _end_all(folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        left = list(_left(str(folder)))
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.02)


def _left(folder: str) -> Iterator[psutil.Process]:
    """Our descendants, and strangers that name the session's folder; the dead do not count."""
    ours = {p.pid for p in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            if process.pid in ours or _names(process, folder):
                yield process


def _names(process: psutil.Process, folder: str) -> bool:
    with contextlib.suppress(psutil.AccessDenied):
        return any(folder in text for text in (*process.cmdline(), *process.environ().values()))
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
