"""A real headless Chromium in front of a whole sandbox with the stand-in bot behind it."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Locator, Page, Request, ViewportSize, async_playwright
from starlette.types import Receive, Scope, Send

from sandbox.server import Sandbox
from sandbox.serving import Server
from sandbox.slack.scopes import DEMO_SCOPES, EVENT_SCOPES
from tests.unit.sandbox.page.standin import StandIn, stand_in

ARTIFACTS = Path(__file__).parents[4] / "artifacts" / "page"
WIDE, PHONE = (1280, 860), (390, 844)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ONE_PART_BELOW = 960  # pixels; narrower, the page shows one part at a time
ACK_SECONDS = 1.0  # instead of Slack's 3, so that a test of a silent bot is short


@dataclass(frozen=True, slots=True)
class Demo:
    """The page and what stands behind it; `problems` collects what the browser complained of."""

    page: Page
    sandbox: Sandbox
    bot: StandIn
    url: str
    problems: list[str]

    def at(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    async def type(self, text: str) -> None:
        """Write into the channel and send."""
        await self.at("composer-input").fill(text)
        await self.page.keyboard.press("Enter")

    async def shot(self, name: str) -> None:
        """Keep a screenshot under artifacts/page."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=ARTIFACTS / f"{name}.png")


@asynccontextmanager
async def sandbox_served() -> AsyncIterator[tuple[Sandbox, str]]:
    """A sandbox on a free port, without a bot."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sandbox.app(scope, receive, send)  # which is built below, as it needs the port

    server = Server(app)
    scopes = DEMO_SCOPES | {"reactions:read", "reactions:write"}
    options = {"scopes": scopes, "events": EVENT_SCOPES}
    sandbox = Sandbox.build(base_url=server.url, slack_options=options)
    sandbox.slack.enforce_rate_limits = False
    await sandbox.start()
    await server.start()
    try:
        yield sandbox, server.url
    finally:
        await sandbox.close()
        await server.stop()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium; the test is skipped where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def demo(
    browser: Browser, *, size: tuple[int, int] = WIDE, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Demo]:
    """The page, open and ready; at the end nothing may have gone wrong in it, or left this machine."""
    async with sandbox_served() as (sandbox, url):
        core = sandbox.slack.core
        core.deliveries.ack_seconds = ACK_SECONDS
        phone = size[0] < ONE_PART_BELOW
        viewport: ViewportSize = {"width": size[0], "height": size[1]}
        context = await browser.new_context(
            viewport=viewport, color_scheme=scheme, has_touch=phone, is_mobile=phone
        )
        page = await context.new_page()
        problems = watched(page, url)
        async with stand_in(
            api_url=sandbox.slack.api_url, bot_token=core.bot_token, app_token=core.app_token
        ) as bot:
            await page.goto(url)
            await page.wait_for_selector("body[data-ready]")
            yield Demo(page, sandbox, bot, url, problems)
            await context.close()
    assert problems == []


def watched(page: Page, url: str) -> list[str]:
    """Collect errors, policy violations, and requests that would leave this machine."""
    problems: list[str] = []

    def asked(request: Request) -> None:
        if not request.url.startswith(url):
            problems.append(f"asked {request.url}")

    page.on("request", asked)
    page.on("pageerror", lambda error: problems.append(f"threw {error}"))
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    return problems
