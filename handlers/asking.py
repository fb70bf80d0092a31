"""Who types a command, and what answers it; each area of the bot has its own table of answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.render import Message
from handlers.grammar import Command
from handlers.services import Services


@dataclass(frozen=True, slots=True)
class Asker:
    """Who typed it, and where."""

    slack_id: str
    channel: str
    response_url: str = ""
    trigger_id: str = ""  # opens a modal within 3 s; none for a mention


Answer = Callable[[Services, Asker, Command], Awaitable[Message | None]]
