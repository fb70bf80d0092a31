"""What may be wrong around a reminder that is due."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from bot import clock
from tests.rig import CHRIS, DANA, OPS, SAM, Rig, eventually

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow

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
    await eventually(lambda: len(rig.reminders(card)) == 1)
    await rig.advance(minutes=14)
    await rig.slack.command(DANA, OPS, "incidents")
    assert len(rig.reminders(card)) == 1
    await rig.advance(minutes=1)
    await eventually(lambda: len(rig.reminders(card)) == 2)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_set_under_a_ladder_neither_hastens_nor_delays_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The machine's clock jumps by an hour between two rungs, and later back: each comes once, after its time."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    await eventually(lambda: len(rig.reminders(card)) == 1)
    right = clock._steady._wall
    monkeypatch.setattr(clock._steady, "_wall", lambda: right() + timedelta(hours=hours))
    await _looked(rig)
    assert len(rig.reminders(card)) == 1
    await rig.advance(minutes=15)
    reminder = (await eventually(lambda: rig.reminders(card)[1:]))[0]
    assert "late" not in str(reminder["blocks"])
    assert clock.step() > timedelta(minutes=59) or clock.step() < timedelta(minutes=-59)
    monkeypatch.setattr(clock._steady, "_wall", right)
    await _looked(rig)
    assert len(rig.reminders(card)) == 2
    await rig.advance(minutes=45)
    await eventually(lambda: f"<@{CHRIS}>" in str(rig.reminders(card)[2:]))
    assert len(rig.reminders(card)) == 3


async def _looked(rig: Rig) -> None:
    """The ticker has looked at what is due, twice."""
    for _ in range(2):
        beat = rig.bot.worker.ticker.beat
        await eventually(partial(_later, rig, beat))


def _later(rig: Rig, beat: float) -> bool:
    return rig.bot.worker.ticker.beat > beat


async def test_a_shift_that_ends_between_two_rungs_wakes_who_is_on_call_then(rig: Rig) -> None:
    """The secondary's shift ends ten minutes after the trigger: at fifteen the next one is asked, nobody else."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    ends = rig.pagerduty.clock.now() + timedelta(minutes=10)
    rig.pagerduty.set_on_call("PD-TRADING-SECONDARY", "chris.cto@ats.example", start=ends)
    await rig.advance(minutes=11)
    await rig.asked_anew()
    await rig.advance(minutes=4)
    asked = str((await eventually(lambda: rig.reminders(card)[1:]))[0]["blocks"])
    assert f"<@{CHRIS}> (Secondary)" in asked
    assert f"<@{SAM}>" not in asked
