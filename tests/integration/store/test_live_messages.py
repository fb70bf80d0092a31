"""Messages that are rendered from the state they are about."""

from bot.clock import utcnow
from bot.operations import outbox
from bot.operations.rules import Rules
from bot.render import Message, plain_message
from bot.store.session import Store, Tx
from runbook import compile_text

RULES = Rules(compile_text("# Runbook\n\n## Alert\n\nText.\n"), "#ops")
STATE = {"7": "waiting"}


@outbox.live("test")
async def _render(_tx: Tx, _rules: Rules, ref: str, marker: str) -> Message | None:
    return plain_message(STATE[ref], marker=marker) if ref in STATE else None


async def _send(store: Store) -> str:
    """Take the next message and note it as sent; what it shows."""
    async with store.transaction() as tx:
        parcel = await outbox.take(tx, RULES, "#ops", now=utcnow())
    if parcel is None:
        return ""
    async with store.transaction() as tx:
        await outbox.sent(tx, parcel, channel_id="C1", ts=parcel.ts or "1.0")
    return str(parcel.payload["text"])


async def test_a_live_message_shows_its_state_when_it_is_sent(store: Store) -> None:
    """Asked for twice and changed before it goes out, it is one message that shows what is, not what was."""
    async with store.transaction() as tx:
        first = await outbox.show(tx, "test", "7", "#ops")
        second = await outbox.show(tx, "test", "7", "#elsewhere")
    STATE["7"] = "half done"
    assert first == second
    assert await _send(store) == "half done"
    assert await _send(store) == ""
    STATE["7"] = "done"
    async with store.transaction() as tx:
        await outbox.show(tx, "test", "7", "#ops")
        row = await outbox.shown(tx, "test", "7")
    assert row is not None
    assert row.ts == "1.0"
    assert await _send(store) == "done"


async def test_a_live_message_whose_state_is_gone_stays_as_it_was(store: Store) -> None:
    """Nothing to render: the last text is sent again rather than nothing."""
    STATE["8"] = "here"
    async with store.transaction() as tx:
        await outbox.show(tx, "test", "8", "#ops")
    assert await _send(store) == "here"
    del STATE["8"]
    async with store.transaction() as tx:
        await outbox.show(tx, "test", "8", "#ops")
    assert await _send(store) == "here"
