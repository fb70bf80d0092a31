"""Directories for servers, and starters as processes of their own, which can be killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from bot.store import embedded

ROOT = Path(__file__).parents[3]
STARTER = """
import json, os, sys
from pathlib import Path
from bot.store import embedded
if sys.argv[2:] and sys.argv[2].isdigit():  # after the imports: they may be where this user cannot go
    os.setgroups([]), os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
server = embedded.start(Path(sys.argv[1]), durable=False, timeout=60)
print(json.dumps([str(server.data_dir), server.url, server.started_by_us]), flush=True)
if sys.argv[2:] == ["stay"]:
    sys.stdin.read()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short, empty directory; whatever server is in it afterwards is stopped."""
    path = Path(tempfile.mkdtemp(prefix="ats-pg-"))
    path.chmod(0o711)
    yield path
    for cluster in path.rglob("cluster"):
        embedded.stop(cluster.parent, mode="immediate")
        if cluster.is_symlink():
            shutil.rmtree(cluster.readlink().parent)
    shutil.rmtree(path)


def starter(data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    """Another process that calls `start`; "stay" keeps it alive afterwards, a number is a user to become."""
    return subprocess.Popen(
        [sys.executable, "-B", "-c", STARTER, str(data_dir), *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> embedded.EmbeddedPostgres:
    """What a starter printed; its error if it failed."""
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    data_dir, url, started = json.loads(out)
    return embedded.EmbeddedPostgres(Path(data_dir), url, started)


def kill_nine(process: psutil.Process | subprocess.Popen[str]) -> None:
    """Kill without warning, and wait until it is gone (or a zombie that only init can reap)."""
    os.kill(process.pid, signal.SIGKILL)
    if isinstance(process, subprocess.Popen):
        process.communicate()
        return
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that will happen soon."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def postmaster(data_dir: Path) -> psutil.Process:
    """The running server's main process."""
    found = embedded.status(data_dir)
    assert found.pid is not None
    return psutil.Process(found.pid)


def query(url: str, statement: str) -> str:
    """The first value of an answer."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return str(row[0])
