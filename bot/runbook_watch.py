"""Watch the runbook's file and its lock: a good edit is in force at once, a broken one changes nothing."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

import runbook
from bot.clock import utcnow
from bot.compile_child import read
from bot.errors import AtsError
from bot.operations import runbook as operation
from bot.operations.rules import Rules
from bot.store.session import Store

log = structlog.get_logger(__name__)

EVERY: Final = 2.0  # seconds


class RunbookWatch:
    """Looks at modification times; reads and compiles only when one has changed."""

    def __init__(
        self, path: Path, store: Store, current: Callable[[], Rules], swap: Callable[[Rules], None]
    ) -> None:
        self._path, self._lock = path, path.with_name(path.name + ".lock")
        self._store, self._current, self._swap = store, current, swap
        self._seen = self._stamp()

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except (AtsError, OSError, UnicodeDecodeError) as error:
                log.warning("runbook not looked at", path=str(self._path), error=str(error))

    async def look(self) -> None:
        """Take over a change, and tell the channel what came of it."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        text, lock = read(self._path)
        rules = self._current()
        outcome = await asyncio.to_thread(runbook.reload, rules.plan, text, lock=lock, path=str(self._path))
        if outcome.swapped:
            self._swap(replace(rules, plan=outcome.plan))
        if outcome.messages:
            # The hour lets the same edit be told again another day, and replicas still agree.
            told = f"{utcnow():%Y-%m-%dT%H}\n{rules.plan.digest}\n{text}\n{lock}"
            digest = hashlib.sha256(told.encode()).hexdigest()
            async with self._store.transaction() as tx:
                await operation.changed(tx, self._current(), digest, outcome.messages, swapped=outcome.swapped)
        self._seen = stamp

    def _stamp(self) -> tuple[int | None, int | None]:
        return _changed_at(self._path), _changed_at(self._lock)


def _changed_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
