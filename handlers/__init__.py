"""What Slack and PagerDuty send in: acknowledged, parsed, handed to one operation."""

from slack_bolt.async_app import AsyncApp

from handlers import acting, actions, checklists, commanding, commands, declaring, events, looks, running, views
from handlers.services import Services


def register_all(app: AsyncApp, services: Services) -> None:
    """Register every listener."""
    for part in (commands, actions, acting, views, events, checklists, commanding, declaring, running, looks):
        part.register(app, services)
