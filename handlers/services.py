"""What the handlers are given: the operations' side of the bot, without clients, tables or jobs."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

from bot.domain.policy import Access
from bot.operations.rules import Rules
from bot.operations.runs import RunPress
from bot.render import ActionRow, HomeView, Message, PolicyView, PreviewView, Priorities, View


class Services(Protocol):
    """Implemented once, in bot.app."""

    @property
    def rules(self) -> Rules: ...

    def transaction(self, *, reserved: bool = False) -> AbstractAsyncContextManager[Any]:
        """One transaction of the bot's database (bot.store.session.Tx); `reserved`: never behind a storm's work."""

    def systems(self) -> Mapping[str, str]:
        """The systems under care: each probe's name, and the system as it is shown."""

    async def where(self, channel_id: str) -> str | None:
        """The channel as messages to it are queued; None if the bot is not in it."""

    async def access(self, slack_id: str, *, channel_id: str = "") -> Access:
        """What a person may do right now; raises bot.errors only for the bot's own database."""

    def rota_known(self) -> Sequence[Mapping[str, Any]]:
        """Who is on call as last known, without asking."""

    def hurry(self, *, kept: bool) -> None:
        """What waits for the operations channel may go out now, if this process is a worker.

        `kept`: a webhook that was only kept is applied first.
        """

    @property
    def works(self) -> bool:
        """Whether this process can go on with what it keeps, or leaves it to a job."""

    def go_on_with(self, run_id: int) -> None:
        """A wish to run something is kept: look into it at once."""

    def carry_out(self, presses: Sequence[RunPress], job_id: int) -> None:
        """Presses are kept: carry them out at once; the job is the net."""

    async def rota(self) -> tuple[Sequence[Mapping[str, Any]], str]:
        """Who is on call, and a word on what is wrong or old."""

    async def rota_at(self, at: datetime) -> Sequence[Mapping[str, Any]]:
        """Who will be on call at a moment; raises bot.errors."""

    async def phone_tree(self) -> PolicyView | None:
        """The escalation policy that the runbook names as the phone tree, if PagerDuty says."""

    async def priorities(self) -> Priorities:
        """The priorities of the PagerDuty account, in time for a modal; never raises."""

    async def respond(self, response_url: str, message: Message) -> None:
        """Answer where a command came from, for the eyes of who typed it; raises bot.errors."""

    async def open_modal(self, trigger_id: str, view: View, *, above: bool = False) -> str:
        """Open a window (`above`: on top of the one that was pressed in); its id. Raises bot.errors."""

    async def update_modal(self, view_id: str, view: View) -> None:
        """Show something else in an open window; one that was closed meanwhile is no error."""

    async def preview(
        self, slack_id: str, step_id: str, parameters: Mapping[str, str], *, number: int = 0, undo_of: int = 0
    ) -> PreviewView:
        """What a person should know before a step is asked for, read live; raises bot.errors."""

    async def action_rows(self, slack_id: str, *, number: int = 0) -> Sequence[ActionRow]:
        """Which steps a person may run, and which not and why; with `number`, those of the incident's entry."""

    async def home(self, slack_id: str) -> HomeView:
        """What a person's App Home shows."""
