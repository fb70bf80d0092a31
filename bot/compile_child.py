"""Compile the runbook in a process of its own, beside the start of the bot.

The parsers take 13 MB and a third of a second that the bot would carry for one use in its life. The child is the
same code on the same files; nothing is cached, so that nobody can slip a plan under the bot.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import runbook
from bot.errors import ConfigError
from runbook.model import Plan

PATIENCE: Final = 60.0  # seconds


def read(path: Path) -> tuple[str, str | None]:
    """The runbook's text and its lock file's; raises ConfigError when the runbook cannot be read."""
    lock = path.with_name(path.name + ".lock")
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
        return text, lock.read_text("utf-8") if lock.is_file() else None
    except OSError as error:
        raise ConfigError(
            f"The runbook {path} cannot be read ({error.strerror}). ATS_RUNBOOK names it."
        ) from None


def compile_here(path: Path) -> Plan:
    """Compile in this process."""
    text, lock = read(path)
    return runbook.compile_text(text, path=str(path), lock=lock)


class Child:
    """A compilation under way; `plan` waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        command = [sys.executable, "-m", "bot.compile_child", str(path)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def plan(self) -> Plan:
        """The compiled plan; what the child cannot do is done here, where its error can be told."""
        try:
            written, _ = self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return compile_here(self._path)
        return (
            runbook.from_json(written.decode()) if self._process.returncode == 0 else compile_here(self._path)
        )


def main() -> None:
    """Write the plan of the file that is named as JSON."""
    try:
        plan = compile_here(Path(sys.argv[1]))
    except ConfigError:
        raise SystemExit(1) from None
    sys.stdout.write(runbook.to_json(plan))


if __name__ == "__main__":
    main()
