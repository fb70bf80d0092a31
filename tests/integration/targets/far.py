"""A trading host over SSH for the fast tests: asyncssh's server, which really runs what it is asked to run."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from bot.targets.settings import SshSettings

USER = "ats"


@dataclass(slots=True)
class Host:
    """A host that is reached over SSH, and can lose the connection."""

    settings: SshSettings
    cut: Callable[[], Awaitable[None]]  # every connection dies, without a word
    asked: list[str] = field(default_factory=list)  # the commands as a process list shows them


class _Server(asyncssh.SSHServer):
    def __init__(self, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.add(conn)

    def connection_requested(self, *_: object) -> bool:
        return True

    def unix_connection_requested(self, dest_path: str) -> bool:
        return bool(dest_path)


@dataclass(slots=True)
class Served:
    """The server, and the files of its client."""

    folder: Path
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    server: asyncssh.SSHAcceptor | None = None
    running: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> Host:
        key, host_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        key.write_private_key(self.folder / "key")
        authorized = self.folder / "authorized_keys"
        authorized.write_bytes(key.export_public_key())
        self.server = await asyncssh.create_server(
            lambda: _Server(self.connections),
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            authorized_client_keys=str(authorized),
            process_factory=self._process,
            encoding=None,
        )
        port = self.server.sockets[0].getsockname()[1]
        known = self.folder / "known_hosts"
        known.write_bytes(f"[127.0.0.1]:{port} ".encode() + host_key.export_public_key())
        settings = SshSettings(
            host="127.0.0.1", user=USER, known_hosts=known, port=port, key=self.folder / "key"
        )
        return Host(settings, self.cut, self.asked)

    def _process(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        task = asyncio.create_task(self._run(process))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _run(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        """As sshd does: the login shell runs the command, and its pipes close with the connection."""
        self.asked.append(process.command or "")
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *self.shell,
            process.command or "",
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env={name: os.environ.get(name, "x") for name in ("HOME", "PATH", "USER", "LOGNAME", "LANG")},
            start_new_session=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        flows = [
            asyncio.create_task(_flow(child.stdout, process.stdout)),
            asyncio.create_task(_flow(child.stderr, process.stderr)),
        ]
        into = asyncio.create_task(_flow(process.stdin, child.stdin, ends=True))
        try:
            await child.wait()
            await asyncio.wait(flows)
            process.exit(child.returncode or 0)
        finally:
            for task in (*flows, into):
                task.cancel()
            await asyncio.gather(*flows, into, return_exceptions=True)

    async def cut(self) -> None:
        for connection in list(self.connections):
            connection.abort()
        self.connections.clear()

    async def close(self) -> None:
        await self.cut()
        await asyncio.gather(*self.running)
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()


async def _flow(reader: object, writer: object, *, ends: bool = False) -> None:
    """Until one end closes; the program's input does with it. A channel's end would end both of its outputs."""
    with contextlib.suppress(OSError, asyncssh.Error):
        while chunk := await reader.read(16 * 1024):  # type: ignore[attr-defined]
            writer.write(chunk)  # type: ignore[attr-defined]
            await writer.drain()  # type: ignore[attr-defined]
    if ends:
        with contextlib.suppress(OSError, asyncssh.Error):
            writer.write_eof()  # type: ignore[attr-defined]
