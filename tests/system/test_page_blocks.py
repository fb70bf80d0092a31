"""A real browser renders every kind of block, and what outsiders write stays text."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.unit.sandbox.page.browser import Demo, chromium, demo
from tests.unit.sandbox.page.samples import HOSTILE

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Demo]:
    async with demo(browser) as opened:
        yield opened


def block(page: Demo, block_id: str) -> Locator:
    return page.page.locator(f'[data-block-id="{block_id}"]')


async def texts(place: Locator, selector: str) -> list[str]:
    await expect(place).to_be_visible()
    return await place.locator(selector).all_inner_texts()


async def test_marks_are_shown_as_slack_shows_them(page: Demo) -> None:
    """Bold, italic, strike and code, also inside each other; snake_case and 2*3*4 stay as they are."""
    await page.type("/ats marks")
    marks = block(page, "marks")
    await expect(marks).to_have_text("bold italic gone code bold both snake_case_name 2*3*4")
    assert await texts(marks, "strong") == ["bold", "bold both"]
    assert await texts(marks, "em") == ["italic", "both"]
    assert await texts(marks, "s") == ["gone"]
    assert await texts(marks, "code") == ["code"]


async def test_quotes_and_preformatted_text(page: Demo) -> None:
    """A quoted line is a quote; between triple backticks nothing is a mark and entities are unescaped once."""
    await page.type("/ats marks")
    quotes = block(page, "quotes")
    assert await texts(quotes, "blockquote") == ["quoted"]
    assert await texts(quotes, "pre") == ["line <1>\nline 2"]
    await expect(quotes).to_contain_text("after")


async def test_mentions_links_and_emoji(page: Demo) -> None:
    """Ids become names, addresses become links that tell the far side nothing, names become emoji."""
    await page.type("/ats marks")
    refs = block(page, "refs")
    assert await texts(refs, ".mention") == ["@channel", "#general", "@Sam Reyes"]
    named, bare = refs.get_by_role("link").nth(0), refs.get_by_role("link").nth(1)
    await expect(named).to_have_attribute("href", "https://a.example/")
    await expect(bare).to_have_text("https://b.example/x")  # without the full stop of the sentence
    await expect(bare).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(refs.get_by_role("img", name="tada")).to_have_text("🎉")


async def test_a_moment_is_shown_in_the_readers_zone(page: Demo) -> None:
    """A date token becomes a time element with the whole moment; the fallback is for other clients."""
    await page.type("/ats card")
    moment = page.at("message").locator(".text time")
    await expect(moment).to_have_attribute("datetime", "2023-11-14T22:13:20.000Z")
    await expect(moment).not_to_have_text("then")


async def test_rich_text_nests_its_lists(page: Demo) -> None:
    """A bullet list of indent 1 stands inside the last item of the numbered list before it."""
    await page.type("/ats rich")
    message = page.at("message")
    await expect(message.locator("ol > li:last-child > ul > li")).to_have_text("heap errors?")
    await expect(message.locator("pre")).to_have_text("pm2 logs --lines 50")
    await expect(message.locator("blockquote .mention")).to_have_text("@Sam Reyes")


async def test_markdown_is_rendered(page: Demo) -> None:
    """Headings, lists, tables, code, tasks, quotes; an address that is no web address is not a link."""
    await page.type("/ats markdown")
    message = page.at("message")
    await expect(message.get_by_role("heading", name="Runbook entry")).to_be_visible()
    await expect(message.locator("ol > li")).to_have_count(2)
    await expect(message.locator("ol > li ul > li")).to_have_text("never restart all")
    await expect(message.get_by_role("cell", name="12")).to_be_visible()
    await expect(message.get_by_role("checkbox", name="looked")).to_be_checked()
    await expect(message.locator("pre")).to_have_text("pm2 restart signal-worker")
    assert await message.get_by_role("link").all_inner_texts() == ["the page"]
    await expect(message).to_contain_text("<b>no html</b>")


async def test_what_is_chosen_reaches_the_bot(page: Demo) -> None:
    """Selects of each source, dates, ticks and radio buttons send one action each with what was chosen."""
    await page.type("/ats elements")
    await page.at("action-entry").click()
    await page.page.keyboard.type("entry 7")
    await expect(page.page.get_by_role("option")).to_have_count(1)
    await page.page.keyboard.press("Enter")
    await page.at("action-person").click()
    await page.page.get_by_role("option", name="Sia Novak").click()
    await page.at("action-room").click()
    await page.page.get_by_role("option", name="#general").click()
    await page.at("action-day").fill("2026-12-24")
    await page.at("action-steps").get_by_role("checkbox", name="Mended").check()
    await page.at("action-level").get_by_role("radio", name="P1").check()
    acts = await acts_of(page, 6)
    assert acts["entry"]["selected_option"]["value"] == "entry 7"
    assert acts["person"]["selected_user"] == "U0SEC"
    assert acts["room"]["selected_channel"] == "C0GEN"
    assert acts["day"]["selected_date"] == "2026-12-24"
    assert [each["value"] for each in acts["steps"]["selected_options"]] == ["mended"]
    assert acts["level"]["selected_option"]["value"] == "p1"


async def test_an_external_select_asks_the_bot(page: Demo) -> None:
    """What is typed is asked for, what the bot offers can be taken."""
    await page.type("/ats elements")
    await page.at("action-who").click()
    await page.page.keyboard.type("a")
    await expect(page.page.get_by_role("option")).to_have_text(["Ada", "Alan"])
    await page.page.keyboard.press("ArrowDown")
    await page.page.keyboard.press("Enter")
    await expect(page.at("action-who")).to_have_text("Alan")
    acts = await acts_of(page, 1)
    assert acts["who"]["selected_option"]["value"] == "alan"


async def test_nothing_is_fetched_from_outside(page: Demo) -> None:
    """A picture from outside is a link with its words (that no request left is checked for every test)."""
    await page.type("/ats elements")
    await expect(page.at("message").get_by_role("link", name="a plot from outside")).to_be_visible()
    await expect(page.at("message").locator("img")).to_have_count(0)


async def test_hostile_text_stays_text(page: Demo) -> None:
    """Markup in headers, texts, buttons and Markdown is shown letter by letter and runs nowhere."""
    await page.type("/ats hostile")
    message = page.at("message")
    await expect(message.get_by_role("heading")).to_have_text(HOSTILE)
    await expect(message.locator("img, script, a")).to_have_count(0)
    await expect(message.get_by_role("button", name="<img src=x", exact=False)).to_be_visible()
    await page.at("message").first.hover()
    assert await page.page.evaluate("window.hacked") is None


async def test_a_person_can_write_hostile_text_too(page: Demo) -> None:
    """What is typed is escaped as Slack's own client does, and comes back as it was."""
    await page.type(HOSTILE)
    await expect(page.at("message").first).to_contain_text(HOSTILE)
    await expect(page.at("message").last).to_contain_text(f"You said: {HOSTILE}")
    assert await page.page.evaluate("window.hacked") is None


async def test_a_file_can_be_opened_and_a_picture_seen(page: Demo) -> None:
    """An uploaded picture is shown and any file is a link to this very server."""
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
        "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
    )
    await page.bot.client.files_upload_v2(channel="C0OPS", filename="plot.png", content=pixel, title="CPU")
    link = page.at("file")
    await expect(link).to_contain_text("CPU")
    address = await link.get_attribute("href")
    assert address is not None
    assert address.startswith("/slack/client/files/")
    answer = await page.page.request.get(page.url + address)
    assert await answer.body() == pixel
    assert "sandbox" in answer.headers["content-security-policy"]


async def acts_of(page: Demo, count: int) -> dict[str, dict[str, Any]]:
    """The actions that the bot has seen, by action_id, once there are so many."""
    for _ in range(100):
        if len(page.bot.seen) >= count:
            break
        await page.page.wait_for_timeout(20)
    return {each["actions"][0]["action_id"]: each["actions"][0] for each in page.bot.seen}
