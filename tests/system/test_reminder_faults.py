"""What may be wrong around a reminder that is due."""

import os
import time
from collections.abc import Iterator

import pytest

from tests.rig import DANA, OPS, SAM, Rig, eventually

PM2 = "PM2 High Restart Rate"


@pytest.fixture
def _auckland() -> Iterator[None]:
    """The machine's time zone is changed while the bot runs."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Auckland"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


async def test_an_archived_channel_does_not_keep_the_direct_message(rig: Rig) -> None:
    """The thread cannot be written to; the secondary is told in person, in time."""
    await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked")
    await eventually(lambda: "asked as" in str(rig.direct(DANA)))
    rig.slack.workspace.channels[OPS].archived = True
    await rig.advance(minutes=15)
    await eventually(lambda: "asked as *Secondary*" in str(rig.direct(SAM)), within=30)


async def test_removed_from_its_channel_the_bot_still_reminds_in_person(rig: Rig) -> None:
    """Not in the channel and not allowed back: direct messages go on."""
    await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked")
    rig.slack.workspace.channels[OPS].members.remove("U0ATSBOT")
    rig.slack.faults.fail("conversations.join", times=-1, error="method_not_supported_for_channel_type")
    await rig.advance(minutes=15)
    await eventually(lambda: "asked as *Secondary*" in str(rig.direct(SAM)), within=30)


async def test_a_renamed_channel_keeps_its_reminders(rig: Rig) -> None:
    """It is known by its id once it was found: the thread goes on."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    rig.slack.workspace.channels[OPS].name = "ops-of-tomorrow"
    await rig.advance(minutes=15)
    await eventually(lambda: f"<@{SAM}>" in str(rig.reminders(card)), within=30)


@pytest.mark.usefixtures("_auckland")
async def test_another_time_zone_changes_no_time(rig: Rig) -> None:
    """The second rung comes after fifteen minutes there, too."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await rig.advance(minutes=14)
    await rig.slack.command(DANA, OPS, "incidents")
    assert len(rig.reminders(card)) == 1
    await rig.advance(minutes=1)
    await eventually(lambda: len(rig.reminders(card)) == 2)
