"""Programs on the trading host, over SSH; the supervisor there leaves none of them running."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Sequence

import asyncssh

from bot.errors import AtsError, ConfigError, ServerError, UnauthorizedError, UnreachableError
from bot.targets import supervisor, trouble
from bot.targets.answers import PipeAnswer, Stage
from bot.targets.kept import Kept, Progress
from bot.targets.settings import TargetSettings
from bot.targets.slots import Slots
from bot.targets.ssh import Ssh, translated

_LINGER = 0.5  # seconds for output that somebody else still holds open
_ENDING = (
    2.0  # seconds in which the far side must have killed what it runs, before it is asked on another channel
)
_BEYOND = 3  # seconds after the deadline in which the far side ends by itself


class FarRunner:
    """Programs over SSH, at most so many at once."""

    def __init__(self, settings: TargetSettings, ssh: Ssh, max_processes: int) -> None:
        self._settings, self._ssh = settings, ssh
        self._slots = Slots(max_processes)

    async def pipe(
        self,
        stages: Sequence[Stage],
        *,
        deadline: float,
        keep: int,
        given: bytes | None = None,
        progress: Progress | None = None,
    ) -> PipeAnswer:
        """Run them there; `deadline` counts the wait for free places and for the connection, too."""
        ends = time.monotonic() + deadline
        run = _Run(self._ssh, keep, progress)
        try:
            async with asyncio.timeout(deadline), self._slots.taken(len(stages)):
                return await run.run(stages, self._settings, given, ends)
        except TimeoutError:
            error = trouble.timed_out(deadline, begun=run.begun)
            if run.left_over:
                error.args = (f"{error}; {run.left_over}",)
            raise error from None

    async def close(self) -> None:
        await self._ssh.close()


class _Run:
    """One pipe on the far side."""

    def __init__(self, ssh: Ssh, keep: int, progress: Progress | None) -> None:
        self._ssh = ssh
        self._out, self._err = Kept(keep, progress), Kept(keep)
        self.reports = supervisor.Reports(self._err.feed)
        self.left_over = ""  # what may still run, in words
        self._fed = False
        self._sent = False

    @property
    def begun(self) -> bool:
        """Whether it may have run: it was sent, and nothing said that it was not begun."""
        return self._sent and not self.reports.problem

    async def run(
        self, stages: Sequence[Stage], settings: TargetSettings, given: bytes | None, ends: float
    ) -> PipeAnswer:
        began = time.perf_counter()
        program = self._program(stages, settings, ends, fed=given is not None)
        process = await self._ssh.opened(_session, lambda late: late.close())
        try:
            self._fed = given is not None
            self._sent = True
            process.stdin.write(supervisor.line(program) + (given or b""))
            if self._fed:
                process.stdin.write_eof()
            await self._read(process)
        except (asyncssh.Error, OSError) as error:
            raise self._lost(translated(error, self._ssh.settings)) from error
        finally:
            await asyncio.shield(asyncio.create_task(self._end(process)))
        self.reports.flush()
        self._judge(process, stages)
        exits = tuple(_code(self.reports.exits.get(n)) for n in range(len(stages)))
        cut = self._out.left_out or self._err.left_out
        return PipeAnswer(exits, self._out.text(), self._err.text(), time.perf_counter() - began, cut)

    def _program(self, stages: Sequence[Stage], settings: TargetSettings, ends: float, *, fed: bool) -> str:
        env = dict(settings.env) if settings.path is None else {"PATH": settings.path, **settings.env}
        return supervisor.script(
            self.reports.mark,
            stages,
            env=env,
            cwd=str(settings.cwd or ""),
            limit=math.ceil(max(ends - time.monotonic(), 0.0)) + _BEYOND,
            fed=fed,
        )

    async def _read(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        """Read both streams to their ends; once the supervisor has gone, a stranger may hold them for a moment only."""
        readers = {
            asyncio.create_task(_feed(process.stdout, self._out.feed)),
            asyncio.create_task(_feed(process.stderr, self.reports.feed)),
        }
        try:
            pending = readers
            while pending and not self.reports.ended:
                done, pending = await asyncio.wait(pending, timeout=0.05)
                for reader in done:
                    reader.result()
            if pending:
                await asyncio.wait(pending, timeout=_LINGER)
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def _end(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        """Have the far side killed if it still runs: by the end of its input, else by a signal on another channel."""
        try:
            if self.reports.ended or await self._hung_up(process):
                return
            pid = self.reports.pid
            if pid and not await self._killed(pid):
                self.left_over = f"whether process {pid} there has ended is not known"
        finally:
            process.close()

    async def _hung_up(self, process: asyncssh.SSHClientProcess[bytes]) -> bool:
        """End the line to the supervisor, and wait for its last word."""
        if self._fed:
            return False
        with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
            async with asyncio.timeout(_ENDING):
                process.stdin.write_eof()
                while not self.reports.ended and (chunk := await process.stderr.read(16 * 1024)):
                    self.reports.feed(chunk)
        return self.reports.ended

    async def _killed(self, pid: int) -> bool:
        command = f"kill -9 -{pid} || kill -9 {pid}; kill -0 -{pid} || echo gone"
        try:
            async with asyncio.timeout(_ENDING):
                connection = await self._ssh.connection()
                done = await connection.run(f"/bin/sh -c '{command}' 2>/dev/null", stdin=asyncssh.DEVNULL)
        except (asyncssh.Error, OSError, TimeoutError, AtsError):
            return False
        return "gone" in str(done.stdout)

    def _judge(self, process: asyncssh.SSHClientProcess[bytes], stages: Sequence[Stage]) -> None:
        """Raise what the supervisor could not do, or that there is none."""
        match self.reports.problem:
            case ("missing", stage):
                raise trouble.not_installed(stages[int(stage)].argv[0])
            case ("denied", stage):
                program = stages[int(stage)].argv[0]
                raise UnauthorizedError(f"no permission: `{program}` may not be executed by this user")
            case ("cwd",):
                raise ConfigError(
                    "not configured: the target's working directory does not exist there, or is closed to us."
                )
            case ("nogroup",):
                raise ServerError(
                    "not run: the host has none of setsid, perl and python3, and what could not be ended is not begun"
                )
        if not self.reports.ended:
            raise self._silent(process)

    def _silent(self, process: asyncssh.SSHClientProcess[bytes]) -> AtsError:
        """The channel ended without the supervisor's last word."""
        said = " ".join((self._err.text() or self._out.text()).split())[:200]
        if process.exit_status is not None and not self.reports.pid:
            return ServerError(
                f"SSH: the login shell did not run the command (status {process.exit_status}): {said or 'no word'}"
            )
        return self._lost(
            UnreachableError(f"SSH: broken off: {self._ssh.settings.place} went away while it ran")
        )

    def _lost(self, error: AtsError) -> AtsError:
        error.begun = self.begun
        return error


async def _session(connection: asyncssh.SSHClientConnection) -> "asyncssh.SSHClientProcess[bytes]":
    return await connection.create_process(supervisor.BOOTSTRAP, encoding=None)


async def _feed(stream: "asyncssh.SSHReader[bytes]", into: Callable[[bytes], None]) -> None:
    while chunk := await stream.read(16 * 1024):
        into(chunk)


def _code(status: int | None) -> int:
    """A shell's status; one that was never told belongs to a program that was killed with its group."""
    return 137 if status is None else status
