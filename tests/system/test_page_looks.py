"""How the page looks: screenshots, wide and on a phone, light and dark; and what can be measured of it."""

from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.unit.sandbox.page.browser import PHONE, WIDE, Demo, chromium, demo

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


PARTS = ("talk", "top", "card", "thread", "modal", "home", "world")
SIZES = {"wide": WIDE, "phone": PHONE, "tablet": (820, 1180)}

# The contrast (WCAG 2.2) of each text against what lies behind it, where both are plain colours.
CONTRAST = """
() => {
  const luminance = ([r, g, b]) => {
    const part = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const colour = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const behind = (element) => {
    const veils = [];
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = colour(getComputedStyle(at).backgroundColor);
      const over = (under, veil) => under.map((v, i) => v + (veil[i] - v) * veil[3]);
      if (alpha === 1) return veils.reduceRight(over, [r, g, b]);
      if (alpha > 0) veils.push([r, g, b, alpha]);
    }
    return null;
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility({ opacityProperty: true })) continue;
    if (element.closest(".visually-hidden, .skip, .emoji, .avatar, [aria-busy=true], [data-status=resolved]")) continue;
    if (/^\\p{Extended_Pictographic}/u.test(node.textContent.trim())) continue;
    const background = behind(element);
    if (!background) continue;
    const [a, b] = [luminance(colour(getComputedStyle(element).color)), luminance(background)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([node.textContent.trim().slice(0, 30), element.className, ratio.toFixed(2)]);
  }
  return poor;
}
"""
# What lies outside of the screen's width, or is a control without a name.
OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"
NAMELESS = """
() => [...document.querySelectorAll("button, a[href], input, textarea, [role=button]")]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim()))
  .map((e) => e.outerHTML.slice(0, 120))
"""


async def fill(page: Demo) -> None:
    """A channel with some of everything, and a world with two incidents."""
    for word in ("rich", "markdown", "elements", "card", "health"):
        await page.type(f"/ats {word}")
        await expect(page.at("composer-note")).to_contain_text("acknowledged")
        await page.page.wait_for_timeout(60)
    for scenario in ("pm2-restarts", "backup"):
        await page.sandbox.control.raise_alert(scenario)
    await page.sandbox.pagerduty.acknowledge("1", user="sam.sre@ats.example")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
async def test_the_page_is_legible_at_each_size(
    browser: Browser, size: str, scheme: Literal["light", "dark"]
) -> None:
    """Nothing sticks out sideways, every control has a name, and every text has a contrast of 4.5 or more."""
    async with demo(browser, size=SIZES[size], scheme=scheme) as page:
        one_part = size != "wide"
        assert await page.at("part-talk").is_visible() is one_part
        assert await page.page.locator("#world-toggle").is_visible() is not one_part
        await fill(page)
        for part in PARTS:
            await page.page.wait_for_timeout(250)
            await page.shot(f"{size}-{scheme}-{part}")
            found: dict[str, Any] = {
                "sticks out": await page.page.evaluate(OVERFLOW),
                "nameless": await page.page.evaluate(NAMELESS),
                "poor": await page.page.evaluate(CONTRAST),
            }
            assert found == {"sticks out": 0, "nameless": [], "poor": []}, part
            await leave(page, part)


async def leave(page: Demo, part: str) -> None:
    """From one part to the next, as a person would go there."""
    at = page.at
    if part == "talk":
        await at("messages").evaluate("list => { list.scrollTop = 0; }")
    elif part == "top":
        await at("action-ack").scroll_into_view_if_needed()
    elif part == "card":
        await at("message").filter(has=at("action-ack")).get_by_test_id("reply").click()
        await at("thread-composer-input").fill("Looking into it: heap limit again.")
        await page.page.keyboard.press("Enter")
        await expect(at("thread-messages").get_by_test_id("message")).to_have_count(3)
    elif part == "thread":
        await at("thread-close").click()
        await page.type("/ats declare")
        await at("modal-submit").click()
        await expect(at("error-title")).to_be_visible()
    elif part == "modal":
        await page.page.keyboard.press("Escape")
        if await at("part-sidebar").is_visible():
            await at("part-sidebar").click()
        await at("channel-app").click()
        await expect(at("home")).to_be_visible()
    elif part == "home" and await at("part-world").is_visible():
        await at("part-world").click()
