"""The runbook that comes with the product."""

from importlib.resources import files
from pathlib import Path

_NAME = "trading-operations.md"


def shipped_path() -> Path:
    """Where the shipped runbook is; its lock file stands beside it."""
    return Path(str(files("runbook").joinpath(_NAME)))


def shipped_text() -> str:
    """The shipped runbook."""
    return files("runbook").joinpath(_NAME).read_text(encoding="utf-8")


def shipped_lock() -> str:
    """The shipped runbook's lock file; empty when there is none."""
    lock = files("runbook").joinpath(f"{_NAME}.lock")
    return lock.read_text(encoding="utf-8") if lock.is_file() else ""
