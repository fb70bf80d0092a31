"""A changed runbook: said in the channel once, whichever replica saw it first."""

from collections.abc import Sequence

from bot import render
from bot.operations import inbox, outbox, timeline
from bot.operations.rules import Rules
from bot.store.session import Tx


async def changed(tx: Tx, rules: Rules, digest: str, messages: Sequence[str], *, swapped: bool) -> bool:
    """Tell the channel; False if another replica has told it already."""
    kind = "runbook.changed" if swapped else "runbook.refused"
    delivery = inbox.Delivery("runbook", digest, digest, kind, {"messages": list(messages)})
    if await inbox.file(tx, delivery) is None:
        return False
    await timeline.append(tx, None, kind, "\n".join(messages), source="bot")
    text = render.lines(*(render.esc(line) for line in messages))
    await outbox.post(tx, rules.channel, lambda marker: render.plain_message(text, marker=marker))
    return True
