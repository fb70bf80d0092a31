"""The working directory on the platform's host: a Git checkout with PM2's configuration in two revisions."""

import asyncio
import json
import os
from pathlib import Path

from sandbox.platform.state import PlatformState

_CONFIGURATION = "ecosystem.config.cjs"
_NOBODY = {
    "GIT_AUTHOR_NAME": "deploy",
    "GIT_AUTHOR_EMAIL": "deploy@trading.test",
    "GIT_COMMITTER_NAME": "deploy",
    "GIT_COMMITTER_EMAIL": "deploy@trading.test",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


async def write(state: PlatformState, folder: Path) -> None:
    """Write the configuration and its history.

    Without Git the file is there and its history is not: the runbook's Git steps then say so themselves.
    """
    if not _begin(folder, _ecosystem(state, "384M")):
        return
    kept = await _git(folder, "init", "--quiet", "--template=", "--initial-branch=main") and await _git(
        folder, "add", _CONFIGURATION
    )
    if kept:
        await _git(folder, "commit", "--quiet", "-m", "Configuration of release 1.5.0")
    (folder / _CONFIGURATION).write_text(_ecosystem(state, "512M"), encoding="utf-8")
    if kept:
        await _git(folder, "commit", "--quiet", "-a", "-m", "Allow 512 MB before a restart")


def _begin(folder: Path, text: str) -> bool:
    """Write the first revision; answers whether it was missing."""
    configuration = folder / _CONFIGURATION
    if configuration.exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    configuration.write_text(text, encoding="utf-8")
    return True


async def _git(folder: Path, *arguments: str) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), **_NOBODY},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except FileNotFoundError:
        return False
    return await process.wait() == 0


def _ecosystem(state: PlatformState, most: str) -> str:
    apps = [{"name": a.name, "script": a.script, "max_memory_restart": most} for a in state.apps]
    return f"module.exports = {json.dumps({'apps': apps}, indent=2)};\n"
