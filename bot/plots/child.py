"""Plots are drawn by a program of its own: matplotlib costs 60 MB and a second, and must not stop anybody's click."""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Final

from bot.domain.plots import Plot
from bot.errors import ServerError

SECONDS: Final = 30.0  # the first time on a machine it looks for fonts
_PNG: Final = b"\x89PNG\r\n\x1a\n"


class Plotter:
    """Draws one plot at a time.

    Args:
        folder: for matplotlib's list of fonts, which it would look for anew each time; made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._turn = asyncio.Lock()

    async def draw(self, plot: Plot) -> bytes:
        """The PNG; raises ServerError when it cannot be drawn in its time and memory."""
        async with self._turn:
            return await self._draw(json.dumps(plot.as_json()).encode())

    async def _draw(self, asked: bytes) -> bytes:
        self._folder.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.plots.draw",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=self._environment(), start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(SECONDS):
                picture, said = await process.communicate(asked)
        except TimeoutError:
            raise ServerError(f"The plot was not drawn within {SECONDS:g} s.") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode or not picture.startswith(_PNG):
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            raise ServerError(f"The plot could not be drawn: {' '.join(last)[:200]}")
        return picture

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: the bot's own environment holds its secrets."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        path = os.pathsep.join(filter(None, (kept.get("PYTHONPATH"), str(Path(__file__).parents[2]))))
        return kept | {
            "MPLCONFIGDIR": str(self._folder),
            "HOME": str(self._folder),
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": path,
        }
