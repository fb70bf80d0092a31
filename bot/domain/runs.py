"""The life of one run of a step: which state may follow which, and what exactly was agreed to.

    requested ──> awaiting ──> approved ──> running ──> succeeded | failed | ran_not_verified | unknown
        │             │            │
        └─> approved  └────────────┴──> expired | denied | voided | cancelled

Nothing leads back to running: what has ended, or is not known, is never begun again by itself.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from runbook.model import Kind, Plan, Risk, Step


class State(StrEnum):
    """Where a run stands."""

    REQUESTED = "requested"
    AWAITING = "awaiting"
    APPROVED = "approved"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_VERIFIED = "ran_not_verified"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    DENIED = "denied"
    VOIDED = "voided"
    CANCELLED = "cancelled"


OPEN = frozenset({State.REQUESTED, State.AWAITING, State.APPROVED})
"""Nothing has been done yet."""
_ENDED_UNDONE = frozenset({State.EXPIRED, State.DENIED, State.VOIDED, State.CANCELLED})
RAN = frozenset({State.SUCCEEDED, State.FAILED, State.NOT_VERIFIED, State.UNKNOWN})
MOVES: Mapping[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.AWAITING, State.APPROVED}) | _ENDED_UNDONE,
    State.AWAITING: frozenset({State.APPROVED}) | _ENDED_UNDONE,
    State.APPROVED: frozenset({State.RUNNING}) | _ENDED_UNDONE,
    State.RUNNING: RAN,
}

TTL = timedelta(minutes=10)  # of a request and its approval, unless the step says otherwise
REVERT_AFTER = timedelta(hours=1)  # a change that is meant to be temporary is asked about after this


def may_move(before: State, after: State) -> bool:
    """Whether a run in the one state may get into the other."""
    return after in MOVES.get(before, frozenset())


def ended(state: State) -> bool:
    """Whether nothing follows any more."""
    return state not in MOVES


def ttl(step: Step) -> timedelta:
    """How long a request of this step stays good."""
    return timedelta(seconds=step.ttl) if step.ttl else TTL


@dataclass(frozen=True, slots=True)
class Agreed:
    """What people look at when they confirm and approve."""

    step: str
    step_digest: str  # of the text, the risk and the conditions that were reviewed
    resolved: str  # the command or request with everything filled in, secrets redacted
    target: str
    parameters: Mapping[str, str]
    runbook: str  # digest of the runbook's text
    seal: str = ""  # keyed hash of what would run, secrets included: never shown as such

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Agreed":
        """As it was kept, by this version of the bot or by another."""
        return cls(**{each.name: row[each.name] for each in fields(cls) if each.name in row})


def digest(agreed: Agreed) -> str:
    """One value that changes when anything changes that was agreed to."""
    told = {
        "step": agreed.step,
        "step_digest": agreed.step_digest,
        "resolved": agreed.resolved,
        "target": agreed.target,
        "parameters": dict(agreed.parameters),
        "runbook": agreed.runbook,
        "seal": agreed.seal,
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(text.encode()).hexdigest()


def changed(run: Agreed, now: Agreed) -> str:
    """What is no longer as it was agreed to, in words; "" if all is."""
    if run.runbook != now.runbook:
        return "the runbook was edited meanwhile"
    if run.step_digest != now.step_digest:
        return "the step was changed meanwhile"
    if dict(run.parameters) != dict(now.parameters):
        return "a parameter was changed meanwhile"
    if (run.resolved, run.target) != (now.resolved, now.target):
        return "the resolved command or its target is another one now"
    if run.seal != now.seal:
        return "a secret that it uses, or how the bot carries it out, is another one now"
    return ""


def system_of(step: Step) -> str:
    """The system that a step changes: one change at a time each. What protects waits for nothing but itself."""
    if step.risk is Risk.PROTECTIVE:
        return step.id
    words = [word for argv in step.argv for word in argv]
    if any("ecosystem.config" in word for word in words):
        return "PM2"
    if step.kind is Kind.SQL:
        return "PostgreSQL"
    if step.kind is Kind.HTTP and step.request:
        return str(step.request.get("url") or "").split("://")[-1].split("/")[0] or "HTTP"
    program = next((w for w in words if w not in {"sudo", "timeout", "env"}), step.kind)
    return {"pm2": "PM2", "helm": "Kubernetes", "kubectl": "Kubernetes", "docker": "Docker"}.get(
        program.rsplit("/", 1)[-1], program.rsplit("/", 1)[-1]
    )


def deployed_before(plan: Plan, step: Step, answer: str) -> dict[str, str]:
    """The parameters that would take a step back which goes to a numbered revision: those in force now.

    `answer` is what the step that lists the choices printed; the line that says "deployed" is the present one.
    """
    source = next((kind.partition(" from ")[2] for kind in step.params.values() if " from " in kind), "")
    if step.revert != step.id or not source or plan.step(source) is None:
        return {}
    line = next((ln for ln in answer.splitlines() if "deployed" in ln.lower().split()), "")
    first = line.split()[:1]
    return {next(iter(step.params)): first[0]} if first and first[0].isdigit() else {}
