"""The channel is renamed, archived, or the bot is put out of it: messages wait, it is said, posting resumes."""

from dataclasses import replace
from typing import Any

import pytest

from bot.app import running
from tests.chaos.process import free_port
from tests.rig import OPS, Rig, eventually, settings_from

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow

LOKI, PM2 = "Loki Ingestion Lag", "PM2 High Restart Rate"


async def ready(rig: Rig) -> dict[str, Any]:
    return dict((await rig.http.get("/readyz")).json()["parts"])


async def test_an_archived_channel_keeps_its_messages_until_it_is_back(rig: Rig) -> None:
    """Nothing is lost, nothing doubled; readiness says why nothing appears."""
    await rig.pagerduty.trigger(LOKI)
    await rig.card(LOKI, "asked")
    rig.slack.workspace.channels[OPS].archived = True
    await rig.pagerduty.trigger(PM2)

    async def said() -> bool:
        if await rig.paused():
            await rig.unpause()
        return "is_archived" in (await ready(rig)).get("channel", "")

    await eventually(said, within=30)
    rig.slack.workspace.channels[OPS].archived = False
    await rig.unpause()
    await rig.card(PM2, "asked", within=60)
    assert len(rig.cards()) == 2

    async def well() -> bool:
        return "channel" not in await ready(rig)

    await eventually(well, within=30)


async def test_a_renamed_channel_is_the_same_channel(rig: Rig) -> None:
    """It is known by its id once it was found by its name."""
    await rig.pagerduty.trigger(LOKI)
    await rig.card(LOKI, "asked")
    rig.slack.workspace.channels[OPS].name = "trading-ops-old"
    await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked")


async def test_a_channel_that_was_renamed_is_found_again_after_a_restart(rig: Rig) -> None:
    """Nobody has changed the setting: the next bot knows the channel by its id, goes on in it and is ready."""
    await rig.pagerduty.trigger(LOKI)
    card = await rig.card(LOKI, "asked")
    rig.slack.workspace.channels[OPS].name = "trading-ops-old"
    await rig.bot.worker.stop()
    port = str(free_port())
    async with running(settings_from(rig.environment, ATS_PORT=port)) as (bot, url):
        await eventually(lambda: bot.figures.slack_problem == "")
        assert bot.figures.channel_problem == ""
        await rig.pagerduty.trigger(PM2)
        await rig.card(PM2, "asked", within=30)
        await rig.advance(minutes=15)
        await eventually(lambda: len(rig.reminders(card)) == 2)
        assert "channel" not in (await rig.http.get(f"{url}/readyz")).json()["parts"]


async def test_a_new_channel_of_the_old_name_is_the_one(rig: Rig) -> None:
    """The old one was renamed to make room: the setting names the new one, and new cards go there."""
    await rig.pagerduty.trigger(LOKI)
    await rig.card(LOKI, "asked")
    old = rig.slack.workspace.channels[OPS]
    old.name = "trading-ops-old"
    new = rig.slack.workspace.channels["C0NEW"] = replace(
        old, id="C0NEW", name="trading-ops-alerts", members=[]
    )
    await rig.bot.worker.stop()
    async with running(settings_from(rig.environment, ATS_PORT=str(free_port()))) as (bot, _):
        await eventually(lambda: bot.figures.slack_problem == "")
        await rig.pagerduty.trigger(PM2)
        await eventually(lambda: [m for m in rig.slack.messages("C0NEW") if PM2 in str(m)], within=30)
    assert new.members


async def test_put_out_of_a_public_channel_the_bot_comes_back(rig: Rig) -> None:
    """It joins again by itself, and what had gathered is posted."""
    await rig.pagerduty.trigger(LOKI)
    await rig.card(LOKI, "asked")
    assert rig.bot.identity is not None
    rig.slack.workspace.channels[OPS].members.remove(rig.bot.identity.user_id)
    await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked", within=30)
