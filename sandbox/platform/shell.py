"""What a program of the sandbox answers: the common shape of pm2, docker, helm, kubectl and aws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.platform.state import PlatformState


@dataclass(frozen=True, slots=True)
class Result:
    """What the program prints and how it ends."""

    out: str = ""
    err: str = ""
    code: int = 0
    follow: bool = False  # it never ends by itself (`pm2 logs`)
    pause: float = 0.0  # seconds after each line: progress
    next: tuple[str, ...] = ()  # arguments with which it goes on after these lines
    raw: bytes = b""  # printed as it is, instead of `out`


Program = Callable[[PlatformState, Sequence[str]], Result]


def usage(program: str, text: str, arguments: Sequence[str]) -> Result:
    """The arguments are not understood: never a success, never a change."""
    given = " ".join([program, *arguments])
    return Result(
        err=f"{given}: not understood by the sandbox's {program}.\nUsage: {program} {text}\n", code=64
    )


def table(rows: Sequence[Sequence[str]], gap: str = "   ") -> str:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def option(arguments: Sequence[str], *names: str) -> str | None:
    """The value after one of these options (`-n trading`, `--lines=50`), or None."""
    for number, argument in enumerate(arguments):
        if argument in names and number + 1 < len(arguments):
            return arguments[number + 1]
        name, equals, value = argument.partition("=")
        if equals and name in names:
            return value
    return None


def split(arguments: Sequence[str], *, valued: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Positional arguments and flags; the values of `valued` options belong to neither."""
    words: list[str] = []
    flags: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            words.append(argument)
            continue
        name = argument.partition("=")[0]
        flags.append(name)
        if name in valued and "=" not in argument:
            next(rest, None)
    return words, flags


def age(seconds: float) -> str:
    """9d, 4h, 12m, 7s: as kubectl and PM2 write it."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
