"""Start the embedded PostgreSQL again when it dies under a running bot. Nobody else would."""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from bot.errors import AtsError
from bot.store import embedded

log = structlog.get_logger(__name__)

EVERY: Final = 2.0  # seconds between two looks


async def keep(data_dir: Path, bin_dir: Path | None = None) -> None:
    """For ever. A server that is only restarting comes up by itself between two looks."""
    missing = 0
    while True:
        await asyncio.sleep(EVERY)
        try:
            missing = 0 if await asyncio.to_thread(_runs, data_dir) else missing + 1
            if missing > 1:
                log.error("the embedded PostgreSQL is gone; starting it again", directory=str(data_dir))
                await asyncio.to_thread(embedded.start, data_dir, bin_dir=bin_dir)
                missing = 0
        except (AtsError, OSError) as error:
            log.error("the embedded PostgreSQL does not start", error=str(error))


def _runs(data_dir: Path) -> bool:
    return embedded.status(data_dir).running
