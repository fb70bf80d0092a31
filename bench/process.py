"""Programs that are measured: each in a process of its own, stopped by its id."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import aiohttp
import psutil

POLL = 0.01  # seconds between two looks at whether a process is ready
START_WITHIN = 60.0
STOP_WITHIN = 10.0
LOOPBACK = "127.0.0.1"


class NotReadyError(RuntimeError):
    """A process ended, or did not become ready in time."""


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our environment without any setting of the bot's or a proxy, and with these."""
    ours = ("ATS_", "SLACK_", "PAGERDUTY_")
    kept = {n: v for n, v in os.environ.items() if not n.startswith(ours) and not n.lower().endswith("_proxy")}
    return kept | {"ATS_CONFIG": os.devnull} | dict(settings)


class Program:
    """`python -m …`; what it writes goes to a log file."""

    def __init__(self, *arguments: str, settings: Mapping[str, str], log: Path) -> None:
        self.log = log
        self.began = time.perf_counter()
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=clean_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    async def answers(self, url: str) -> float:
        """Wait until a GET is answered 200; the seconds since the process was started."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client:
            while not await _ok(client, url):
                self._check()
                await asyncio.sleep(POLL)
        return time.perf_counter() - self.began

    def _check(self) -> None:
        ended = self._process.poll() is not None
        if ended or time.perf_counter() - self.began > START_WITHIN:
            said = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise NotReadyError(f"The program {'ended' if ended else 'did not become ready'}; it said:\n{said}")

    @property
    def resident(self) -> int:
        """Resident bytes of the process and of those that it started."""
        process = psutil.Process(self._process.pid)
        return int(sum(each.memory_info().rss for each in (process, *process.children(recursive=True))))

    async def stop(self) -> None:
        """SIGTERM, and after a while SIGKILL."""
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


async def _ok(client: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with client.get(url) as answer:
            return answer.status == 200  # noqa: PLR2004 - HTTP's OK
    except (aiohttp.ClientError, TimeoutError):
        return False
