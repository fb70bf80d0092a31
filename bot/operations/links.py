"""Which PagerDuty user a person is, where the e-mail address does not say it."""

from dataclasses import dataclass

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot import render
from bot.domain.people import Who
from bot.operations import outbox, timeline
from bot.operations.rules import Rules
from bot.store.session import Tx
from bot.store.tables import Link, table


@dataclass(frozen=True, slots=True)
class Linked:
    """One link."""

    slack_id: str
    pd_id: str
    pd_email: str
    pd_name: str
    by_admin: bool


async def asked(tx: Tx, *, slack_id: str, text: str, channel: str, response_url: str) -> None:
    """`/ats link …`: the job `link` looks who that is, and answers."""
    await tx.defer("link", slack_id=slack_id, text=text, channel=channel, response_url=response_url)


async def of_slack(tx: Tx, slack_id: str) -> Linked | None:
    return _shown(await tx.session.get(Link, slack_id))


async def of_pd(tx: Tx, pd_id: str) -> Linked | None:
    query = select(Link).where(col(Link.pd_id) == pd_id)
    return _shown((await tx.session.execute(query)).scalar_one_or_none())


def _shown(row: Link | None) -> Linked | None:
    return Linked(row.slack_id, row.pd_id, row.pd_email, row.pd_name, row.by_admin) if row else None


async def keep(tx: Tx, rules: Rules, link: Linked, *, by: Who) -> None:
    """From now on; said in the channel, for everybody should see who acts as whom. The newest link counts."""
    values = {
        "slack_id": link.slack_id, "pd_id": link.pd_id, "pd_email": link.pd_email, "pd_name": link.pd_name,
        "by_admin": link.by_admin, "linked_by": by.as_json(), "linked_at": tx.now,
    }  # fmt: skip
    other = or_(col(Link.slack_id) == link.slack_id, col(Link.pd_id) == link.pd_id)
    await tx.session.execute(delete(Link).where(other))
    await tx.session.execute(insert(table(Link)).values(**values))
    words = f"is {link.pd_name} ({link.pd_email}) in PagerDuty"
    await _say(tx, rules, link.slack_id, words, by=by)


async def drop(tx: Tx, rules: Rules, slack_id: str, *, by: Who) -> bool:
    """Back to the e-mail address; False if there was no link."""
    gone = await tx.session.execute(
        delete(Link).where(col(Link.slack_id) == slack_id).returning(col(Link.pd_id))
    )
    if gone.first() is None:
        return False
    await _say(tx, rules, slack_id, "is found in PagerDuty by e-mail address again", by=by)
    return True


async def _say(tx: Tx, rules: Rules, slack_id: str, words: str, *, by: Who) -> None:
    await timeline.append(tx, None, "link", f"{slack_id} {words}", actor=by, source="slack")
    who = render.mention_user(slack_id)
    text = render.md("🔗 {} {}, says {}.", who, words, by.name or by.slack_id)
    await outbox.post(tx, rules.channel, lambda marker: render.plain_message(text, marker=marker))
