"""The channel is renamed, archived, or the bot is put out of it: messages wait, it is said, posting resumes."""

from typing import Any

from tests.rig import OPS, Rig, eventually

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


async def test_put_out_of_a_public_channel_the_bot_comes_back(rig: Rig) -> None:
    """It joins again by itself, and what had gathered is posted."""
    await rig.pagerduty.trigger(LOKI)
    await rig.card(LOKI, "asked")
    assert rig.bot.identity is not None
    rig.slack.workspace.channels[OPS].members.remove(rig.bot.identity.user_id)
    await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked", within=30)
