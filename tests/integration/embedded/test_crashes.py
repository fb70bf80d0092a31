import contextlib
import os
import subprocess
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from bot.store import embedded
from tests.integration.embedded.conftest import answer, kill_nine, postmaster, query, starter, until

pytestmark = pytest.mark.slow


def leftovers(data_dir: Path) -> list[Path]:
    return list(data_dir.glob("cluster.new-*"))


@pytest.mark.parametrize("whole_family", [False, True], ids=["starter", "starter and initdb"])
def test_killed_during_initdb(data_dir: Path, whole_family: bool) -> None:
    """A starter killed while initdb works leaves nothing that stops the next start, nor any rubbish."""
    process = starter(data_dir)
    until(lambda: any((d / "base").exists() for d in leftovers(data_dir)))
    children = psutil.Process(process.pid).children(recursive=True)
    kill_nine(process)
    for child in children if whole_family else []:
        with contextlib.suppress(ProcessLookupError):
            kill_nine(child)
    assert not (data_dir / "cluster").exists()
    server = embedded.start(data_dir, durable=False)
    assert query(server.url, "SELECT 1") == "1"
    until(lambda: not any(c.is_running() and c.status() != psutil.STATUS_ZOMBIE for c in children))
    embedded.stop(data_dir)


def test_stale_pid_reused_by_another_program(data_dir: Path) -> None:
    """After a crash the pid file may name an innocent program of the same user: told apart, and spared."""
    embedded.start(data_dir, durable=False)
    server = postmaster(data_dir)
    uid = server.uids().real
    kill_nine(server)
    innocent = subprocess.Popen(["sleep", "60"], user=uid, cwd="/")
    for name in (data_dir / "cluster" / "postmaster.pid", data_dir / "run" / ".s.PGSQL.5432.lock"):
        lines = name.read_text().splitlines()
        name.write_text("\n".join([str(innocent.pid), *lines[1:], ""]))
    try:
        assert not embedded.status(data_dir).running
        assert not embedded.stop(data_dir)
        assert embedded.start(data_dir, durable=False).started_by_us
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_stale_pid_reused_by_another_server(data_dir: Path) -> None:
    """A pid file that names the server of another directory does not make it ours."""
    other = embedded.start(data_dir / "other", durable=False)
    embedded.start(data_dir / "mine", durable=False)
    kill_nine(postmaster(data_dir / "mine"))
    pid_file = data_dir / "mine" / "cluster" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(postmaster(data_dir / "other").pid), *lines[1:], ""]))
    assert not embedded.status(data_dir / "mine").running
    assert embedded.start(data_dir / "mine", durable=False).started_by_us
    assert query(other.url, "SELECT 1") == "1"


def test_kill_nine_of_the_starter(data_dir: Path) -> None:
    """The server outlives its starter, and the next start finds it."""
    process = starter(data_dir, "stay")
    assert process.stdout is not None
    assert process.stdout.readline()
    kill_nine(process)
    server = embedded.start(data_dir, durable=False)
    assert not server.started_by_us
    assert query(server.url, "SELECT 1") == "1"


def test_kill_nine_of_the_postmaster(data_dir: Path) -> None:
    """After kill -9 under load the next start recovers what was committed, whatever backends are left over."""
    server = embedded.start(data_dir, durable=False)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    busy = psycopg.connect(server.url)  # its backend will compute, and not look at its postmaster
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
    busy.pgconn.flush()
    kill_nine(postmaster(data_dir))
    started = embedded.start(data_dir, durable=False)
    assert started.started_by_us
    assert query(started.url, "SELECT n FROM kept") == "7"
    busy.close()


def test_kill_nine_of_everything(data_dir: Path) -> None:
    """A power cut: every process gone at once, all lock files left, and the next start works."""
    embedded.start(data_dir, durable=False)
    server = postmaster(data_dir)
    family = [server, *server.children(recursive=True)]
    for process in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, 9)
    assert (data_dir / "cluster" / "postmaster.pid").exists()
    assert query(embedded.start(data_dir, durable=False).url, "SELECT 1") == "1"


@pytest.mark.parametrize("delay", [0.05 * n for n in range(1, 31)])
def test_killed_at_any_moment(data_dir: Path, delay: float) -> None:
    """Wherever in its start a starter is killed, another process starts and gets a working server."""
    process = starter(data_dir)
    time.sleep(delay)
    kill_nine(process)
    server = answer(starter(data_dir))
    assert query(server.url, "SELECT 1") == "1"
