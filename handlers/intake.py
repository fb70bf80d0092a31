"""A webhook is applied at once while few are under way; when many come they are kept together, and applied in turn."""

import time
from collections.abc import Sequence
from typing import Final

from bot.domain.pagerduty import PdEvent
from bot.operations import intake
from bot.operations.inbox import Delivery
from handlers.services import Services
from handlers.together import Together

# Each on a reserved connection, and one for those that are kept (bot.store.session.RESERVED).
AT_ONCE: Final = 8
CALM: Final = 1.0  # seconds after too many in which all are only kept: applying takes a busy machine longer


class Intake:
    """How webhooks become durable."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._under_way = 0
        self._calm_at = 0.0
        self._kept = Together(self._keep)

    async def take(self, delivery: Delivery, event: PdEvent | None) -> str:
        """What came of it, once that is committed; raises what the database raises."""
        if self._under_way >= AT_ONCE:
            self._calm_at = time.monotonic() + CALM
        if time.monotonic() < self._calm_at:
            await self._kept.add(delivery)
            return "kept"
        self._under_way += 1
        try:
            return await self._apply(delivery, event)
        finally:
            self._under_way -= 1

    async def _apply(self, delivery: Delivery, event: PdEvent | None) -> str:
        services = self._services
        async with services.transaction(reserved=True) as tx:
            return await intake.receive(tx, services.rules, delivery, event, oncall=services.rota_known())

    async def _keep(self, deliveries: Sequence[Delivery]) -> None:
        async with self._services.transaction(reserved=True) as tx:
            await intake.keep(tx, deliveries)
