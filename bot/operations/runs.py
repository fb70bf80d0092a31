"""A step that somebody asks to run: kept, decided, approved, or ended before it began. Each function, one transaction.

What is due is decided by the database's clock, so that replicas whose clocks differ agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from bot.domain import runs as life
from bot.domain.people import NOBODY, Who
from bot.domain.policy import Access
from bot.domain.runs import OPEN, Agreed, State
from bot.domain.step_policy import Denied, NeedsApproval, Ruling
from bot.errors import InputError
from bot.operations import incidents, outbox, timeline
from bot.operations.rules import Rules
from bot.store.run_tables import Run
from bot.store.session import CARD_QUEUE, EFFECT_QUEUE, RUN_QUEUE, Tx
from bot.store.tables import Incident, table
from runbook.model import Risk, Step

LONGEST: Final = 500  # characters of a parameter
MOST: Final = 10  # parameters
OVERDUE: Final = timedelta(seconds=3)  # after which a timer counts as lost
RESOLVED: Final = "The incident was resolved meanwhile."
NET: Final = timedelta(seconds=10)  # after which a job does what the process that kept it has not done


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody wants a step to be run."""

    step_id: str
    slack_id: str
    key: str
    number: int = 0  # the incident it is for; 0: none
    parameters: Mapping[str, str] = field(default_factory=dict)
    seen: str = ""
    glass: str = ""
    undo_of: int | None = None
    channel: str = ""
    response_url: str = ""
    thread_ts: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found out, outside of any transaction, about a run that somebody wants to happen."""

    access: Access
    ruling: Ruling
    agreed: Agreed | None = None
    guard: str = ""  # the reading
    holds: bool = False
    problem: str = ""  # why it cannot even be tried
    asked: Sequence[Who] = ()  # who may approve


@dataclass(frozen=True, slots=True)
class RunPress:
    """Approve, deny or cancel, pressed on a run's message."""

    what: str  # "approve", "deny", "cancel"
    run_id: int
    digest: str  # the beginning of what the button was made for
    slack_id: str
    channel: str = ""
    response_url: str = ""
    message_ts: str = ""
    reason: str = ""
    thread_ts: str = ""


def who(access: Access) -> Who:
    return Who(access.slack_id, access.name, access.pd_id)


def known_as(access: Access) -> dict[str, Any]:
    """A person as a run keeps them: with what tells that another account is theirs too."""
    return who(access).as_json() | {"mail": access.email}


def printable(parameters: Mapping[str, str]) -> dict[str, str]:
    """Parameters that can be kept; raises InputError for what is no parameter at all, however it was sent."""
    if len(parameters) > MOST:
        raise InputError(f"That is more than {MOST} parameters.")
    for name, value in parameters.items():
        if len(name) > LONGEST or len(value) > LONGEST:
            raise InputError(f"A parameter is longer than {LONGEST} characters; nothing was run.")
        if not (name + value).isprintable():
            raise InputError("A parameter has a line break or an invisible character in it; nothing was run.")
    return dict(parameters)


async def instant(tx: Tx) -> datetime:
    """Now, by the database's clock, in application time."""
    moment: datetime = (await tx.session.execute(select(func.clock_timestamp()))).scalar_one()
    return moment + tx.offset


_KEEP = insert(table(Run)).on_conflict_do_nothing(index_elements=["key"]).returning(col(Run.id))


async def submit(tx: Tx, rules: Rules, ask: Ask, *, here: bool = False) -> int | None:
    """Keep the wish; its id, or None when the same click was kept before. Raises InputError.

    `here`: this process goes on with it as soon as it is kept; the job is the net for when it dies.
    """
    incident = await incidents.by_number(tx, ask.number) if ask.number else None
    if ask.number and incident is None:
        raise InputError(f"There is no incident #{ask.number}; nothing was run. See /ats incidents.")
    step = rules.plan.step(ask.step_id)
    if step is None:
        raise InputError(f"The runbook has no step “{ask.step_id[:80]}”; nothing was run. See /ats actions.")
    now = await instant(tx)
    row = Run(
        key=ask.key[:200], incident_id=incident.id if incident else None, step_id=step.id, title=step.title,
        risk=step.risk, system="" if step.risk is Risk.READ else life.system_of(step),
        parameters=printable(ask.parameters), seen=ask.seen, requester=Who(ask.slack_id).as_json(),
        glass=ask.glass[:1000], undo_of=ask.undo_of, channel=ask.channel, response_url=ask.response_url,
        thread_ts=ask.thread_ts, requested_at=now, expires_at=now + life.ttl(step),
    )  # fmt: skip
    values = row.model_dump(exclude={"id"})
    run_id: int | None = (await tx.session.execute(_KEEP, values)).scalar_one_or_none()
    if run_id is not None:
        await tx.defer("run_prepare", at=now + NET if here else None, run_id=run_id)
    return run_id


async def keep_presses(tx: Tx, presses: Sequence[RunPress], *, here: bool = False) -> int:
    """Keep presses before they are acknowledged; the id of the job that carries them out, unless `here` does."""
    at = await instant(tx) + NET if here else None
    return await tx.defer_known("run_press", at=at, press=[asdict(press) for press in presses])


async def get(tx: Tx, run_id: int) -> Run | None:
    return await tx.session.get(Run, run_id)


async def hold(tx: Tx, run_id: int) -> Run | None:
    """The run with its row locked, and its incident's: what follows in the transaction is decided by one only."""
    query = select(Run).where(col(Run.id) == run_id).with_for_update().execution_options(populate_existing=True)
    run = (await tx.session.execute(query)).scalar_one_or_none()
    if run is not None and run.incident_id is not None:
        await tx.session.execute(select(Incident).where(col(Incident.id) == run.incident_id).with_for_update())
    return run


async def incident_of(tx: Tx, run: Run) -> Incident | None:
    return await tx.session.get(Incident, run.incident_id) if run.incident_id else None


async def write(
    tx: Tx, run: Run, kind: str, text: str, *, actor: Who = NOBODY, at: datetime | None = None,
    source: str = "bot", **data: Any,
) -> None:  # fmt: skip
    """One line of the audit: what is always told of a run, and what is particular to this line."""
    told: dict[str, Any] = {
        "run": run.id, "step": run.step_id, "risk": run.risk, "parameters": run.parameters, "digest": run.digest,
        "target": run.agreed.get("target", ""), "runbook": run.agreed.get("runbook", ""),
    }  # fmt: skip
    await timeline.append(tx, run.incident_id, kind, text, actor=actor, source=source, at=at, data=told | data)


async def loud(tx: Tx, rules: Rules, run: Run) -> None:
    """One line in the channel itself, which follows the run; and a note on the PagerDuty incident."""
    await outbox.show(tx, "run-loud", str(run.id), rules.channel, incident_id=run.incident_id)
    if run.incident_id is not None:
        await tx.defer("run_note", queue=EFFECT_QUEUE, run_id=run.id)


async def show(tx: Tx, rules: Rules, run: Run) -> None:
    """The run's one message is brought up to date: in the thread of its incident, or in the channel."""
    if run.risk == Risk.READ and run.incident_id is None:
        return  # answered to whoever asked, and to nobody else
    card = await outbox.card(tx, run.incident_id) if run.incident_id else None
    await outbox.show(
        tx, "run", str(run.id), rules.channel, incident_id=run.incident_id, parent_id=card.id if card else None
    )


async def end(
    tx: Tx, rules: Rules, run: Run, state: State, reason: str, *, by: Who = NOBODY, at: datetime
) -> None:
    """It is over before it began: nothing was run."""
    run.state, run.reason, run.finished_at = state, reason, at
    words = f"{state.capitalize()}: {run.title}. {reason} Nothing was run."
    await write(tx, run, f"run_{state}", words, actor=by, at=at, source="slack" if by else "bot")
    if is_loud(run):
        await loud(tx, rules, run)
    await remind_anew(tx, run, at)
    await show(tx, rules, run)


def reminder_at(run: Run) -> datetime:
    """When those who may approve are asked again: at half of the time."""
    return run.requested_at + (run.expires_at - run.requested_at) / 2


def is_loud(run: Run) -> bool:
    """What everybody in the channel should hear of, outside of any thread."""
    return run.risk == Risk.PROTECTIVE or bool(run.glass)


async def remind_anew(tx: Tx, run: Run, now: datetime) -> None:
    """What is waited for has changed, or nothing is: the reminder, if there was one, says so."""
    if run.needed and now >= reminder_at(run):  # before that there is none, and a click waits for this
        await outbox.refresh(tx, "run-remind", str(run.id))


async def prepared(tx: Tx, rules: Rules, run_id: int, looked: Looked, *, going_on: bool = False) -> Run | None:
    """Decide what was asked for: refused, waiting for approval, or about to run. None: decided already.

    `going_on`: what is about to run is begun in the same transaction, which shows it.
    """
    run = await hold(tx, run_id)
    if run is None or run.state != State.REQUESTED:
        return None
    now, person = await instant(tx), who(looked.access)
    run.requester = known_as(looked.access) | {"email": looked.access.pd_email}
    run.roles, run.guard = list(looked.access.reasons), looked.guard
    if looked.agreed is not None:
        run.agreed, run.digest = asdict(looked.agreed), life.digest(looked.agreed)
    refusal = _refusal(run, looked, now, rules.plan.step(run.step_id))
    if refusal:
        await _refused(tx, run, refusal, person, now)
        return run
    asked = f"Asked to run “{run.title}” ({run.step_id})"
    await write(
        tx, run, "run_requested", asked, actor=person, at=now, source="slack", roles=run.roles, guard=run.guard,
        command=run.agreed["resolved"], expires_at=run.expires_at.isoformat(),
    )  # fmt: skip
    if run.glass:
        words = f"Broke the glass for “{run.title}” ({run.step_id}): {run.glass}"
        await write(tx, run, "run_glass", words, actor=person, at=now, source="slack", roles=run.roles)
        await loud(tx, rules, run)
    if isinstance(looked.ruling, NeedsApproval):
        await _await(tx, run, looked)
    else:
        await proceed(tx, run, now)
    if run.state != State.APPROVED or not going_on:
        await show(tx, rules, run)
    return run


def _refusal(run: Run, looked: Looked, now: datetime, step: Step | None) -> str:
    if isinstance(looked.ruling, Denied):
        return f"{looked.ruling.because[:1].upper()}{looked.ruling.because[1:]}."
    if looked.problem:
        return looked.problem
    if now >= run.expires_at:
        return "It could not be looked into in time."
    if run.seen and run.seen != run.digest:
        return (
            "What would run now is not what you were shown: the runbook or the target has changed. Look again."
        )
    if step is not None and step.risk != run.risk:  # what was one click may need to be confirmed by now
        return f"The runbook has changed: this step was {run.risk} and is {step.risk} now. Look again."
    return "" if looked.holds else f"Its guard does not hold: {looked.guard}"


async def _refused(tx: Tx, run: Run, reason: str, person: Who, now: datetime) -> None:
    """Told to whoever asked, and written down; the channel is spared a message."""
    run.state, run.reason, run.finished_at = State.DENIED, reason, now
    words = f"Asked to run “{run.title}” ({run.step_id}); refused: {reason}"
    await write(tx, run, "run_denied", words, actor=person, at=now, source="slack", roles=run.roles)


async def _await(tx: Tx, run: Run, looked: Looked) -> None:
    ruling = looked.ruling
    assert isinstance(ruling, NeedsApproval)  # noqa: S101 - for the type checker
    run.state, run.needed, run.approver_role = State.AWAITING, ruling.count, ruling.role
    run.reason, run.asked = ruling.because, [w.as_json() for w in looked.asked]
    await tx.defer("run_expire", queue=CARD_QUEUE, at=run.expires_at, run_id=run.id)
    await tx.defer("run_remind", queue=CARD_QUEUE, at=reminder_at(run), run_id=run.id)


async def proceed(tx: Tx, run: Run, now: datetime) -> None:
    """Nothing more is asked of anybody: whoever decided that begins it; the sweep does if they die.

    Reads are a job: there may be many, and they wait for each other.
    """
    run.state, run.approved_at, run.reason = State.APPROVED, now, ""
    await remind_anew(tx, run, now)
    if run.risk == Risk.READ:
        await tx.defer("run_execute", queue=RUN_QUEUE, run_id=run.id)


async def expire(tx: Tx, rules: Rules, run_id: int) -> bool:
    """Its time is over, if it is: a timer that comes early, late or twice changes nothing."""
    run = await hold(tx, run_id)
    if run is None or run.state not in OPEN:
        return False
    now = await instant(tx)
    if now < run.expires_at:
        return False
    why = "Nobody approved in time." if run.state == State.AWAITING else "It could not begin in time."
    await end(tx, rules, run, State.EXPIRED, why, at=now)
    return True


async def message_ts(tx: Tx, run: Run) -> str:
    """Which Slack message is the run's; "" while it has none."""
    found = await outbox.shown(tx, "run", str(run.id))
    return found.ts if found else ""


async def void(tx: Tx, rules: Rules, run: Run | None, reason: str) -> None:
    """What was agreed to no longer stands; found out before it began. The row is held."""
    if run is not None and run.state in OPEN:
        await end(tx, rules, run, State.VOIDED, reason, at=await instant(tx))


async def overdue(tx: Tx, *, by: timedelta) -> Sequence[int]:
    """Open runs whose time is over, or whose incident is: the net under lost timers."""
    over = col(Run.expires_at) < await instant(tx) - by
    query = select(col(Run.id)).where(col(Run.state).in_([str(s) for s in OPEN]), over)
    return [row or 0 for row in (await tx.session.execute(query)).scalars()]


async def for_resolved(tx: Tx) -> Sequence[int]:
    """Open runs whose incident was resolved."""
    query = (
        select(col(Run.id))
        .join(Incident, col(Incident.id) == col(Run.incident_id))
        .where(col(Run.state).in_([State.AWAITING, State.APPROVED]), col(Incident.status) == "resolved")
    )
    return [row or 0 for row in (await tx.session.execute(query)).scalars()]
