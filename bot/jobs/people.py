"""Whom somebody means: a mention, an e-mail address, a role of the contact table, a name in PagerDuty."""

from collections.abc import Sequence

from rapidfuzz import fuzz, process, utils

from bot.domain.people import Who
from bot.errors import InputError
from bot.jobs.work import Work
from runbook.model import Contact

ALIKE = 75.0  # how alike (0..100) a word must be to a row of the contact table to be taken for it


async def find(work: Work, tokens: Sequence[str]) -> list[Who]:
    """Each as a PagerDuty user; raises InputError that names the one who is not to be found."""
    found = [person for token in tokens for person in await _one(work, token)]
    return list({person.pd_id: person for person in found}.values())


async def _one(work: Work, token: str) -> list[Who]:
    name = token.lstrip("@").strip()
    if name[:1] in {"U", "W"} and name.isalnum() and name.isupper():
        return [await _of_slack(work, name)]
    if "@" in name:
        return [await _of_email(work, name)]
    contact = contact_named(work.rules.plan.contacts, name)
    if contact is not None:
        return await on_call(work, contact)
    return [await _of_name(work, name)]


async def _of_slack(work: Work, slack_id: str) -> Who:
    access = await work.directory.access(slack_id)
    if access.pd_id:
        return Who(slack_id, access.name, access.pd_id)
    if access.problems:
        raise InputError("; ".join(access.problems))
    raise InputError(
        f"{access.name or slack_id} is nobody in PagerDuty: no user there has the e-mail "
        f"{access.email or '(none in Slack)'}. An administrator can say who it is: /ats link @them e-mail."
    )


async def _of_email(work: Work, email: str) -> Who:
    user = await work.directory.pd_user(email)
    if user is None:
        raise InputError(f"No PagerDuty user has the e-mail {email[:100]}.")
    return Who(await work.directory.slack_id(user.email, user.id), user.name, user.id)


async def _of_name(work: Work, name: str) -> Who:
    users = await work.pagerduty.users(name)
    exact = [user for user in users if user.name.casefold() == name.casefold()]
    users = exact or users
    if len(users) == 1:
        return Who(await work.directory.slack_id(users[0].email, users[0].id), users[0].name, users[0].id)
    if not users:
        raise InputError(f"“{name[:60]}” is nobody in PagerDuty. Use a mention, an e-mail address, or a role.")
    raise InputError(
        f"“{name[:60]}” may be {', '.join(u.name for u in users[:5])}. Say which, by e-mail address."
    )


async def on_call(work: Work, contact: Contact) -> list[Who]:
    """Who is on call for a row of the contact table; raises InputError if nobody is."""
    duty = await work.directory.on_call()
    if duty.problem:
        raise InputError(f"PagerDuty does not say who is on call: {duty.problem}")
    people = duty.of(contact.schedule)
    if not people:
        raise InputError(f"Nobody is on call for {contact.role} ({contact.schedule}).")
    return [Who(await work.directory.slack_id(d.user.email, d.user.id), d.user.name, d.user.id) for d in people]


def contact_named(contacts: Sequence[Contact], words: str) -> Contact | None:
    """The row whose role, handle or schedule is meant, if one is meant clearly."""
    names = {i: f"{c.role}" for i, c in enumerate(contacts)}
    wanted = words.strip().lstrip("@").casefold()
    for contact in contacts:
        if wanted in {contact.role.casefold(), contact.handle.casefold(), contact.schedule.casefold()}:
            return contact
    for contact in contacts:
        if len(wanted) > 3 and wanted in contact.role.casefold().split():  # noqa: PLR2004 - no mere syllable
            return contact
    hit = process.extractOne(
        wanted, names, scorer=fuzz.partial_ratio, processor=utils.default_process, score_cutoff=ALIKE
    )
    return contacts[hit[2]] if hit and len(wanted) > 3 else None  # noqa: PLR2004
