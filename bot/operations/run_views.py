"""From a run's rows to what is shown of it: rendered anew each time its message is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from bot import render
from bot.domain.people import Who
from bot.domain.runs import RAN, State
from bot.operations import approving, outbox, runs
from bot.operations.rules import Rules
from bot.render import Message, RunView
from bot.render.run_modals import open_value
from bot.store.run_tables import Run
from bot.store.session import Tx
from runbook.model import Entry, Plan, Risk, Step


def entry_of(plan: Plan, step_id: str) -> Entry | None:
    return next((e for e in plan.entries if any(s.id == step_id for s in e.steps)), None)


def wrong(plan: Plan, step: Step) -> tuple[str, ...]:
    """What to do if a step goes wrong, from the runbook."""
    told = []
    back = plan.step(step.revert) if step.revert and step.revert != step.id else None
    if back is not None:
        told.append(f"undo it with “{back.title}” (`/ats run {back.id}`)")
    elif step.revert == step.id:
        told.append("undo it by running it again with the value of before")
    entry = entry_of(plan, step.id)
    if entry is not None and entry.escalation:
        told.append(f"escalate {entry.escalation}")
    following = next((c for c in plan.ladder if c.wait), None)
    if not told and following is not None:
        told.append(f"there is no way back in the runbook: call {following.role} ({following.schedule})")
    return tuple(told)


def undo_of(plan: Plan, run: Run, step: Step | None) -> tuple[str, str]:
    """(what the Undo button carries, its words); empty when the runbook knows no way back."""
    back = plan.step(step.revert) if step is not None and step.revert else None
    if back is None or not back.unlocked or (back.id == run.step_id and not run.undo):
        return "", ""
    same = back.id == run.step_id
    words = f"back to {', '.join(str(v) for v in run.undo.values())}" if same else back.title
    return open_value(back.id, 0, run.id or 0), words


def _output(parts: Sequence[Mapping[str, Any]]) -> str:
    """What was printed, in the order of the commands; each command is named when there are several."""
    told = []
    for part in parts:
        rows = (
            "\n".join(" | ".join(line) for line in [part["columns"], *part["rows"]]) if part["columns"] else ""
        )
        text = "\n".join(t for t in (str(part["error"]), rows or str(part["output"]).strip()) if t)
        told.append(f"$ {part['command'].splitlines()[0][:100]}\n{text}" if len(parts) > 1 else text)
    return "\n".join(t for t in told if t.strip())


def _aged(run: Run) -> str:
    """The role of whoever asked, with its age, if nobody would say it anew when they asked."""
    return next((why for why in run.roles if ", as of " in why), "")


async def _taken_back(tx: Tx, run: Run) -> Who | None:
    """Who has taken a change back, if anybody has."""
    if run.state not in RAN:
        return None
    back = col(Run.undo_of) == run.id, col(Run.state).in_([State.SUCCEEDED, State.NOT_VERIFIED])
    query = select(col(Run.requester)).where(*back).order_by(col(Run.id).desc()).limit(1)
    found = (await tx.session.execute(query)).scalar_one_or_none()
    return Who.from_json(found) if found is not None else None


async def view(tx: Tx, rules: Rules, run: Run) -> RunView:
    step = rules.plan.step(run.step_id)
    incident = await runs.incident_of(tx, run)
    taken_back = await _taken_back(tx, run)
    undo, undo_title = undo_of(rules.plan, run, step) if taken_back is None else ("", "")
    given = await approving.approvals(tx, run.id or 0)
    on_call = [Who.from_json(row) for row in (incident.oncall if incident else [])[:1]]
    return RunView(
        id=run.id or 0, title=run.title, step_id=run.step_id, state=State(run.state), digest=run.digest,
        requester=Who.from_json(run.requester), expires_at=run.expires_at, risk=Risk(run.risk),
        why_risk=step.reason if step else "", reason=run.reason, number=incident.number if incident else 0,
        needed=run.needed, approver_role=run.approver_role, asked=tuple(Who.from_json(w) for w in run.asked),
        approved=tuple(Who.from_json(a.person) for a in given), resolved=str(run.agreed.get("resolved", "")),
        target=str(run.agreed.get("target", "")), cautions=step.cautions if step else (),
        guard=step.guard if step else "", guard_reading=run.guard, verify=step.verify if step else "",
        reading=run.reading, output=_output(run.output), progress=run.progress, after=run.after, late=run.late,
        exit=run.exit, took=run.took, glass=run.glass, started_at=run.started_at, finished_at=run.finished_at,
        stopping=Who.from_json(run.cancelled_by) or None, undo=undo, undo_title=undo_title,
        aged=_aged(run), taken_back=taken_back, temporary=run.revert_due_at is not None,
        wrong=wrong(rules.plan, step) if step else (), on_call=tuple(w for w in on_call if w),
    )  # fmt: skip


async def _of(tx: Tx, rules: Rules, ref: str) -> RunView | None:
    number = ref.partition("@")[0]
    run = await runs.get(tx, int(number)) if number.isdigit() else None
    return await view(tx, rules, run) if run is not None else None


@outbox.live("run")
async def _run(tx: Tx, rules: Rules, ref: str, marker: str) -> Message | None:
    found = await _of(tx, rules, ref)
    return render.run_message(found, now=tx.now, marker=marker) if found else None


@outbox.live("run-loud")
async def _loud(tx: Tx, rules: Rules, ref: str, marker: str) -> Message | None:
    found = await _of(tx, rules, ref)
    return render.loud_message(found, marker=marker) if found else None


@outbox.live("run-remind")
async def _remind(tx: Tx, rules: Rules, ref: str, marker: str) -> Message | None:
    found = await _of(tx, rules, ref)
    return render.run_reminder(found, now=tx.now, marker=marker) if found else None


@outbox.live("run-revert")
async def _revert(tx: Tx, rules: Rules, ref: str, marker: str) -> Message | None:
    found = await _of(tx, rules, ref)
    return render.revert_reminder(found, now=tx.now, marker=marker) if found else None
