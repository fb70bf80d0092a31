"""`/ats link`: somebody says which PagerDuty user they, or somebody else, are."""

import re
from typing import Final

from bot import render
from bot.domain.people import Who
from bot.domain.policy import Access, Role
from bot.errors import AtsError, InputError
from bot.jobs.answering import tell
from bot.jobs.work import Work
from bot.operations import links
from bot.operations.requests import Request

_MENTION: Final = re.compile(r"^<@([UW][A-Z0-9]{2,40})(?:\|[^>]*)?>\s*(.*)$", re.DOTALL)
_NOBODY: Final = {"-", "nobody", "off", "none"}


async def link(work: Work, slack_id: str, text: str, channel: str, response_url: str) -> None:
    """For oneself by an address that no other member has; for others by an admin. The answer is for their eyes."""
    ask = Request("link", 0, slack_id, channel, response_url)
    access = await work.directory.access(slack_id, channel_id=channel)
    try:
        answer = await _link(work, access, text.strip())
    except AtsError as error:
        await tell(work, ask, render.error_message("No link was made.", str(error)))
        return
    await tell(work, ask, render.plain_message(answer))


async def _link(work: Work, access: Access, text: str) -> str:
    admin = Role.ADMIN in access.roles
    named = _MENTION.match(text)
    whom, email = (named[1], named[2].strip()) if named else (access.slack_id, text)
    if whom != access.slack_id and not admin:
        raise InputError(
            "Only an admin may say who somebody else is in PagerDuty. They can say it for themselves."
        )
    by = Who(access.slack_id, access.name, access.pd_id)
    if email.lower() in _NOBODY:
        return await _unlink(work, whom, by)
    user = await work.directory.pd_user(email)
    if user is None:
        raise InputError(f"No PagerDuty user has the e-mail {email[:100] or '(none)'}. Nothing has changed.")
    if not admin:
        await _must_be_free(work, whom, user.email, user.id)
    made = links.Linked(whom, user.id, user.email, user.name, admin)
    async with work.store.transaction() as tx:
        await links.keep(tx, work.rules, made, by=by)
    return f"Done: in PagerDuty that is {user.name} from now on. The channel has been told."


async def _must_be_free(work: Work, whom: str, email: str, pd_id: str) -> None:
    """Nobody makes themselves somebody whom the bot knows already: that would be acting in their name."""
    other = await work.slack.user_by_email(email)
    async with work.store.transaction() as tx:
        linked = await links.of_pd(tx, pd_id)
    if (other is not None and other.id != whom) or (linked is not None and linked.slack_id != whom):
        raise InputError(
            "That PagerDuty user is another member of this Slack already. An admin can change that."
        )


async def _unlink(work: Work, whom: str, by: Who) -> str:
    async with work.store.transaction() as tx:
        gone = await links.drop(tx, work.rules, whom, by=by)
    return "Done: found by e-mail address again." if gone else "There was no link."
