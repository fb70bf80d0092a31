"""A real browser talks to a real Bolt app: commands, cards, buttons, modals, threads, personas."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.unit.sandbox.page.browser import Demo, chromium, demo

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Demo]:
    async with demo(browser) as opened:
        yield opened


async def test_health_is_shown_to_the_one_who_asked(page: Demo) -> None:
    """An ephemeral answer has its table and its mark, and another person does not see it."""
    await page.type("/ats health")
    answer = page.at("message").filter(has_text="Only visible to you")
    await expect(answer.get_by_role("cell", name="p95 182 ms")).to_be_visible()
    await expect(page.at("composer-note")).to_contain_text("acknowledged in")
    await page.at("persona-U0SRE").check(force=True)
    await expect(page.page.locator("#announcer")).to_have_text("You are Sam, SRE")
    await expect(page.page.get_by_text("Only visible to you")).to_have_count(0)


async def test_a_button_changes_the_card_in_place(page: Demo) -> None:
    """Acknowledging as the SRE updates the one card, marks it as edited, and keeps the focus in it."""
    await page.type("/ats card")
    await page.at("persona-U0SRE").check(force=True)
    await page.at("action-ack").focus()
    await page.page.keyboard.press("Enter")
    card = page.at("message").filter(has_text="acknowledged by @Sam Reyes")
    await expect(card).to_contain_text("(edited)")
    await expect(page.at("action-ack")).to_have_count(1)
    await expect(page.at("action-ack")).to_be_focused()
    assert page.bot.seen[0]["user"]["id"] == "U0SRE"
    assert page.bot.seen[0]["actions"][0]["value"] == "1"


async def test_a_confirmation_is_asked_for_and_obeyed(page: Demo) -> None:
    """Esc and "Not yet" tell the bot nothing; "Resolve" does, and the focus goes back to the button."""
    await page.type("/ats card")
    for refuse in ("Escape", "Enter"):  # the focus begins on the button that changes nothing
        await page.at("action-resolve").click()
        await expect(page.at("confirm-deny")).to_be_focused()
        await page.page.keyboard.press(refuse)
        await expect(page.at("confirm")).to_have_count(0)
        await expect(page.at("action-resolve")).to_be_focused()
    assert page.bot.seen == []
    await page.at("action-resolve").click()
    await page.at("confirm-ok").click()
    await expect(page.at("action-resolve")).not_to_have_attribute("aria-busy", "true")
    assert [each["actions"][0]["action_id"] for each in page.bot.seen] == ["resolve"]


async def test_a_menu_works_by_the_keyboard_alone(page: Demo) -> None:
    """The overflow menu opens with the down arrow, moves with arrows, takes with Enter, closes with Esc."""
    await page.type("/ats card")
    more = page.at("action-more")
    await more.focus()
    await page.page.keyboard.press("ArrowDown")
    await expect(page.page.get_by_role("menu")).to_be_visible()
    await page.page.keyboard.press("Escape")
    await expect(page.page.get_by_role("menu")).to_be_hidden()
    await expect(more).to_be_focused()
    await page.page.keyboard.press("Enter")
    await expect(page.page.get_by_role("menu")).to_be_visible()
    await page.page.keyboard.press("ArrowDown")
    await page.page.keyboard.press("Enter")
    await expect(more).not_to_have_attribute("aria-busy", "true")
    await expect(page.page.get_by_role("menu")).to_be_hidden()
    assert [each["actions"][0]["selected_option"]["value"] for each in page.bot.seen] == ["escalate"]


async def test_a_modal_says_what_is_wrong_beside_the_field(page: Demo) -> None:
    """Missing fields are asked for at once, the bot's errors come back to theirs, and then it is sent."""
    await page.type("/ats declare")
    await expect(page.at("modal")).to_be_visible()
    title = page.at("modal").get_by_role("textbox", name="Title")
    await expect(title).to_be_focused()
    await page.at("modal-submit").click()
    await expect(page.at("error-title")).to_contain_text("required")
    await expect(page.at("error-kind")).to_contain_text("required")
    await title.fill("taken")
    await page.at("modal").get_by_role("radio", name="Breach").check()
    await page.at("modal-submit").click()
    await expect(page.at("error-title")).to_have_text("There is already an incident of that name.")
    await expect(title).to_have_attribute("aria-invalid", "true")
    await expect(title).to_be_focused()
    await page.shot("modal-error")
    await title.fill("Orders rejected")
    await page.page.keyboard.press("Enter")
    await expect(page.at("modal")).to_have_count(0)
    await expect(page.at("message").last).to_contain_text("Declared Orders rejected as breach")
    await expect(page.at("composer-input")).to_be_focused()


async def test_everything_chosen_in_a_modal_reaches_the_bot(page: Demo) -> None:
    """Selects, dates, numbers and long texts arrive as Slack's view state."""
    await page.type("/ats declare")
    modal = page.at("modal")
    await modal.get_by_role("textbox", name="Title").fill("Orders")
    await modal.get_by_role("radio", name="Outage").check()
    await page.at("action-entry").click()
    await page.page.get_by_role("option", name="Two").click()
    await modal.get_by_role("textbox", name="Details").fill("line 1\nline 2")
    await modal.get_by_label("Since").fill("2026-11-20")
    await modal.get_by_label("How many orders").fill("12")
    await page.at("modal-submit").click()
    await expect(modal).to_have_count(0)
    values = page.bot.seen[0]["view"]["state"]["values"]
    assert values["kind"]["choice"]["selected_option"]["value"] == "outage"
    assert values["entry"]["entry"]["selected_option"]["value"] == "two"
    assert values["more"]["text"]["value"] == "line 1\nline 2"
    assert values["when"]["day"]["selected_date"] == "2026-11-20"
    assert values["count"]["number"]["value"] == "12"


async def test_a_modal_holds_the_focus_and_esc_closes_it(page: Demo) -> None:
    """Tab never leaves the dialog, Esc closes it and tells the bot, and a reload brings an open one back."""
    await page.type("/ats declare")
    await expect(page.at("modal")).to_be_visible()
    for _ in range(16):
        await page.page.keyboard.press("Tab")
        where = await page.page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
        assert where is True
    await page.page.reload()
    await expect(page.at("modal")).to_be_visible()
    await page.page.keyboard.press("Escape")
    await expect(page.at("modal")).to_have_count(0)
    await page.page.reload()
    await page.page.wait_for_selector("body[data-ready]")
    await expect(page.at("modal")).to_have_count(0)
    assert page.bot.closed[0]["view"]["callback_id"] == "declare"


async def test_a_thread_opens_beside_the_channel(page: Demo) -> None:
    """A reply and the bot's answer to it appear in the thread, the channel counts them, Esc closes it."""
    await page.type("/ats card")
    await page.at("message").first.hover()
    await page.at("reply").first.click()
    await expect(page.at("thread-composer-input")).to_be_focused()
    await page.page.keyboard.type("looking <now> & then")
    await page.page.keyboard.press("Enter")
    replies = page.at("thread-messages").get_by_test_id("message")
    await expect(replies).to_have_count(3)
    await expect(replies.nth(1)).to_contain_text("looking <now> & then")
    await expect(replies.nth(2)).to_contain_text("You said: looking <now> & then")
    await expect(page.at("thread-open")).to_contain_text("2 replies")
    await page.page.keyboard.press("Escape")
    await expect(page.at("thread")).to_be_hidden()
    await expect(page.at("messages").get_by_test_id("message")).to_have_count(1)


async def test_what_would_pass_unseen_is_announced(page: Demo) -> None:
    """A reply in a thread that is closed, and a direct message, are told with a way there."""
    await page.type("/ats card")
    ts = await page.at("message").first.get_attribute("data-ts")
    await page.bot.client.chat_postMessage(channel="C0OPS", thread_ts=ts, text="*Nobody* has acknowledged")
    notice = page.at("toast").filter(has_text="ats-bot: Nobody has acknowledged")
    await notice.get_by_role("button", name="Open thread").click()
    await expect(page.at("thread-messages").get_by_test_id("message")).to_have_count(2)
    await page.bot.client.chat_postMessage(channel="C0OPS", thread_ts=ts, text="second")
    await expect(page.at("thread-messages").get_by_test_id("message")).to_have_count(3)
    await expect(page.at("toast")).to_have_count(0)
    await page.bot.client.chat_postMessage(channel="U0ONCALL", text="please look")
    await page.at("toast").get_by_role("button", name="Open", exact=True).click()
    await expect(page.at("message").last).to_contain_text("please look")


async def test_a_slash_offers_the_commands(page: Demo) -> None:
    """A slash offers /ats; arrow and Enter, or Tab, take it without sending anything."""
    await page.at("composer-input").press_sequentially("/")
    offers = page.at("composer-suggestions")
    await expect(offers.get_by_role("option")).to_contain_text("/ats")
    await page.page.keyboard.press("ArrowDown")
    await page.page.keyboard.press("Enter")
    await expect(page.at("composer-input")).to_have_value("/ats ")
    await page.at("composer-input").fill("/")
    await page.page.keyboard.press("Tab")
    await expect(page.at("composer-input")).to_have_value("/ats ")
    await expect(page.at("composer-input")).to_be_focused()
    await expect(page.at("message")).to_have_count(0)


async def test_a_bot_that_does_not_acknowledge_is_said_so(page: Demo) -> None:
    """A command and a button without an acknowledgement show what happened; what was typed comes back."""
    await page.type("/ats silent")
    await expect(page.at("toast")).to_contain_text("did not acknowledge within 3 seconds")
    await expect(page.at("composer-input")).to_have_value("/ats silent")
    await page.type("/ats card")
    await page.at("action-broken").click()
    await expect(page.at("action-broken")).to_have_attribute("aria-busy", "true")
    await expect(page.at("toast")).to_have_count(2)
    await expect(page.at("action-broken")).not_to_have_attribute("aria-busy", "true")


async def test_the_home_tab_and_the_direct_messages(page: Demo) -> None:
    """The app opens on its home tab, whose buttons reach the bot; its messages are a conversation."""
    await page.at("channel-app").click()
    await expect(page.at("home")).to_contain_text("Open incidents")
    await page.at("action-open").click()
    await expect(page.at("action-open")).not_to_have_attribute("aria-busy", "true")
    assert page.bot.seen[0]["actions"][0]["action_id"] == "open"
    assert page.bot.seen[0]["view"]["type"] == "home"
    await page.at("tab-messages").click()
    await page.type("hello")
    await expect(page.at("message").last).to_contain_text("You said: hello")


async def test_another_channel_counts_what_is_unread(page: Demo) -> None:
    """A message elsewhere is counted at its channel, and not any more once one has been there."""
    await page.bot.client.conversations_join(channel="C0GEN")
    await page.bot.client.chat_postMessage(channel="C0GEN", text="psst")
    general = page.at("channel-general")
    await expect(general).to_contain_text("1")
    await general.click()
    await expect(page.at("message").filter(has_text="psst")).to_be_visible()
    await expect(general).not_to_contain_text("1")


async def test_two_windows_are_two_people(page: Demo) -> None:
    """The address says who one is; what one does, the other sees at once, and mentions are marked for each."""
    other = await page.page.context.new_page()
    await other.goto(f"{page.url}/#as=U0CTO")
    await expect(other.get_by_test_id("persona-U0CTO")).to_be_checked()
    await page.type("over to @Chris Tan")
    mention = other.get_by_test_id("message").first.locator(".mention")
    await expect(mention).to_have_text("@Chris Tan")
    await expect(mention).to_have_class("mention mention--me")
    await expect(page.page.locator(".mention--me")).to_have_count(0)
    await other.goto(f"{page.url}/#as=U0SEC")
    await expect(other.get_by_test_id("persona-U0SEC")).to_be_checked()
    await expect(other.get_by_test_id("message").first.locator(".mention--me")).to_have_count(0)
    await other.close()


async def test_a_reload_stays_where_one_was(page: Demo) -> None:
    """Person and channel survive a reload; so does the way past the lists for who uses the keyboard."""
    await page.at("persona-U0SRE").check(force=True)
    await page.at("channel-general").click()
    await page.page.reload()
    await expect(page.at("persona-U0SRE")).to_be_checked()
    await expect(page.page.locator("#channel-name")).to_have_text("general")
    await page.page.keyboard.press("Tab")
    await page.page.keyboard.press("Enter")
    await expect(page.at("composer-input")).to_be_focused()
    await expect(page.at("persona-U0SRE")).to_be_checked()


async def test_a_channel_that_one_may_not_see_is_not_shown(page: Demo) -> None:
    """A private channel is listed for its members alone; asking for it by its address shows another."""
    await expect(page.at("channel-exec-private")).to_have_count(0)
    await page.page.goto(f"{page.url}/#as=U0OUT&in=C0PRIV")
    await page.page.reload()
    await expect(page.page.locator("#channel-name")).to_have_text("trading-ops-alerts")
    await page.at("persona-U0CTO").check(force=True)
    await expect(page.at("channel-exec-private")).to_be_visible()
