"""The small POSIX sh program that runs a pipe on a far host and leaves nothing of it behind. Pure; see ADR 24.

The far process list shows `BOOTSTRAP` only: the program itself, with arguments and secret variables, comes over
standard input as one line. After that standard input is the line to the bot: when it ends, whatever ended it, the whole
process group is killed. So it is after `limit` seconds, should the network hold a connection with nobody behind it.
"""

import re
import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.errors import ConfigError, RejectedError
from bot.targets.answers import Stage

# Single quotes and one line: any login shell understands it. LANG is fixed, for what programs print is parsed.
BOOTSTRAP = (
    'exec env -i "HOME=$HOME" "PATH=$PATH" "USER=$USER" "LOGNAME=$LOGNAME" LANG=C.UTF-8 '
    '/bin/sh -c \'IFS= read -r s && eval "$(printf %b "$s")"\' ats-bot'
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _./:=-+,@^~{}()[]|<>&;$'\"!?#*"
)

# A new session, so that the group can be killed as one; without setsid(1), by whatever else can make one.
_SESSIONS = (
    ("command -v setsid", "setsid"),
    ("command -v perl", "perl -MPOSIX -e 'setsid; exec @ARGV'"),
    ("command -v python3", "python3 -c 'import os,sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])'"),
)
_FRAME = """\
trap : HUP PIPE
exec 3<&0 4>&2 </dev/null 2>/dev/null
say() {{ printf '{mark} %s\\n' "$*" >&4; }}
{settings}
ATS_STEP={step}
run='ATS=$ATS_STEP; unset ATS_STEP; eval "$ATS"'
{start} {{ say nogroup; exit 1; }}
end() {{ kill -9 "-$child" || kill -9 "$child"; kill -9 "-$child"; }}
say pid "$child"
{watch}
( trap 'kill -9 "$!"; exit' TERM; sleep {limit} & wait "$!" && end ) >/dev/null 3<&- 4>&- &
limit=$!
exec >&-
wait "$child"
while kill -0 "$child"; do wait "$child"; done
if kill -0 "-$child"; then sleep 0.5 || sleep 1; kill -9 "-$child"; fi
kill "$limit"
say end
{unwatch}
"""
_WATCH = "( while IFS= read -r l; do :; done; end ) <&3 >/dev/null 4>&- &\nwatch=$!\nexec 3<&-"


def quoted(text: str) -> str:
    """One word for any POSIX shell."""
    if "\x00" in text:
        raise RejectedError("not a program: there is a NUL in its arguments", code="NUL")
    return shlex.quote(text)


def script(
    mark: str,
    stages: Sequence[Stage],
    *,
    env: Mapping[str, str],
    cwd: str,
    limit: int,
    fed: bool,
) -> str:
    """The program for one pipe.

    Args:
        mark: what its reports on standard error begin with; nobody can guess it.
        stages: what runs.
        env: the target's variables; PATH may be among them.
        cwd: the working directory; "": where the login begins.
        limit: seconds after which it ends by itself, with nobody to tell it to.
        fed: standard input is the first program's input, and not the line.
    """
    settings = [f"export {_assigned(name, value)}" for name, value in env.items()]
    if cwd:
        settings.append(f"cd {quoted(cwd)} || {{ say cwd; exit 1; }}")
    settings += [_check(number, stage) for number, stage in enumerate(stages)]
    into = "<&3" if fed else "</dev/null"
    ways = (
        f'if {has} >/dev/null; then export ATS_STEP; {by} /bin/sh -c "$run" {into} 2>&4 3<&- 4>&- &\nchild=$!\nel'
        for has, by in _SESSIONS
    )
    start = "".join(ways) + 'se child=; fi\nunset ATS_STEP\n[ "$child" ] ||'
    return _FRAME.format(
        mark=mark,
        settings="\n".join(settings),
        step=quoted(_pipe(mark, stages)),
        start=start,
        watch="exec 3<&-" if fed else _WATCH,
        unwatch="" if fed else 'kill -9 "$watch"',
        limit=limit,
    )


def _assigned(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"not configured: {name!r} under [target.env] is no name of a variable.")
    return f"{name}={quoted(value)}"


def _check(number: int, stage: Stage) -> str:
    """Say which program is missing, or may not be executed, before any of them begins."""
    if not stage.argv or not stage.argv[0]:
        raise RejectedError("not a program: the command is empty", code="empty")
    if stage.argv[0].startswith("-"):
        raise RejectedError(f"not a program: {stage.argv[0]}", code="empty")
    program = quoted(stage.argv[0])
    there = f"{{ [ -e {program} ] && say denied {number} || say missing {number}; exit 1; }}"
    found = (
        f"[ -x {program} ] && [ ! -d {program} ]"
        if "/" in stage.argv[0]
        else f"command -v {program} >/dev/null"
    )
    return f"{{ {found}; }} || {there}"


def _pipe(mark: str, stages: Sequence[Stage]) -> str:
    told = (
        f"{{ ( {_stage(stage)} ); printf '{mark} exit {n} %s\\n' \"$?\" >&4; }}"
        for n, stage in enumerate(stages)
    )
    return "exec 4>&2 2>/dev/null\n" + " | ".join(told)


def _stage(stage: Stage) -> str:
    """One program; `exec` runs a file and never one of the shell's own commands."""
    exports = "".join(f"export {_assigned(name, value)}; " for name, value in stage.env.items())
    words = " ".join(map(quoted, stage.argv))
    out = {"null": " >/dev/null", "stderr": " >&4"}.get(stage.stdout, "")
    err = {"null": " 2>/dev/null", "stdout": " 2>&1"}.get(stage.stderr, " 2>&4")
    return f"{exports}exec {words}{out}{err} 4>&-"


def line(text: str) -> bytes:
    """A program as the one line that `BOOTSTRAP` reads: what is not plain becomes an octal escape."""
    return (
        b"".join(bytes([c]) if c in _PLAIN else b"\\0%03o" % c for c in text.encode("utf-8", "surrogateescape"))
        + b"\n"
    )


@dataclass(slots=True)
class Reports:
    """Takes the supervisor's own reports out of its standard error; the rest goes to `rest`."""

    rest: Callable[[bytes], None]
    mark: str = field(default_factory=lambda: secrets.token_hex(16))
    pid: int = 0  # the far process group; 0: nothing has begun
    exits: dict[int, int] = field(default_factory=dict)
    problem: tuple[str, ...] = ()
    ended: bool = False
    _held: bytes = b""

    def feed(self, chunk: bytes) -> None:
        """More of standard error; reports may be cut anywhere."""
        data, mark = self._held + chunk, self.mark.encode()
        while (at := data.find(mark)) >= 0 and (stop := data.find(b"\n", at)) >= 0:
            self.rest(data[:at])
            self._note(data[at + len(mark) : stop].decode("ascii", "replace").split())
            data = data[stop + 1 :]
        keep = len(data) - at if at >= 0 else _overlap(data, mark)
        self.rest(data[: len(data) - keep])
        self._held = data[len(data) - keep :]

    def flush(self) -> None:
        """There is no more."""
        self.rest(self._held)
        self._held = b""

    def _note(self, words: list[str]) -> None:
        match words:
            case ["pid", pid]:
                self.pid = int(pid)
            case ["exit", stage, code]:
                self.exits[int(stage)] = int(code)
            case ["end"]:
                self.ended = True
            case _:
                self.problem = tuple(words)


def _overlap(data: bytes, mark: bytes) -> int:
    """How many bytes at the end of `data` may be the beginning of the mark."""
    return next((n for n in range(min(len(mark) - 1, len(data)), 0, -1) if data.endswith(mark[:n])), 0)
