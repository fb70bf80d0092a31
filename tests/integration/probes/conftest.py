"""Real servers in every state that a responder meets, and real programs on a PATH of their own."""

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bot.store import embedded
from bot.targets import Target, TargetSettings, leash

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Handler], Awaitable[int]]
TargetOf = Callable[..., Target]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server for a connection handler; gives its port."""
    servers: list[asyncio.Server] = []

    async def start(handler: Handler) -> int:
        async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await handler(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(connection, "127.0.0.1", 0)
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    before = asyncio.all_tasks()
    yield start
    for server in servers:
        server.close()
    for task in asyncio.all_tasks() - before - {asyncio.current_task()}:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def target() -> AsyncIterator[TargetOf]:
    """Make a target from settings; it is closed afterwards."""
    made: list[Target] = []

    def make(**settings: object) -> Target:
        made.append(Target(TargetSettings(**settings)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.EmbeddedPostgres]:
    """One real server for all tests here."""
    data_dir = Path(tempfile.mkdtemp(prefix="ats-pg-"))
    server = embedded.start(data_dir, durable=False)
    yield server
    embedded.stop(data_dir, mode="immediate")
    shutil.rmtree(data_dir)


@pytest.fixture
def closed_port() -> int:
    """A port on which nothing listens."""
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def programs(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write an executable into a directory of programs (`tmp_path / "bin"`)."""

    def write(name: str, script: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


@pytest.fixture
def path(tmp_path: Path) -> str:
    """That directory, and the system's own after it."""
    return f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for something that happens outside this process, where there is no event to wait for."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def only(*tasks: asyncio.Task[object] | None) -> None:
    """Wait until no other tasks are left; servers of ours need a moment to see their clients go."""

    async def alone() -> bool:
        return asyncio.all_tasks() <= {*tasks, asyncio.current_task()}

    await until(alone)


def programs_left() -> list[psutil.Process]:
    """What was begun and still runs; the leash, which is there to kill it, does not count."""
    left = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if leash.SHELL not in child.cmdline():
                left.append(child)
    return left


async def gone(*pids: int) -> None:
    """Wait until processes have ended (a zombie has)."""

    async def ended() -> bool:
        return all(map(_has_ended, pids))

    await until(ended)


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def written(path: Path) -> str:
    """Wait until a program has written something to a file."""

    async def there() -> bool:
        return bool(_text(path))

    await until(there)
    return _text(path)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def http_answer(status: str, body: bytes, *headers: str) -> Handler:
    """A server that answers every request alike."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return handler


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """A server that listens and never says anything."""
    while await reader.read(1024):
        pass


def resp(*, password: str = "", answer: bytes = b"+PONG\r\n") -> Handler:
    """A Redis that knows AUTH, CLIENT, HELLO and PING."""
    refused = b"-NOAUTH Authentication required.\r\n"
    wrong = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        trusted = not password
        while header := await reader.readline():
            words = []
            for _ in range(int(header[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2].decode())
            match words[0].upper():
                case "AUTH":
                    trusted = words[-1] == password
                    writer.write(b"+OK\r\n" if trusted else wrong)
                case "CLIENT":
                    writer.write(b"+OK\r\n" if trusted else refused)
                case "PING":
                    writer.write(answer if trusted else refused)
                case _:
                    writer.write(b"-ERR unknown command\r\n")
            await writer.drain()

    return handler
