"""Where the answer of a look goes: the operations channel, another one that the bot is in, or a response address."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from bot import render
from bot.errors import AtsError
from bot.jobs.work import Work
from bot.operations import looks, outbox, sheets
from bot.operations.looks import Asked
from bot.operations.sheets import Place
from bot.store.session import Tx
from bot.store.tables import Look

Record = Callable[[Tx, Look, Sequence[Asked]], Awaitable[None]]
log = structlog.get_logger(__name__)

PATIENCE: Final = 8.0  # seconds for a message to be posted, so that the timeline can link to it


@dataclass(frozen=True, slots=True)
class Addressee:
    """One answer: the name of its message, who asked, and where; no place when the bot is not in that channel."""

    ref: str
    asked: Asked
    place: Place | None


class Answers:
    """The addressees of one look; whoever asks while it goes on is answered too."""

    def __init__(self, work: Work, look_id: int) -> None:
        self._work, self._look_id = work, look_id
        self._places: dict[tuple[str, int], Place | None] = {}

    async def addressees(self) -> tuple[Look | None, Sequence[Addressee]]:
        """Everybody so far; the look, or None if there is none."""
        async with self._work.store.transaction() as tx:
            look = await looks.get(tx, self._look_id)
        if look is None:
            return None, ()
        found = [
            Addressee(f"look-{self._look_id}-{i}", asked, await self._where(asked))
            for i, asked in enumerate(looks.places(look))
        ]
        return look, found

    async def _where(self, asked: Asked) -> Place | None:
        key = (asked.channel, asked.incident_id)
        if key not in self._places:
            self._places[key] = await self._find(asked)
        return self._places[key]

    async def _find(self, asked: Asked) -> Place | None:
        ours = self._work.rules.channel
        if asked.incident_id:
            async with self._work.store.transaction() as tx:
                card = await outbox.card(tx, asked.incident_id)
            return Place(ours, asked.incident_id, card.id if card else None)
        try:
            if not asked.channel or asked.channel == await self._work.slack.channel_id(ours):
                return Place(ours)
            return Place(asked.channel) if await self._work.slack.is_member(asked.channel) else None
        except AtsError as error:
            log.warning("answered in the operations channel", channel=asked.channel, error=str(error))
            return Place(ours)

    async def finish(self, answer: Callable[[], Awaitable[int]], record: Record | None = None) -> bool:
        """Close the look once everybody who has asked so far is answered; True to the run that closes it.

        `answer` answers those who are new, and says how many there are; `record` writes down, once, what was done.
        """
        while True:
            handled = await answer()
            async with self._work.store.transaction() as tx:
                look = await looks.get(tx, self._look_id, lock=True)
                if look is None or look.done_at is not None:
                    return False
                if len(look.places) <= handled:
                    look.done_at = tx.now
                    if record is not None:
                        await record(tx, look, looks.places(look))
                    return True

    async def write(self, addressee: Addressee, message: render.Message) -> None:
        """The addressee's message should read so; nothing yet for those who can be answered only once."""
        if addressee.place is not None:
            async with self._work.store.transaction() as tx:
                await sheets.write(tx, addressee.ref, addressee.place, message)

    async def respond(self, addressee: Addressee, message: render.Message) -> None:
        """The one answer to where the bot is not; if that is not possible any more, the operations channel."""
        try:
            await self._work.slack.respond(addressee.asked.response_url, message.payload(), in_channel=True)
        except (AtsError, ValueError) as error:
            log.warning("answered in the operations channel instead", error=str(error))
            async with self._work.store.transaction() as tx:
                await sheets.write(tx, addressee.ref, Place(self._work.rules.channel), message)


async def link(work: Work, ref: str) -> str:
    """The address of a message, once it stands there as it should; "" if it is never posted or Slack does not say."""
    for left in reversed(range(int(PATIENCE / 0.1))):
        async with work.store.transaction() as tx:
            row = await outbox.shown(tx, sheets.SHEET, ref)
        if row is None or row.failed:
            return ""
        if row.ts and (row.sent >= row.wanted or not left):  # not in the way of what people wait for
            return await _address(work, row.channel_id, row.ts)
        await asyncio.sleep(0.1)
    return ""


async def _address(work: Work, channel_id: str, ts: str) -> str:
    try:
        return await work.slack.permalink(channel_id, ts)
    except AtsError as error:
        log.warning("no address for what was read", error=str(error))
        return ""
