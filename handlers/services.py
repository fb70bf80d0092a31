"""What the handlers are given: the operations' side of the bot, without clients, tables or jobs."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from bot.domain.policy import Access
from bot.operations.rules import Rules
from bot.render import HomeView, Message, PolicyView


class Services(Protocol):
    """Implemented once, in bot.app."""

    @property
    def rules(self) -> Rules: ...

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """One transaction of the bot's database (bot.store.session.Tx)."""

    async def access(self, slack_id: str, *, channel_id: str = "") -> Access:
        """What a person may do right now; never raises."""

    def rota_known(self) -> Sequence[Mapping[str, Any]]:
        """Who is on call as last known, without asking."""

    def hurry(self) -> None:
        """What waits for the operations channel may go out now, if this process is a worker."""

    async def rota(self) -> tuple[Sequence[Mapping[str, Any]], str]:
        """Who is on call, and a word on what is wrong or old."""

    async def phone_tree(self) -> PolicyView | None:
        """The escalation policy that the runbook names as the phone tree, if PagerDuty says."""

    async def respond(self, response_url: str, message: Message) -> None:
        """Answer where a command came from, for the eyes of who typed it; raises bot.errors."""

    async def home(self, slack_id: str) -> HomeView:
        """What a person's App Home shows."""
