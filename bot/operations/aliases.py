"""Titles that people have assigned to entries of the runbook: the next incident of that title finds its entry."""

from collections.abc import Mapping

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bot.domain.people import Who
from bot.store.session import Tx
from bot.store.tables import Alias, table
from runbook.matching import words

_ALIAS = select(table(Alias)).where(table(Alias).c.title == bindparam("title"))


def _key(title: str) -> str:
    return " ".join(words(title))


async def remember(tx: Tx, title: str, entry_id: str, *, by: Who) -> None:
    """The last choice counts."""
    values = {"entry_id": entry_id, "chosen_by": by.as_json(), "chosen_at": tx.now}
    if _key(title):
        statement = insert(Alias).values(title=_key(title), **values)
        await tx.session.execute(statement.on_conflict_do_update(index_elements=["title"], set_=values))


async def for_title(tx: Tx, title: str) -> Mapping[str, str]:
    """What was chosen for this title, as `runbook.match` takes it."""
    found = (await tx.session.execute(_ALIAS, {"title": _key(title)})).one_or_none()
    return {found.title: found.entry_id} if found else {}
