"""Programs on this host do not outlive the bot, however it ends: as over SSH, so here.

One small shell holds the far end of a pipe. The bot writes into it which process groups it has begun and which have
ended; when the pipe closes, because the bot is gone (kill -9, out of memory), the shell kills those that are left.
"""

import contextlib
import os
import signal
import subprocess
from typing import Final

SHELL: Final = """\
trap '' INT TERM HUP
groups=' '
while read -r what group; do
  case $what in
    begun) groups="$groups$group " ;;
    ended) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
  esac
done
for group in $groups; do kill -9 "-$group"; done
"""
_SH: Final = "/bin/sh"


class Leash:
    """What is on it is killed when this process is gone."""

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._shell: subprocess.Popen[bytes] | None = None

    def hold(self, group: int) -> None:
        """A process group was begun."""
        self._held.add(group)
        self._tell(f"begun {group}")

    def let_go(self, group: int) -> None:
        """It has ended."""
        if group in self._held:
            self._held.discard(group)
            self._tell(f"ended {group}")

    def _tell(self, words: str) -> None:
        if self._shell is not None and self._say(words):
            return
        self.close()
        if not self._held:
            return
        # Without a shell there is no leash, and the step must run all the same.
        with contextlib.suppress(OSError):
            self._shell = subprocess.Popen(
                [_SH, "-c", SHELL],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                start_new_session=True,  # a Ctrl-C at the terminal is not for it
            )
            self._say("\n".join(f"begun {group}" for group in sorted(self._held)))

    def _say(self, words: str) -> bool:
        assert self._shell is not None  # noqa: S101 - for the type checker
        assert self._shell.stdin is not None  # noqa: S101 - for the type checker
        try:
            self._shell.stdin.write(f"{words}\n".encode())
            self._shell.stdin.flush()
        except OSError:  # somebody has killed it: another one takes its place
            return False
        return True

    def close(self) -> None:
        """Let go of all: they are ended by whoever began them."""
        shell, self._shell = self._shell, None
        if shell is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(shell.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            shell.communicate()
