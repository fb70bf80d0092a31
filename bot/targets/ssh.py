"""The connection to the trading host: one, opened when it is needed, made anew when it dies."""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from bot.errors import AtsError, ConfigError, RejectedError, ServerError, UnauthorizedError, UnreachableError
from bot.targets import trouble
from bot.targets.line import Door
from bot.targets.settings import SshSettings

_ALIVE = 5  # seconds of silence after which the far side is asked whether it is still there; three times
_CHUNK = 64 * 1024
Opened = TypeVar("Opened")


class Ssh:
    """Sessions and forwarded connections on one SSH connection, shared by everything that runs there."""

    def __init__(self, settings: SshSettings) -> None:
        self.settings = settings
        self._connecting: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self._connections: list[asyncssh.SSHClientConnection] = []
        self._folder: Path | None = None
        self._doors = 0

    async def connection(self) -> asyncssh.SSHClientConnection:
        """The connection that stands, or a new one; whoever waits for it shares what comes of it."""
        if self._connecting is None or _is_over(self._connecting):
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(_seen)
        return await asyncio.shield(self._connecting)

    async def opened(
        self,
        ask: Callable[[asyncssh.SSHClientConnection], Coroutine[Any, Any, Opened]],
        undo: Callable[[Opened], object],
        *,
        where: str = "",
    ) -> Opened:
        """Open something on the connection; if that turns out to be dead, on a new one.

        Args:
            ask: opens it.
            undo: closes it again, when it comes after we have given up.
            where: what the far side connects to, for its refusal.
        """
        for last in (False, True):
            connection = await self.connection()
            try:
                return await _kept(ask(connection), undo)
            except asyncssh.ChannelOpenError as error:
                if last or not connection.is_closed():
                    raise _not_opened(error, self.settings.place, where) from error
            except (asyncssh.Error, OSError) as error:
                if last:
                    raise translated(error, self.settings) from error
        raise AssertionError("unreachable")

    async def _connect(self) -> asyncssh.SSHClientConnection:
        settings = self.settings
        _check_files(settings)
        self._hang_up()
        if not settings.jump:
            return await self._reach(settings)
        jump = await self._reach(_jump(settings))
        return await self._reach(settings, tunnel=jump)

    async def _reach(self, settings: SshSettings, **through: Any) -> asyncssh.SSHClientConnection:
        try:
            async with asyncio.timeout(settings.connect_seconds), _keys(settings) as keys:
                connection = await asyncssh.connect(
                    settings.host,
                    settings.port,
                    username=settings.user,
                    client_keys=keys,
                    **_options(settings),
                    **through,
                )
        except TimeoutError:
            raise UnreachableError(f"SSH: timed out: {settings.place} does not answer") from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise translated(error, settings) from error
        self._connections.append(connection)
        return connection

    def _hang_up(self) -> None:
        for connection in self._connections:
            connection.abort()
        self._connections.clear()

    @asynccontextmanager
    async def door(self, host: str, port: int, *, tcp: bool = False) -> AsyncIterator[Door]:
        """A socket of ours that leads to `host:port` as the far side sees it, for one connection to be made in time.

        It is a Unix socket in a folder that nobody else can enter, or (`tcp`) a port of 127.0.0.1 that takes one
        connection. The far side is connected first, so that a refusal is known here.
        """
        where = host if host.startswith("/") else f"{host}:{port}"
        reader, writer = await self.opened(lambda c: _dial(c, host, port), lambda o: o[1].close(), where=where)
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def accept(near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
            if taken.done():
                near_writer.close()
                return
            taken.set_result(None)
            pump = asyncio.create_task(_pump(near_reader, near_writer, reader, writer))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)
            server.close()

        path = None if tcp else self._path(port)
        if path is None:
            server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1)
            door = Door("", server.sockets[0].getsockname()[1])
        else:
            server = await asyncio.start_unix_server(accept, path)
            door = Door(str(path), port)
        try:
            yield door
            await taken  # a connection stands as soon as the system has queued it
        finally:
            server.close()
            if not taken.done():
                writer.close()
                taken.cancel()
            if path is not None:
                shutil.rmtree(path.parent, ignore_errors=True)

    def _path(self, port: int) -> Path:
        """Named as libpq looks for it."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="ats-line-"))
        self._doors += 1
        folder = self._folder / str(self._doors)
        folder.mkdir(mode=0o700)
        return folder / f".s.PGSQL.{port}"

    async def close(self) -> None:
        """Hang up; what still runs on the far side is ended by its supervisor."""
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        self._hang_up()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


async def _kept(opening: Coroutine[Any, Any, Opened], undo: Callable[[Opened], object]) -> Opened:
    """Wait for it; if we are given up meanwhile, it is undone as soon as it is there."""
    task = asyncio.create_task(opening)

    def late(done: asyncio.Task[Opened]) -> None:
        if not done.cancelled() and done.exception() is None:
            undo(done.result())

    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(late)
        raise


def _jump(settings: SshSettings) -> SshSettings:
    """The host to go through, as `user@host:port`; user and port may be left out."""
    user, _, rest = settings.jump.rpartition("@")
    host, _, port = rest.partition(":")
    if not host or (port and not port.isdigit()):
        raise ConfigError(f"not configured: [target.ssh] jump is user@host:port, and not {settings.jump!r}.")
    return replace(settings, host=host, port=int(port or 22), user=user or settings.user, jump="")


def _is_over(connecting: asyncio.Task[asyncssh.SSHClientConnection]) -> bool:
    if not connecting.done():
        return False
    return connecting.cancelled() or connecting.exception() is not None or connecting.result().is_closed()


def _seen(connecting: asyncio.Task[asyncssh.SSHClientConnection]) -> None:
    if not connecting.cancelled():
        connecting.exception()  # those who waited for it may have gone


async def _dial(
    connection: asyncssh.SSHClientConnection, host: str, port: int
) -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
    if host.startswith("/"):
        reader, writer = await connection.open_unix_connection(f"{host}/.s.PGSQL.{port}", encoding=None)
    else:
        reader, writer = await connection.open_connection(host, port, encoding=None)
    return reader, writer


async def _pump(
    near_reader: asyncio.StreamReader,
    near_writer: asyncio.StreamWriter,
    far_reader: "asyncssh.SSHReader[bytes]",
    far_writer: "asyncssh.SSHWriter[bytes]",
) -> None:
    """Carry bytes both ways until our side has gone."""
    up = asyncio.create_task(_carry(near_reader.read, far_writer))
    down = asyncio.create_task(_carry(far_reader.read, near_writer))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        if down.done() and not up.done() and near_writer.can_write_eof():
            with contextlib.suppress(OSError):
                near_writer.write_eof()  # the far side has said everything; ours still reads
            await asyncio.wait({up}, timeout=_ALIVE)
    finally:
        up.cancel()
        down.cancel()
        near_writer.close()
        far_writer.close()
        await asyncio.gather(up, down, return_exceptions=True)


async def _carry(read: Callable[[int], Awaitable[bytes]], writer: Any) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while chunk := await read(_CHUNK):
            writer.write(chunk)
            await writer.drain()


def _check_files(settings: SshSettings) -> None:
    """Without known hosts asyncssh would trust anybody, so that is looked at before."""
    if not settings.known_hosts.is_file():
        raise ConfigError(
            f"not configured: the known hosts file {settings.known_hosts} does not exist. Write the host's key into "
            f"it: ssh-keyscan -p {settings.port} {settings.host}, compared with the host's own."
        )
    if settings.key is not None and not os.access(settings.key, os.R_OK):
        raise ConfigError(
            f"not configured: the SSH key {settings.key} cannot be read. Correct [target.ssh] key."
        )
    if settings.key is None and not settings.agent:
        raise ConfigError(
            "not configured: neither a key nor an agent is set. Set key or agent under [target.ssh]."
        )


@asynccontextmanager
async def _keys(settings: SshSettings) -> AsyncIterator[Sequence[Any]]:
    """The key, or those of the agent, which is asked to sign as long as the connection is being made.

    asyncssh's own `agent_path` is not used: without other keys it is ignored, or goes with those of ~/.ssh.
    """
    if settings.key is not None:
        yield [str(settings.key)]
        return
    try:
        agent = await asyncssh.connect_agent(settings.agent)
    except OSError as error:
        why = (
            "there is no such socket" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        )
        raise ConfigError(
            f"not configured: the SSH agent {settings.agent} does not answer ({why}). Start it, and set [target.ssh] "
            "agent to its socket (SSH_AUTH_SOCK)."
        ) from error
    async with agent:
        keys = await agent.get_keys()
        if not keys:
            raise ConfigError(
                f"not configured: the SSH agent {settings.agent} holds no key. Add one with ssh-add; an agent that is "
                "locked (ssh-add -x) shows none."
            )
        yield keys


def _options(settings: SshSettings) -> dict[str, Any]:
    """Nothing is taken from the files or the environment of whoever runs the bot."""
    return {
        "config": None,
        "known_hosts": str(settings.known_hosts),
        "passphrase": settings.passphrase or None,
        "agent_path": None,
        "preferred_auth": "publickey",
        "password": None,
        "keepalive_interval": _ALIVE,
        "keepalive_count_max": 3,
        "connect_timeout": settings.connect_seconds,
        "login_timeout": settings.connect_seconds,
    }


def translated(error: Exception, settings: SshSettings) -> AtsError:
    """What SSH said, in the words of the other systems."""
    place = settings.place
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return RejectedError(
                f"SSH: {place} shows a key that {settings.known_hosts} does not have for it. Nothing was sent. If the "
                "host is new or was set up again, compare its key with the host's own and write it there.",
                code="host-key",
            )
        case asyncssh.PermissionDenied():
            whose = "the key" if settings.key is not None else "every key of the agent"
            return UnauthorizedError(f"SSH: no permission: {place} refuses {whose} of {settings.user}")
        case asyncssh.KeyImportError() | asyncssh.KeyEncryptionError():
            return _unusable(error, settings)
        case asyncssh.Error():
            return UnreachableError(f"SSH: broken off: {place}: {error.reason}")
        case ValueError():
            return ConfigError(f"not configured: [target.ssh]: {error}.")
        case _:
            told = trouble.from_network(error, place)
            told.args = (f"SSH: {told}",)
            return told


def _unusable(error: Exception, settings: SshSettings) -> ConfigError:
    """The key is none, or is locked by a passphrase: none is set, or a wrong one."""
    key, said = settings.key, str(error)
    agent = f"Give it to an agent (ssh-add {key}) and set [target.ssh] agent instead of key"
    if "bcrypt" in said:
        return ConfigError(
            f"not configured: the SSH key {key} is locked by a passphrase in OpenSSH's own format, which ats-bot opens "
            f"only with the Python package bcrypt. {agent}; or install bcrypt beside ats-bot."
        )
    if "assphrase" not in said and "decrypt" not in said:
        return ConfigError(f"not configured: the SSH key {key} cannot be used ({said}).")
    if settings.passphrase:
        return ConfigError(
            f"not configured: the passphrase does not open the SSH key {key}. Correct [target.ssh] passphrase."
        )
    return ConfigError(f"not configured: the SSH key {key} is locked by a passphrase. {agent}.")


_REASONS: tuple[tuple[re.Pattern[str], Callable[[str], AtsError]], ...] = (
    (
        re.compile(r"(?i)refused|connect call failed"),
        lambda where: UnreachableError(f"refused: nothing listens on {where} there"),
    ),
    (
        re.compile(r"(?i)not known|resolve|no address"),
        lambda where: UnreachableError(f"DNS: {where} is not known there"),
    ),
    (
        re.compile(r"(?i)no such file"),
        lambda where: UnreachableError(f"refused: there is no socket {where} there"),
    ),
    (re.compile(r"(?i)timed? ?out"), lambda where: UnreachableError(f"timed out: {where} does not answer")),
)


def _not_opened(error: asyncssh.ChannelOpenError, place: str, where: str) -> AtsError:
    """Why there is no channel: the far side may not, or cannot reach `where`."""
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return UnauthorizedError(
            f"SSH: no permission: {place} allows no forwarded connections. Set AllowTcpForwarding (and "
            "AllowStreamLocalForwarding, for sockets) in its sshd_config."
        )
    for pattern, told in _REASONS if where else ():
        if pattern.search(error.reason):
            return told(where)
    if where and error.code == asyncssh.OPEN_CONNECT_FAILED:
        return UnreachableError(f"unreachable: {where}: {error.reason}")
    return ServerError(
        f"SSH: {place} opens no more channels ({error.reason}): see MaxSessions in its sshd_config"
    )
