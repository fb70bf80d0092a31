"""Programs on this host: never through a shell, and never left running."""

import asyncio
import contextlib
import errno
import os
import re
import shutil
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bot.errors import AtsError, ConfigError, RejectedError, UnauthorizedError
from bot.targets import trouble
from bot.targets.answers import ExecAnswer
from bot.targets.settings import TargetSettings

_INHERITED = ("PATH", "HOME", "LANG", "PM2_HOME")  # everything else in our environment is ours: tokens, URLs
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINGER = 0.5  # seconds for output of a child that outlives its parent
_GLANCE = 0.005  # seconds between looks at whether a program has ended


class Runner(Protocol):
    """How programs are run where the systems under care are: on this host, or over SSH."""

    async def run(self, argv: Sequence[str], *, deadline: float, keep: int) -> ExecAnswer:
        """Run a program to its end; raises an AtsError when it cannot be run or does not end in time."""
        ...


class LocalRunner:
    """Programs on this host, at most so many at once."""

    def __init__(self, settings: TargetSettings, max_processes: int) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(max_processes)

    async def run(self, argv: Sequence[str], *, deadline: float, keep: int) -> ExecAnswer:
        """Run one program; `deadline` counts the wait for a free slot too."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(deadline), self._slots:
                process = await self._start(argv)
                return await _finish(process, keep, began)
        except TimeoutError:
            raise trouble.timed_out(deadline) from None

    async def _start(self, argv: Sequence[str]) -> asyncio.subprocess.Process:
        if not argv:
            raise RejectedError("not a program: the command is empty", code="empty")
        env = _environment(self._settings)
        executable = _find(argv[0], env.get("PATH", os.defpath), self._settings)
        starting = asyncio.create_task(_spawn(executable, argv, env, self._settings.cwd))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Left to itself asyncio would wait for whoever inherited the pipes, and kill none of them.
            with contextlib.suppress(OSError):
                await _end(await starting)
            raise
        except (OSError, ValueError) as error:
            raise _cannot_start(error, argv[0]) from error


async def _spawn(
    executable: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *argv,
        executable=executable,
        env=env,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
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
    raise RejectedError(f"not installed: no program `{program}` on PATH", code=trouble.NOT_INSTALLED)


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


async def _finish(process: asyncio.subprocess.Process, keep: int, began: float) -> ExecAnswer:
    """Read both pipes while the program runs; whatever happens, its whole group is gone afterwards."""
    out, err = Kept(keep), Kept(keep)
    assert process.stdout and process.stderr  # noqa: S101, PT018 - for the type checker
    readers = {
        asyncio.create_task(out.read(process.stdout)),
        asyncio.create_task(err.read(process.stderr)),
    }
    ended = False
    try:
        await _exited(process)
        _, unfinished = await asyncio.wait(readers, timeout=_LINGER)  # a child may still hold the pipes
        ended = not unfinished
    finally:
        for reader in readers:
            reader.cancel()
        if not ended:
            await _end(process)
    took = time.perf_counter() - began
    return ExecAnswer(process.returncode or 0, out.text(), err.text(), took, out.left_out or err.left_out)


async def _exited(process: asyncio.subprocess.Process) -> None:
    """Wait for the program itself; `Process.wait` also waits for everyone who holds its pipes (CPython 119710)."""
    while process.returncode is None:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(_GLANCE)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the program and its children, without asking: it had its time."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await _exited(process)
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - else pipes that a stranger holds stay open


class Kept:
    """The head and the tail of a stream, however long it is."""

    def __init__(self, limit: int) -> None:
        self._limit = limit // 2  # bytes, for each of the two
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0

    @property
    def left_out(self) -> bool:
        return self._dropped > 0

    async def read(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(16 * 1024):
            self.feed(chunk)

    def feed(self, chunk: bytes) -> None:
        room = self._limit - len(self._head)
        self._head += chunk[:room]
        rest = chunk[room:]
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail_size > self._limit:
            self._drop()

    def _drop(self) -> None:
        excess = self._tail_size - self._limit
        first = self._tail.popleft()
        gone = min(excess, len(first))
        if first[gone:]:
            self._tail.appendleft(first[gone:])
        self._tail_size -= gone
        self._dropped += gone

    def text(self) -> str:
        """What was kept, decoded, without colours, and with a note of how much is missing."""
        note = f"\n… {self._dropped:,} bytes left out …\n".encode() if self._dropped else b""
        whole = bytes(self._head) + note + b"".join(self._tail)
        return _ESCAPES.sub("", whole.decode("utf-8", errors="replace"))
