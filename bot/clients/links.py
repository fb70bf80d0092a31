"""Who somebody of Slack is in PagerDuty, where that was said by a person rather than found by e-mail."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


class Linked(Protocol):
    """Somebody of whom it was said who they are in PagerDuty."""

    @property
    def slack_id(self) -> str: ...
    @property
    def pd_id(self) -> str: ...
    @property
    def pd_email(self) -> str: ...
    @property
    def pd_name(self) -> str: ...
    @property
    def by_admin(self) -> bool: ...


@dataclass(frozen=True)
class Links:
    """Where such links are looked up; they raise bot.errors."""

    of_slack: Callable[[str], Awaitable[Linked | None]]
    of_pd: Callable[[str], Awaitable[Linked | None]]


async def _nobody(_who: str) -> Linked | None:
    return None


NO_LINKS = Links(_nobody, _nobody)
