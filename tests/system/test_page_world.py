"""A real browser moves the world: alerts, time, PagerDuty, faults; and what the bot called is shown."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from sandbox.scenarios import SCENARIOS
from tests.unit.sandbox.page.browser import PHONE, Demo, chromium, demo

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Demo]:
    async with demo(browser) as opened:
        yield opened


async def test_every_alert_can_be_raised(page: Demo) -> None:
    """Each alert has a button; pressing one opens an incident in PagerDuty, assigned to who is on call."""
    buttons = page.at("world-alerts").get_by_role("button")
    await expect(buttons).to_have_count(len(SCENARIOS))
    await page.at("alert-pm2-restarts").click()
    incident = page.at("incident-1")
    await expect(incident).to_have_attribute("data-status", "triggered")
    await expect(incident).to_contain_text("with Dana Ortiz")
    await expect(incident).to_contain_text("P0")
    assert [each.title for each in page.sandbox.pagerduty.world.incidents.values()] == [
        SCENARIOS["pm2-restarts"].title
    ]


async def test_somebody_acts_in_pagerduty(page: Demo) -> None:
    """Acknowledging and resolving go in the name of the person chosen, who is the persona at first."""
    await page.at("alert-db-pool").click()
    await expect(page.at("pagerduty-as")).to_have_text("Dana Ortiz")
    await page.at("pagerduty-as").click()
    await page.page.get_by_role("option", name="Sam Reyes").click()
    await page.at("pd-acknowledge-1").click()
    incident = page.at("incident-1")
    await expect(incident).to_have_attribute("data-status", "acknowledged")
    await expect(incident).to_contain_text("with Sam Reyes")
    await page.at("pd-resolve-1").click()
    await expect(incident).to_have_attribute("data-status", "resolved")
    await expect(incident.get_by_role("button")).to_have_count(0)


async def test_pagerduty_acts_as_the_persona(page: Demo) -> None:
    """Who one is in Slack is, by the e-mail address, who one is in PagerDuty."""
    await page.at("persona-U0CTO").check(force=True)
    await expect(page.at("pagerduty-as")).to_have_text("Chris Tan")


async def test_time_moves_forward_for_the_bot_first(page: Demo) -> None:
    """A step is told to the bot, then to the sandbox; the page shows how far ahead it is."""
    told: list[timedelta] = []

    async def advance_bot(by: timedelta) -> None:
        told.append(by)
        assert page.sandbox.clock.offset == sum(told[:-1], timedelta())

    page.sandbox.control.advance_bot = advance_bot
    await page.at("clock-15").click()
    await expect(page.at("clock-offset")).to_contain_text("15 min ahead")
    await page.at("clock-60").click()
    await expect(page.at("clock-offset")).to_contain_text("1 h 15 min ahead")
    assert told == [timedelta(minutes=15), timedelta(hours=1)]
    await page.type("after the step")
    last = await page.at("message").last.get_attribute("data-ts")
    assert last is not None
    assert float(last) - page.sandbox.clock.now().timestamp() < 1


@pytest.mark.parametrize("name", ["pagerduty", "api"])
async def test_faults_are_switched(page: Demo, name: str) -> None:
    """A switch breaks the far side and mends it again, by the keyboard too."""
    switch = page.at(f"fault-{name}")
    await switch.focus()
    await page.page.keyboard.press("Space")
    await expect(page.at("toast").last).to_contain_text("on.")
    await expect(switch).to_be_checked()
    assert is_broken(page, name)
    await switch.click()
    await expect(page.at("toast").last).to_contain_text("off.")
    assert not is_broken(page, name)


def is_broken(page: Demo, name: str) -> bool:
    if name == "api":
        return page.sandbox.platform.faults.of("api").down
    return page.sandbox.pagerduty.faults.take("GET", "/users") is not None


async def test_what_the_bot_did_is_listed(page: Demo) -> None:
    """Each call is listed with its outcome, the failed ones with Slack's word for it."""
    calls = page.at("world-calls")
    await page.type("/ats card")
    await expect(calls).to_contain_text("chat.postMessage")
    answer = await page.bot.client.api_call("chat.postMessage", json={"channel": "C0OPS", "text": "x"})
    assert answer["ok"]
    with pytest.raises(Exception, match="channel_not_found"):
        await page.bot.client.chat_postMessage(channel="C0NONE", text="x")
    await expect(calls).to_contain_text("channel_not_found")


async def test_a_lost_connection_is_said_and_mended(page: Demo) -> None:
    """When the event stream breaks the page says so, connects again and shows what it had missed."""
    await expect(page.page.locator("#lost")).to_be_hidden()
    page.sandbox.slack.core.hub.close()
    await page.bot.client.chat_postMessage(channel="C0OPS", text="meanwhile")
    await expect(page.page.locator("#lost")).to_be_visible()
    await expect(page.page.locator("#lost")).to_be_hidden(timeout=15_000)
    await expect(page.at("message").last).to_contain_text("meanwhile")


async def test_on_a_phone_one_part_fills_the_screen(browser: Browser) -> None:
    """The bar at the bottom changes between channels, chat and world; a thread covers all of it."""
    async with demo(browser, size=PHONE) as phone:
        await expect(phone.at("messages")).to_be_visible()
        await expect(phone.at("world")).to_be_hidden()
        await phone.at("part-world").click()
        await expect(phone.at("world")).to_be_visible()
        await expect(phone.at("messages")).to_be_hidden()
        await phone.at("part-sidebar").click()
        await phone.at("channel-trading-ops-alerts").click()
        await phone.type("/ats card")
        await phone.at("reply").first.click()
        box = await phone.at("thread").bounding_box()
        assert box == {"x": 0, "y": 0, "width": PHONE[0], "height": PHONE[1]}
        await phone.at("thread-close").click()
        await expect(phone.at("messages")).to_be_visible()
