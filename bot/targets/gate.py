"""A program waits behind a gate until it is on the leash: a bot that is killed before that has begun nothing.

The gate is a small shell in the program's place, which reads one line from its standard input and then becomes the
program. If the bot dies first, the line never comes, and the shell ends.
"""

import os
from collections.abc import Collection, Sequence
from typing import Final

GO: Final = b"\n"
_SH: Final = "/bin/sh"
_ADDED: Final = ("PWD", "OLDPWD", "SHLVL", "_")  # by shells, to the environment of what they become
_HEAD: Final = 256  # bytes of a file that tell what it is
_PROGRAMS: Final = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")  # Linux, macOS


def behind(argv: Sequence[str], *, nothing: bool, env: Collection[str]) -> tuple[str, ...]:
    """The same program behind a gate; `nothing`: it is given nothing to read once it goes."""
    unset = " ".join(name for name in _ADDED if name not in env)
    hide = f"unset {unset}; " if unset else ""
    end = " </dev/null" if nothing else ""
    return (_SH, "-c", f'read -r _ || exit; {hide}exec "$@"{end}', "sh", *argv)


def fits(path: str) -> bool:
    """Whether a program can stand behind the gate: a shell is there, and the kernel itself is sure to begin it.

    Anything else a shell would take for a script of its own. Without a gate the kernel says what is wrong with it.
    """
    if not os.access(_SH, os.X_OK):
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the name as it is, links and all
            head = file.read(_HEAD)
    except OSError:  # it may be run and not be read
        return False
    if not head.startswith(b"#!"):
        return head[:4] in _PROGRAMS
    words = head[2:].partition(b"\n")[0].split()
    return bool(words) and os.path.exists(words[0])  # noqa: PTH110 - bytes
