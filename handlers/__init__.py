"""What Slack and PagerDuty send in: acknowledged, parsed, handed to one operation."""

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.domain.outside import keepable
from handlers import acting, actions, checklists, commanding, commands, declaring, events, looks, running, views
from handlers.services import Services


def register_all(app: AsyncApp, services: Services) -> None:
    """Register every listener."""
    app.use(_keepable)
    for part in (commands, actions, acting, views, events, checklists, commanding, declaring, running, looks):
        part.register(app, services)


async def _keepable(req: AsyncBoltRequest, next_: Callable[[], Awaitable[None]]) -> None:
    """What people type may hold what no database keeps."""
    req.body = keepable(req.body)
    await next_()
