"""Programs on this host: never through a shell, and never left running."""

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Protocol

from bot.errors import AtsError, ConfigError, RejectedError, UnauthorizedError
from bot.targets import gate, trouble
from bot.targets.answers import PipeAnswer, Stage
from bot.targets.kept import Kept, Progress
from bot.targets.leash import Leash
from bot.targets.settings import TargetSettings
from bot.targets.slots import Slots

_INHERITED = ("PATH", "HOME", "LANG", "PM2_HOME")  # everything else in our environment is ours: tokens, URLs
_LINGER = 0.5  # seconds for output of a child that outlives its parent
_GLANCE = 0.005  # seconds between looks at whether a program has ended

Stream = int | IO[bytes] | None


class Runner(Protocol):
    """How programs are run where the systems under care are: on this host, or over SSH."""

    async def pipe(
        self,
        stages: Sequence[Stage],
        *,
        deadline: float,
        keep: int,
        given: bytes | None = None,
        progress: Progress | None = None,
    ) -> PipeAnswer:
        """Run programs, each one's output into the next, to their end.

        Raises an AtsError when one cannot be run, or they do not end in time; then none of them is left.
        """
        ...

    async def close(self) -> None: ...


class LocalRunner:
    """Programs on this host, at most so many at once."""

    def __init__(self, settings: TargetSettings, max_processes: int) -> None:
        self._settings = settings
        self._slots = Slots(max_processes)
        self._leash = Leash()

    async def pipe(
        self,
        stages: Sequence[Stage],
        *,
        deadline: float,
        keep: int,
        given: bytes | None = None,
        progress: Progress | None = None,
    ) -> PipeAnswer:
        """Run them; `deadline` counts the wait for free places too."""
        pipe = _Pipe(self._settings, keep, progress, self._leash)
        try:
            async with asyncio.timeout(deadline), self._slots.taken(len(stages)):
                return await pipe.run(stages, given)
        except TimeoutError:
            raise trouble.timed_out(deadline, begun=bool(pipe.processes)) from None

    async def close(self) -> None:
        """Nothing is kept between calls but the leash."""
        self._leash.close()


class _Pipe:
    """Programs wired one into the next; whatever happens, their whole groups are gone afterwards."""

    def __init__(self, settings: TargetSettings, keep: int, progress: Progress | None, leash: Leash) -> None:
        self._settings, self._leash = settings, leash
        self._gated = False
        self.processes: list[asyncio.subprocess.Process] = []
        self._out = Kept(keep, progress)
        self._keep = keep
        self._errors: list[Kept] = []
        self._readers: set[asyncio.Task[None]] = set()

    async def run(self, stages: Sequence[Stage], given: bytes | None) -> PipeAnswer:
        began = time.perf_counter()
        ended = False
        try:
            await self._start_all(stages, given)
            await _exited(self.processes[-1])
            await self._others_exited()
            await self._read_out()
            ended = all(r.done() for r in self._readers) and all(
                p.returncode is not None for p in self.processes
            )
        finally:
            for reader in self._readers:
                reader.cancel()
            for process in self.processes if not ended else ():
                _kill(process)  # all of them before anything is awaited: we may be cancelled once more
            for process in self.processes:
                self._leash.let_go(process.pid)
            if not ended:
                await _buried(self.processes)
        exits = tuple(-signal.SIGPIPE if p.returncode is None else p.returncode for p in self.processes)
        errors = "".join(kept.text() for kept in self._errors)
        cut = self._out.left_out or any(kept.left_out for kept in self._errors)
        return PipeAnswer(exits, self._out.text(), errors, time.perf_counter() - began, cut)

    async def _others_exited(self) -> None:
        """Those whose reader has gone: most end by SIGPIPE at once, the rest is not waited for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                await asyncio.gather(*map(_exited, self.processes))

    async def _read_out(self) -> None:
        """Read what is still on its way; a child that outlives its parent may hold the pipes."""
        if self._readers:
            await asyncio.wait(self._readers, timeout=_LINGER)

    async def _start_all(self, stages: Sequence[Stage], given: bytes | None) -> None:
        """Each is started behind its gate, and the first is let go last: by then all of them are on the leash."""
        self._gated = all(_fits(self._settings, stage) for stage in stages)
        pipes = [os.pipe() for _ in stages[1:]]
        try:
            for number, stage in enumerate(stages):
                stdin = pipes[number - 1][0] if number else self._source(given)
                stdout = pipes[number][1] if number < len(pipes) else asyncio.subprocess.PIPE
                await self._start(stage, stdin, stdout, nothing=not number and given is None)
            for _, write in pipes if self._gated else ():
                os.write(write, gate.GO)
        finally:
            for end in (end for pipe in pipes for end in pipe):
                os.close(end)
        if self._gated or given is not None:
            words = (gate.GO if self._gated else b"") + (given or b"")
            self._readers.add(asyncio.create_task(_feed(self.processes[0], words)))

    def _source(self, given: bytes | None) -> int:
        return asyncio.subprocess.PIPE if self._gated or given is not None else asyncio.subprocess.DEVNULL

    async def _start(self, stage: Stage, stdin: int, stdout: int, *, nothing: bool) -> None:
        process = await _start(self._settings, stage, (stdin, stdout), nothing=nothing if self._gated else None)
        self.processes.append(process)
        self._leash.hold(process.pid)
        if process.stdout is not None:
            self._readers.add(asyncio.create_task(_read(process.stdout, self._out)))
        if process.stderr is not None:
            self._errors.append(Kept(self._keep))
            self._readers.add(asyncio.create_task(_read(process.stderr, self._errors[-1])))


def _fits(settings: TargetSettings, stage: Stage) -> bool:
    """Whether it can stand behind a gate; what is wrong with it is said when it is started."""
    env = _environment(settings) | dict(stage.env)
    try:
        return bool(stage.argv) and gate.fits(_find(stage.argv[0], env.get("PATH", os.defpath), settings))
    except AtsError:
        return False


async def _start(
    settings: TargetSettings, stage: Stage, streams: tuple[int, int], *, nothing: bool | None
) -> asyncio.subprocess.Process:
    """Start a program; `nothing`: what its gate gives it to read (see gate.behind), None: it has no gate."""
    if not stage.argv:
        raise RejectedError("not a program: the command is empty", code="empty")
    program = stage.argv[0]
    env = _environment(settings) | dict(stage.env)
    executable = _find(program, env.get("PATH", os.defpath), settings)
    argv: tuple[str, ...] = stage.argv
    if nothing is not None:
        argv = gate.behind(argv, nothing=nothing, env=env)
        executable = argv[0]
    starting = asyncio.create_task(_spawn(executable, replace(stage, argv=argv), env, settings.cwd, streams))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Left to itself asyncio would wait for whoever inherited the pipes, and kill none of them.
        starting.add_done_callback(_kill_started)
        await asyncio.wait({starting})
        if not starting.cancelled() and starting.exception() is None:
            await _buried([starting.result()])  # its place is free only when it is gone
        raise
    except (OSError, ValueError) as error:
        raise _cannot_start(error, program) from error


async def _spawn(
    executable: str, stage: Stage, env: Mapping[str, str], cwd: Path | None, streams: tuple[int, int]
) -> asyncio.subprocess.Process:
    null, pipe, out = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    merged = stage.stderr == "stdout" or stage.stdout == "stderr"
    return await asyncio.create_subprocess_exec(
        *stage.argv,
        executable=executable,
        env=env,
        cwd=cwd,
        stdin=streams[0],
        stdout=null if stage.stdout == "null" else streams[1],
        stderr=out if merged else null if stage.stderr == "null" else pipe,
        start_new_session=True,
    )


def _environment(settings: TargetSettings) -> dict[str, str]:
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    if settings.path is not None:
        env["PATH"] = settings.path
    return env | dict(settings.env)


def _find(program: str, path: str, settings: TargetSettings) -> str:
    """The program's file; relative ones (./scripts/x) are relative to the working directory."""
    if settings.cwd is not None and not settings.cwd.is_dir():
        raise ConfigError(f"not configured: the target's working directory {settings.cwd} does not exist.")
    if os.sep in program:
        full = os.path.join(settings.cwd or "", program)  # noqa: PTH118 - Path would drop a leading "./"
        candidates = [full]
    else:
        full = shutil.which(program, path=path) or ""
        candidates = [os.path.join(d, program) for d in path.split(os.pathsep)]  # noqa: PTH118 - as which() does
    if full and os.access(full, os.X_OK) and not os.path.isdir(full):  # noqa: PTH112 - as which() does
        return os.path.abspath(full)  # noqa: PTH100 - links must not be resolved: argv[0] decides for busybox
    if any(os.path.isfile(c) for c in candidates):  # noqa: PTH113 - as which() does
        raise UnauthorizedError(f"no permission: `{program}` may not be executed by this user")
    raise trouble.not_installed(program)


def _cannot_start(error: OSError | ValueError, program: str) -> AtsError:
    if isinstance(error, ValueError):
        return RejectedError(f"not a program: `{program}` has a NUL in its arguments", code="NUL")
    if error.errno == errno.ENOEXEC:
        return RejectedError(f"not a program: `{program}` has no interpreter line", code="ENOEXEC")
    if error.errno == errno.E2BIG:
        return RejectedError(f"too long: the arguments of `{program}`", code="E2BIG")
    if isinstance(error, FileNotFoundError):
        return RejectedError(
            f"not installed: `{program}` needs an interpreter that is missing", code=trouble.NOT_INSTALLED
        )
    return trouble.from_network(error, f"`{program}`")


async def _feed(process: asyncio.subprocess.Process, given: bytes) -> None:
    """Give a program its input; one that has enough of it closes its end."""
    assert process.stdin is not None  # noqa: S101 - for the type checker
    with contextlib.suppress(ConnectionError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _read(stream: asyncio.StreamReader, kept: Kept) -> None:
    while chunk := await stream.read(16 * 1024):
        kept.feed(chunk)


async def _exited(process: asyncio.subprocess.Process) -> None:
    """Wait for the program itself; `Process.wait` also waits for everyone who holds its pipes (CPython 119710)."""
    while process.returncode is None:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(_GLANCE)


_burials: set[asyncio.Task[None]] = set()


async def _buried(processes: Sequence[asyncio.subprocess.Process]) -> None:
    """Wait until what was killed is gone; that goes on when whoever waits is cancelled once more."""

    async def bury() -> None:
        await asyncio.gather(*map(_exited, processes))

    burial = asyncio.create_task(bury())
    _burials.add(burial)
    burial.add_done_callback(_burials.discard)
    await asyncio.shield(burial)


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill the program and its children, without asking: it had its time."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - else pipes that a stranger holds stay open


def _kill_started(starting: asyncio.Task[asyncio.subprocess.Process]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        _kill(starting.result())
