"""What people decide about a run that waits: approve it, deny it, call it off. Each function, one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot.domain import runs as life
from bot.domain.people import Who
from bot.domain.policy import Access, Role
from bot.domain.runs import OPEN, Agreed, State
from bot.domain.step_policy import Denied, Person, may_approve
from bot.operations import outbox
from bot.operations.rules import Rules
from bot.operations.runs import (
    RESOLVED,
    Looked,
    end,
    hold,
    incident_of,
    instant,
    known_as,
    proceed,
    remind_anew,
    show,
    who,
    write,
)
from bot.store.run_tables import Approval, Run
from bot.store.session import Tx
from bot.store.tables import table


def outdated(run: Run, agreed: Agreed | None, incident: str) -> str:
    """Why what was agreed to is void, in words; "" if it still stands. `incident`: its status, "" for none."""
    if incident == "resolved":
        return RESOLVED
    if agreed is None:
        return "The step can no longer be run."
    found = life.changed(Agreed.of(run.agreed), agreed)
    return f"{found[:1].upper()}{found[1:]}." if found else ""


async def approved(
    tx: Tx, rules: Rules, run_id: int, approver: Access, looked: Looked
) -> tuple[Run | None, str]:
    """Count an approval by somebody who may give it; the run if it changed it, and words for them."""
    run = await hold(tx, run_id)
    if run is None or run.state != State.AWAITING:
        said = (
            f"This is {run.state} already; your press changed nothing." if run else "There is no such request."
        )
        return None, said
    now, person = await instant(tx), who(approver)
    incident = await incident_of(tx, run)
    void = outdated(run, looked.agreed, incident.status if incident else "")
    if now >= run.expires_at:
        await end(tx, rules, run, State.EXPIRED, "Nobody approved in time.", at=now)
    elif void:
        await end(tx, rules, run, State.VOIDED, void, at=now)
    elif isinstance(looked.ruling, Denied):
        await end(
            tx, rules, run, State.VOIDED, f"Whoever asked may not any more: {looked.ruling.because}.", at=now
        )
    elif not looked.holds:
        await end(tx, rules, run, State.VOIDED, f"Its guard does not hold any more: {looked.guard}", at=now)
    else:
        return await _count(tx, rules, run, approver, person, now)
    return run, run.reason


async def _count(
    tx: Tx, rules: Rules, run: Run, approver: Access, person: Who, now: datetime
) -> tuple[Run | None, str]:
    given = await approvals(tx, run.id or 0)
    refused = may_approve(
        approver, requester=Person.of(run.requester), role=Role(run.approver_role),
        already=[Person.of(a.person) for a in given],
    )  # fmt: skip
    if refused is not None:  # as it is now that the row is held: another account of theirs may have come first
        return None, f"Your approval does not count: {refused.because}."
    values = {"run_id": run.id, "slack_id": approver.slack_id, "person": known_as(approver),
              "roles": list(approver.reasons), "digest": run.digest, "at": now}  # fmt: skip
    keep = insert(table(Approval)).on_conflict_do_nothing().returning(col(Approval.id))
    if (await tx.session.execute(keep, values)).scalar_one_or_none() is None:
        return None, "You have approved already; one person counts once."
    count = len(given) + 1
    words = f"Approved “{run.title}” ({count} of {run.needed})"
    await write(
        tx, run, "run_approved", words, actor=person, at=now, source="slack", roles=list(approver.reasons),
        guard=run.guard,
    )  # fmt: skip
    if count >= run.needed:
        await proceed(tx, run, now)
    else:
        await remind_anew(tx, run, now)
    await show(tx, rules, run)
    return run, ""


async def approvals(tx: Tx, run_id: int) -> Sequence[Approval]:
    query = select(Approval).where(col(Approval.run_id) == run_id).order_by(col(Approval.id))
    return (await tx.session.execute(query)).scalars().all()


async def refused_approval(tx: Tx, run_id: int, by: Access, why: str) -> None:
    """An approval that does not count is written down: nobody should wonder later."""
    run = await hold(tx, run_id)
    if run is not None:
        words = f"Pressed Approve for “{run.title}”; it does not count: {why}"
        await write(tx, run, "run_refused", words, actor=who(by), at=await instant(tx), source="slack")


async def denied(tx: Tx, rules: Rules, run_id: int, by: Access, reason: str) -> str:
    """Somebody who could approve says no, and why."""
    run = await hold(tx, run_id)
    if run is None or run.state not in {State.AWAITING, State.APPROVED}:
        return (
            f"This is {run.state} already; your press changed nothing." if run else "There is no such request."
        )
    await end(
        tx,
        rules,
        run,
        State.DENIED,
        f"{by.name or 'Somebody'} says: {reason}",
        by=who(by),
        at=await instant(tx),
    )
    return ""


async def cancelled(tx: Tx, rules: Rules, run_id: int, by: Access) -> str:
    """Called off: what has not begun ends here; what runs is told to stop, by whichever replica runs it."""
    run = await hold(tx, run_id)
    if run is None:
        return "There is no such request."
    now, person = await instant(tx), who(by)
    if run.state in OPEN:
        await end(tx, rules, run, State.CANCELLED, f"Cancelled by {by.name or 'somebody'}.", by=person, at=now)
        return ""
    if run.state != State.RUNNING or run.cancelled_by:
        return f"This is {run.state} already; your press changed nothing."
    run.cancelled_by = person.as_json()
    await write(tx, run, "run_cancel", f"Asked to stop “{run.title}”", actor=person, at=now, source="slack")
    await show(tx, rules, run)
    return ""


async def waiting(tx: Tx) -> Sequence[Run]:
    """The requests that wait for somebody's approval."""
    query = select(Run).where(col(Run.state) == State.AWAITING).order_by(col(Run.id))
    return (await tx.session.execute(query)).scalars().all()


async def ask_others(tx: Tx, rules: Rules, run_id: int, people: Sequence[Who]) -> bool:
    """Other people may approve by now (a shift has changed): the request's messages name them. False: no change."""
    run = await hold(tx, run_id)
    asked = [w.as_json() for w in people if w.slack_id != (run.requester.get("slack_id") if run else "")]
    if run is None or run.state != State.AWAITING or not asked or _ids(asked) == _ids(run.asked):
        return False
    run.asked = asked
    names = ", ".join(w.name or w.slack_id or w.group_id for w in map(Who.from_json, asked))
    await write(tx, run, "run_asked", f"May approve “{run.title}” by now: {names}", at=await instant(tx))
    await remind_anew(tx, run, await instant(tx))
    await show(tx, rules, run)
    return True


def _ids(people: Sequence[Mapping[str, Any]]) -> set[str]:
    return {str(p.get("slack_id") or p.get("group_id") or p.get("name")) for p in people}


async def remind(tx: Tx, rules: Rules, run_id: int) -> bool:
    """Ask those who may approve once more, if nobody has answered."""
    run = await hold(tx, run_id)
    if run is None or run.state != State.AWAITING:
        return False
    card = await outbox.card(tx, run.incident_id) if run.incident_id else None
    await outbox.show(
        tx,
        "run-remind",
        str(run.id),
        rules.channel,
        incident_id=run.incident_id,
        parent_id=card.id if card else None,
    )
    await write(tx, run, "run_reminder", f"Reminder: “{run.title}” waits for approval", at=await instant(tx))
    return True
