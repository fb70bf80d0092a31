"""What goes wrong around the bot: nothing is lost, nothing is done twice, and people are told."""

from typing import Any

import pytest

from bot.jobs import act
from tests.rig import DANA, OLLI, OPS, Rig, eventually

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow

PM2 = "PM2 High Restart Rate"


def said(rig: Rig, card: dict[str, Any], word: str) -> list[str]:
    """The replies under a card that have the word, by their text."""
    return [m["text"] for m in rig.messages(thread_ts=card["ts"])[1:] if word in m["text"]]


async def test_a_lost_answer_does_not_post_the_card_twice(rig: Rig) -> None:
    """Slack posts, the answer is lost: the card is found by its marker instead of being posted again."""
    rig.slack.faults.fail("chat.postMessage", drop=True, after=True)
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")  # later updates found their way to it
    assert len(rig.cards()) == 1
    assert card["ts"]


async def test_a_429_is_waited_out_and_order_is_kept(rig: Rig) -> None:
    """Told to wait, the channel rests as long as Slack says, then goes on in order; nothing is lost."""
    rig.slack.faults.fail("chat.postMessage", times=2, retry_after=1)
    for n in range(5):
        await rig.pagerduty.trigger(f"Zebra {n}", urgency="low")
        await rig.pagerduty.settle()
    cards = await eventually(lambda: rig.cards() if len(rig.cards()) == 5 else None, within=20)
    assert [n for c in cards for n in range(5) if f"Zebra {n}" in str(c["blocks"])] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("after", [False, True])
async def test_a_5xx_is_tried_again_without_a_double(rig: Rig, after: bool) -> None:
    """A failing Slack is asked again; whether or not it had posted, there is one card."""
    rig.slack.faults.fail("chat.postMessage", times=2, status=503, after=after)
    await rig.pagerduty.trigger(PM2)
    await rig.card(PM2, "asked", within=20)
    assert len(rig.cards()) == 1


async def test_a_card_that_somebody_deleted_comes_back(rig: Rig) -> None:
    """When the card is gone from Slack, the next change posts it anew."""
    incident = await rig.pagerduty.trigger("Loki Ingestion Lag")
    card = await rig.card("Loki", "asked")
    await rig.slack_call("chat.delete", channel=OPS, ts=card["ts"])
    await rig.pagerduty.resolve(incident["id"], user="dana.oncall@ats.example")
    again = await rig.card("Resolved")
    assert again["ts"] != card["ts"]


async def test_a_layout_that_slack_refuses_still_says_its_words(rig: Rig) -> None:
    """If Slack refuses the blocks, the text is posted plainly."""
    rig.slack.faults.fail("chat.postMessage", error="invalid_blocks")
    await rig.pagerduty.trigger("Zebra", urgency="low")
    await rig.card("Zebra")


async def test_pagerduty_down_on_a_click_is_said_at_once_and_the_click_is_carried_out_later(rig: Rig) -> None:
    """The person learns that the click is kept; it reaches PagerDuty when that is back, once."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    rig.pagerduty.faults.fail("PUT /incidents/*", times=1, status=500)
    await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    await eventually(
        lambda: "does not answer" in str([m for m in rig.messages(user=DANA) if m.get("is_ephemeral")])
    )
    await rig.card("has not confirmed it yet")
    await rig.card("Acknowledged", within=20)
    assert len([c for c in rig.pagerduty.calls if c.method == "PUT"]) == 2


async def test_a_click_that_cannot_reach_pagerduty_in_time_ends_with_a_word(rig: Rig) -> None:
    """After ten minutes of trying, the person is told that it failed, and the card stays unacknowledged."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    rig.pagerduty.faults.fail("PUT /incidents/*", times=-1, status=500)
    await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    await rig.card("has not confirmed it yet")
    await rig.advance(seconds=act.PATIENCE.total_seconds() + 1)
    await eventually(lambda: "did not reach PagerDuty" in str(rig.messages(user=DANA)), within=20)
    await rig.card("Not acknowledged", "incident_ack")


async def test_a_lost_answer_to_an_acknowledgement_is_no_second_change(rig: Rig) -> None:
    """PagerDuty acknowledged, the answer was lost: trying again finds it done."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    rig.pagerduty.faults.fail("PUT /incidents/*", times=1, drop=True, after=True)
    await rig.slack.press(DANA, OPS, card["ts"], "incident_ack")
    await rig.card("Acknowledged", within=20)
    await eventually(lambda: said(rig, card, "acknowledged"))
    await rig.pagerduty.settle()
    notes = said(rig, card, "acknowledged")
    assert len(notes) == 1


async def test_somebody_pagerduty_does_not_know_is_told_how_to_mend_it(rig: Rig) -> None:
    """A responder by the settings without a PagerDuty user cannot act, and learns why."""
    from dataclasses import replace

    from bot.clients.directory import RoleIds
    from bot.domain.policy import Role

    rig.bot.directory._role_ids = replace(RoleIds(), ids={Role.RESPONDER: [OLLI]})
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "incident_ack")
    await rig.slack.press(OLLI, OPS, card["ts"], "incident_ack")
    await eventually(lambda: "olli.sales@ats.example" in str(rig.messages(user=OLLI)))
    assert not [c for c in rig.pagerduty.calls if c.method == "PUT"]


async def test_acknowledging_twice_at_once_is_one_change_and_no_error(rig: Rig) -> None:
    """Two people press at the same moment: one thread note, and PagerDuty's “already” is no error."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "incident_ack")
    import asyncio

    await asyncio.gather(
        rig.slack.press(DANA, OPS, card["ts"], "incident_ack"),
        rig.slack.press("U0SRE", OPS, card["ts"], "incident_ack"),
    )
    await rig.card("Acknowledged")
    await eventually(lambda: len([c for c in rig.pagerduty.calls if c.method == "PUT"]) == 2)
    await rig.pagerduty.settle()
    await eventually(lambda: said(rig, card, "acknowledged"))
    await rig.pagerduty.settle()
    notes = said(rig, card, "acknowledged")
    assert len(notes) == 1


async def test_a_dropped_socket_is_opened_again(rig: Rig) -> None:
    """After Slack cuts every connection, commands work again without a restart."""
    rig.slack.faults.socket_drop()

    async def answered() -> bool:
        return bool((await rig.slack.command(DANA, OPS, "help")).ok)

    await eventually(answered, within=30)


async def test_a_bot_that_may_not_join_says_so_and_posts_once_it_is_invited(rig: Rig) -> None:
    """Removed from its channel and not allowed back, the bot keeps what it has; nothing is lost."""
    channel = rig.slack.workspace.channels[OPS]
    channel.members.remove("U0ATSBOT")
    rig.slack.faults.fail("conversations.join", times=-1, error="method_not_supported_for_channel_type")
    await rig.pagerduty.trigger(PM2)
    await eventually(rig.paused)
    assert not rig.cards()
    rig.slack.faults.clear()
    await rig.unpause()
    await rig.card(PM2)


async def test_reminders_survive_a_pagerduty_that_does_not_say_who_is_on_call(rig: Rig) -> None:
    """Without an answer from PagerDuty the reminder still comes, to the group that the runbook names."""
    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    rig.pagerduty.faults.down()
    await rig.bot.remembered._cache.clear()
    rig.bot.work.duty.forget()
    await rig.advance(minutes=15)
    replies = await eventually(lambda: rig.messages(thread_ts=card["ts"])[2:], within=20)
    assert "sre-team" in str(replies) or "S0SRE" in str(replies)
    rig.pagerduty.faults.up()


async def test_what_is_overdue_fires_once_after_the_bot_was_deaf_to_its_timers(rig: Rig) -> None:
    """A reminder whose job is gone is found by the sweep, and comes once."""
    import sqlalchemy

    await rig.pagerduty.trigger(PM2)
    card = await rig.card(PM2, "asked")
    async with rig.bot.store.transaction() as tx:
        gone = "delete from procrastinate_events; delete from procrastinate_jobs where status = 'todo'"
        for statement in gone.split(";"):
            await tx.session.execute(sqlalchemy.text(statement))
    before = len(rig.messages(thread_ts=card["ts"]))
    await rig.advance(minutes=16)
    await eventually(lambda: len(rig.messages(thread_ts=card["ts"])) == before + 1, within=20)
