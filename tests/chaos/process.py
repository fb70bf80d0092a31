"""The bot as a process of its own: started, killed, and what it said."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[2]
OURS = ("ATS_", "SLACK_", "PAGERDUTY_")


def free_port() -> int:
    """A port that nobody listens on, below those that clients are given by the kernel meanwhile."""
    for port in random.sample(range(15_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port between 15000 and 32000")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings of the bot and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"ATS_CONFIG": os.devnull, "PYTHONUNBUFFERED": "1"} | dict(settings)


class BotProcess:
    """A running `ats-bot`; its output goes to `log`. Its maker must `close` it.

    Args:
        process: what runs, a child of ours or of a nursery.
        url: where it listens.
        log: what it says.
    """

    def __init__(self, process: psutil.Process, url: str, log: Path) -> None:
        self._process, self.url, self.log = process, url, log

    @classmethod
    def start(cls, settings: Mapping[str, str], log: Path, *arguments: str) -> "BotProcess":
        """`python -m bot …` with these settings; `log` is appended to."""
        with log.open("ab") as out:
            process = psutil.Popen(
                [sys.executable, "-m", "bot", *arguments],
                cwd=ROOT, env=environment(settings), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,  # a Ctrl-C at the terminal is the test's alone
            )  # fmt: skip
        return cls(process, f"http://127.0.0.1:{settings['ATS_PORT']}", log)

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    @property
    def running(self) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return bool(self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE)
        return False

    async def ready(self, *, within: float = 30.0) -> None:
        """Return once it is healthy all through; fails with its log when it ends or takes too long."""
        end = time.monotonic() + within
        async with httpx.AsyncClient(base_url=self.url, timeout=5.0, trust_env=False) as client:
            while not await _is_ready(client):
                assert self.running, f"the bot ended:\n{self.said()}"
                assert time.monotonic() < end, f"the bot is not ready within {within} s:\n{self.said()}"
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def stop(self, how: signal.Signals = signal.SIGTERM, *, within: float = 10.0) -> int | None:
        """Ask it to stop; its exit status, if it is our child. What does not stop in time fails the test."""
        self._process.send_signal(how)
        try:
            status: int | None = await asyncio.to_thread(self._process.wait, within)
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            await self.kill()
            raise AssertionError(f"the bot did not stop within {within} s:\n{self.said()}") from None
        return status

    async def close(self) -> None:
        """Make sure that nothing is left of it; one that has ended is waited for all the same."""
        await self.kill()

    async def ended(self, *, within: float) -> int | None:
        """Wait until it ends by itself; its exit status, if it is our child."""
        status: int | None = await asyncio.to_thread(self._process.wait, within)
        return status

    def said(self, *, last: int = 4000) -> str:
        """The end of its output."""
        return self.log.read_text(errors="replace")[-last:] if self.log.exists() else ""


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.HTTPError:
        return False
