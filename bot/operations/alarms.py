"""Alarms about the bot itself, in its channel: one message of a kind in an hour, with a count."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot import render
from bot.domain import lane
from bot.operations import outbox, timeline
from bot.operations.rules import Rules
from bot.render import Md
from bot.render.text import count
from bot.store.session import Tx

LATE: Final = "late"
SIGNATURE: Final = "signature"


async def _raise(tx: Tx, rules: Rules, kind: str, text: Md) -> bool:
    """False if an alarm of that kind was raised within the hour."""
    marker = f"m-alarm-{kind}-{tx.now:%Y-%m-%dT%H}"
    if await outbox.known(tx, marker):
        return False
    await timeline.append(tx, None, "alarm", text, source="bot")
    await outbox.post(
        tx, rules.channel, lambda made: render.plain_message(text, marker=made), marker=marker,
        rank=lane.rank(lane.WORD, "P0"),
    )  # fmt: skip
    return True


async def late_reminders(tx: Tx, rules: Rules, late: Sequence[tuple[str, timedelta]]) -> bool:
    """Reminders that came more than a minute late: which was the worst, and how many."""
    what, worst = max(late, key=lambda each: each[1])
    more = f" and {count(len(late) - 1, 'more reminder')}" if len(late) > 1 else ""
    text = render.md(
        "🚨 *A reminder was late:* {} came {} after its time{}. The bot was not running, or its database was away, or "
        "it has too much to do: see /readyz, and the log at that time.",
        what, render.duration(worst), more,
    )  # fmt: skip
    return await _raise(tx, rules, LATE, text)


async def clock_set(tx: Tx, rules: Rules, by: timedelta) -> bool:
    """The machine's clock was set while the bot runs: it goes on by its own."""
    way = "forward" if by > timedelta() else "back"
    text = render.md(
        "🚨 *The clock of my machine was set {} by {}.* I go on by the time as it was, so that no reminder comes "
        "early or late. If the clock is right only now, restart ats-bot.",
        way, render.duration(abs(by)),
    )  # fmt: skip
    return await _raise(tx, rules, "clock", text)


async def bad_signatures(tx: Tx, rules: Rules, number: int) -> bool:
    """Webhooks that no secret fits: forged, or PagerDuty is about to disable the subscription."""
    text = render.md(
        "🚨 *{} with a wrong signature refused.* Either somebody forges them, or PAGERDUTY_WEBHOOK_SECRET is not the "
        "subscription’s secret: then PagerDuty disables the subscription after three in a row. Run `ats-bot doctor`.",
        count(number, "PagerDuty webhook"),
    )  # fmt: skip
    return await _raise(tx, rules, SIGNATURE, text)
