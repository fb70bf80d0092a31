"""The runbook's own health script, run the way a person would: in a shell, one command after another."""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from runbook import compile_text, shipped_path

ENTRY = "quick-health-verification"


class ScriptError(RuntimeError):
    """A command of the script failed: what was measured would not be the whole script."""


def source(settings: Mapping[str, str]) -> str:
    """The commands of the runbook's section as they stand, with the sandbox's addresses."""
    entry = compile_text(shipped_path().read_text(encoding="utf-8")).entry(ENTRY)
    if entry is None:
        raise ScriptError(f"The shipped runbook has no entry {ENTRY}.")
    text = "\n".join(step.source for step in entry.steps)
    for written, real in json.loads(settings["ATS_TARGET__REWRITES"]).items():
        text = text.replace(written, real)
    return f"set -e\n{text}\n"


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """What a person's shell on the trading host has."""
    redis = urlsplit(settings["ATS_TARGET__REDIS_URL"])
    return {
        "PATH": settings["ATS_TARGET__PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "DATABASE_URL": settings["ATS_TARGET__DATABASE_URL"],
        "REDIS_PORT": str(redis.port),
        "TRADING_API_TOKEN": settings["ATS_TARGET__API_TOKEN"],
    }


async def script(settings: Mapping[str, str]) -> float:
    """Seconds that it takes; raises ScriptError when one of its commands fails."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", source(settings), env=environment(settings), cwd=settings["ATS_TARGET__CWD"],
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    if process.returncode:
        raise ScriptError(f"The runbook's script ended with {process.returncode}: {said.decode()[-300:]}")
    return time.perf_counter() - began
