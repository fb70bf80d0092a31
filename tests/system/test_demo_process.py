"""`ats-bot demo` as a process: it starts, it stops all that it started, and a kill does not stop the next."""

import contextlib
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from bot.store import embedded
from tests.chaos.process import BotProcess
from tests.rig import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data directory that the embedded server's user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="ats-demo-"))
    folder.chmod(0o711)
    yield folder
    embedded.stop(folder / "demo" / "postgres", mode="immediate")
    link = folder / "demo" / "postgres" / "cluster"
    if link.is_symlink():
        shutil.rmtree(link.readlink().parent, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def port() -> int:
    """A free port whose next one is free too: the demo uses both."""
    for _ in range(50):
        with socket.socket() as first, socket.socket() as second, contextlib.suppress(OSError):
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            second.bind(("127.0.0.1", port + 1))
            return port
    raise AssertionError("no two free ports in a row")


class Demos:
    """Starts demos, and leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[BotProcess] = []

    def start(self, port: int) -> BotProcess:
        log = self.folder / f"demo-{len(self.started)}.log"
        settings = {"ATS_DATA_DIR": str(self.folder), "ATS_PORT": str(port)}
        self.started.append(BotProcess.start(settings, log, "demo", "--port", str(port)))
        return self.started[-1]

    @property
    def postgres(self) -> embedded.ServerStatus:
        return embedded.status(self.folder / "demo" / "postgres")


@pytest.fixture
async def demos(folder: Path) -> AsyncIterator[Demos]:
    demos = Demos(folder)
    yield demos
    for demo in demos.started:
        left = family(demo)
        await demo.close()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def family(demo: BotProcess) -> list[psutil.Process]:
    """Everything that descends from it now."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(psutil.Process(demo.pid).children(recursive=True))
    return []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie that nobody reaps does not."""
    left = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left


async def ready(demo: BotProcess) -> None:
    """Wait until it has printed where to look."""
    await eventually(lambda: demo.url in demo.said() or not demo.running, within=90)
    assert demo.running, demo.said()


async def test_ctrl_c_stops_everything_that_the_demo_started(demos: Demos, port: int) -> None:
    """It prints its address and serves it; after Ctrl-C no process, no PostgreSQL and no port is left."""
    demo = demos.start(port)
    await ready(demo)
    async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
        assert (await client.get(demo.url)).status_code == 200
        assert (await client.get(f"http://127.0.0.1:{port + 1}/readyz")).status_code in {200, 503}
    postgres = psutil.Process(demos.postgres.pid)
    started = [*family(demo), postgres, *postgres.children(recursive=True)]
    assert await demo.stop(signal.SIGINT, within=20.0) == 0, demo.said()
    assert not alive(started)
    assert not demos.postgres.running
    for each in (port, port + 1):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", each), timeout=5)
    assert "Traceback" not in demo.said(), demo.said()


async def test_a_kill_leaves_nothing_that_stops_the_next_start(demos: Demos, port: int) -> None:
    """kill -9, then the same command on the same port: it starts, and Ctrl-C then stops everything."""
    first = demos.start(port)
    await ready(first)
    orphans = family(first)
    await first.kill()
    second = demos.start(port)
    await ready(second)
    started = family(second)
    assert await second.stop(signal.SIGINT, within=20.0) == 0, second.said()
    assert not alive(started)
    assert not demos.postgres.running
    assert not alive(orphans)


@pytest.mark.parametrize("offset", [0, 1])
async def test_a_taken_port_is_said_in_a_sentence(demos: Demos, port: int, offset: int) -> None:
    """Either of its two ports being taken ends it with 1, the port's number, and `--port`."""
    with socket.create_server(("127.0.0.1", port + offset)):
        demo = demos.start(port)
        assert await demo.ended(within=90) == 1
    assert f"Port {port + offset}" in demo.said()
    assert "--port" in demo.said()
    assert "Traceback" not in demo.said(), demo.said()
    assert not demos.postgres.running
