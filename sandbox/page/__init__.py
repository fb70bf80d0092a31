"""The page that `ats-bot demo` opens: a Slack-like client and the controls of the sandbox's world."""

from sandbox.page.app import page_routes
from sandbox.page.guard import LoopbackGuard

__all__ = ["LoopbackGuard", "page_routes"]
