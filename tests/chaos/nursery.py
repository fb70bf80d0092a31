"""Bots without the wait for Python's imports: forked from a process that has made them, and nothing else.

Run as a program it reads one order a line ({"settings", "log", "arguments"}) and answers with the pid of a new
process that goes on exactly as `python -m bot …` would. Imports start nothing in this project, so that is all
the same to the bot; a start is then a fraction of a second instead of one or two.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.chaos.process import ROOT, environment

WARM = (
    "bot.app", "bot.doctor", "bot.web.server", "bot.probes", "bot.targets", "handlers", "uvicorn.lifespan.off",
    "uvicorn.loops.auto", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto",
    "slack_bolt.adapter.socket_mode.async_handler", "slack_bolt.adapter.starlette.async_handler", "psycopg_pool",
    "sqlalchemy.dialects.postgresql.psycopg",
)  # fmt: skip


class Nursery:
    """The process that forks; `start` gives the pid of a new bot."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"], cwd=ROOT, env=environment({}), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def start(self, settings: Mapping[str, str], log: Path, arguments: list[str]) -> int:
        """Blocks until it is forked, the first time until everything is imported."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"settings": environment(settings), "log": str(log), "arguments": arguments}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it; its bots are their starters' business."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Fork at each line of standard input until it ends."""
    import importlib

    for name in WARM:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            _become_bot(json.loads(line))
            return
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become_bot(order: dict[str, object]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    settings, log, arguments = order["settings"], str(order["log"]), order["arguments"]
    assert isinstance(settings, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(settings)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    sys.argv = ["ats-bot", *arguments]
    from bot.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
