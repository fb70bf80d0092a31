"""A person tries `ats-bot demo` in a real browser: everything that the README promises can be pressed."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.chaos.process import free_port
from tests.rig import eventually

pytestmark = pytest.mark.slow

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "demo"
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[str]:
    """The demo as a person starts it, on a free port and with a data directory of its own."""
    port = free_port()
    environment = {**os.environ, "ATS_DATA_DIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "demo",
        "--port",
        str(port),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient() as client:

            async def ready() -> bool:
                try:
                    return (await client.get(f"http://127.0.0.1:{port + 1}/readyz")).status_code == 200
                except httpx.HTTPError:
                    return False

            await eventually(ready, within=60)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), 30)


@pytest.fixture
async def page(demo: str) -> AsyncIterator[Page]:
    """The demo's page in headless Chromium; what the browser complains of fails the test."""
    chromium = shutil.which("chromium")
    assert chromium, "Debian's package chromium is needed: .ci/run installs it"
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.set_default_timeout(15_000)
        await page.goto(demo)
        await expect(page.get_by_test_id("channel-trading-ops-alerts")).to_be_visible()
        await expect(page.get_by_test_id("system-message").first).to_contain_text("joined")
        yield page
        await browser.close()
    assert not problems


async def shot(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to see it: CI keeps the folder."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png")


def card(page: Page, *texts: str) -> Locator:
    """The message of the channel with all these texts."""
    found = page.get_by_test_id("messages").get_by_test_id("message")
    for text in texts:
        found = found.filter(has_text=text)
    return found.last


async def become(page: Page, user: str) -> None:
    """Change who one is."""
    await page.locator(f"label[for=persona-{user}]").click()


async def say(page: Page, text: str) -> None:
    await page.get_by_test_id("composer-input").fill(text)
    await page.keyboard.press("Enter")


async def test_the_readmes_path_through_the_demo(page: Page) -> None:
    """Health, an alert, a refusal, the runbook, a note, acknowledging, the clock, the thread, resolving."""
    await say(page, "/ats health")
    await expect(card(page, "Health", "Redis", "Docker")).to_be_visible()
    await shot(page, "1-health")

    await page.get_by_test_id("alert-pm2-restarts").click()
    incident = card(page, "PM2 High Restart Rate", "Not acknowledged")
    await expect(incident).to_contain_text("Impact")
    await shot(page, "2-card")
    await incident.get_by_test_id("thread-open").click()
    thread = page.get_by_test_id("thread-messages")
    await expect(thread).to_contain_text("What stands out", timeout=60_000)
    picture = thread.locator("img[alt*='alert above 3']")
    await expect(picture).to_be_visible(timeout=60_000)
    await picture.scroll_into_view_if_needed()
    loaded = "image => image.naturalWidth === 1000"
    await page.wait_for_function(loaded, arg=await picture.element_handle())
    await shot(page, "2-diagnosis")
    await page.get_by_test_id("thread-close").click()

    await become(page, "U0OUT")
    await incident.get_by_test_id("action-incident_ack").click()
    await expect(card(page, "needs the role")).to_contain_text("responder")
    await shot(page, "3-refused")

    await become(page, "U0ONCALL")
    await card(page, "PM2 High Restart Rate").get_by_test_id("action-incident_runbook").click()
    await expect(page.get_by_test_id("modal")).to_contain_text("pm2 status")
    await shot(page, "4-runbook")
    await page.get_by_test_id("modal-close").or_(page.get_by_test_id("modal-x")).first.click()

    await page.get_by_test_id("clock-15").click()
    await expect(card(page, "PM2 High Restart Rate")).to_contain_text("Secondary asked (Sam")
    await card(page, "PM2 High Restart Rate").get_by_test_id("thread-open").click()
    await expect(page.get_by_test_id("thread")).to_contain_text("Nobody has acknowledged for 15")
    await shot(page, "5-reminded")

    await become(page, "U0SRE")
    await card(page, "PM2 High Restart Rate").get_by_test_id("action-incident_ack").click()
    await expect(card(page, "PM2 High Restart Rate")).to_contain_text("Acknowledged by Sam")
    await shot(page, "6-acknowledged")

    await card(page, "PM2 High Restart Rate").get_by_test_id("action-incident_more").click()
    await page.get_by_text("Add a note").last.click()
    await page.get_by_test_id("modal").locator("textarea").fill("One worker leaks; restarted it.")
    await shot(page, "7-note")
    await page.get_by_test_id("modal-submit").click()
    await card(page, "PM2 High Restart Rate").get_by_test_id("thread-open").click()
    await expect(page.get_by_test_id("thread")).to_contain_text("One worker leaks")

    await card(page, "PM2 High Restart Rate").get_by_test_id("action-incident_resolve").click()
    await page.get_by_test_id("confirm-ok").click()
    await expect(card(page, "PM2 High Restart Rate")).to_contain_text("Resolved")
    await shot(page, "8-resolved")

    await say(page, "/ats timeline 1")
    await expect(card(page, "Timeline", "One worker leaks")).to_be_visible()
    await shot(page, "9-timeline")


ALERTS = ("pm2-restarts", "db-pool", "rate-gate", "loki-lag", "sharpe", "api-latency", "backup")


async def test_each_of_the_seven_alerts_has_its_entry_on_a_phone(page: Page) -> None:
    """At a phone's width each alert's card shows impact and first steps, without scrolling sideways."""
    await page.set_viewport_size({"width": 390, "height": 844})
    for alert in ALERTS:
        await page.get_by_test_id("part-world").click()
        button = page.get_by_test_id(f"alert-{alert}")
        title = (await button.inner_text()).split("\n")[1].split("(")[0].strip()
        await button.click()
        await page.get_by_test_id("part-talk").click()
        await expect(card(page, title, "First steps")).to_contain_text("Impact")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await shot(page, f"phone-{alert}")
