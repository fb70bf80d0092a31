"""The lock file: which steps were reviewed, by whom, and exactly as what.

It stands beside the runbook (`NAME.md.lock`). Whoever may edit the document can change its text; only a step whose
digest stands here is unlocked. `ats-bot runbook lock` writes it.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from runbook.model import Diagnostic, Plan, Step

_HEAD = """\
# Reviewed steps of this runbook. Written by `ats-bot runbook lock`; do not edit by hand.
# A step whose text or annotation no longer has this digest is locked until it is reviewed again.
version = 1
"""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One line of the lock file."""

    step: str
    digest: str
    reviewer: str
    on: str


@dataclass(frozen=True, slots=True)
class Change:
    """What locking would change for one step."""

    step: str
    what: str  # "new" | "changed" | "gone"
    now: Step | None
    before: Reviewed | None


def step_digest(step: Step) -> str:
    """The digest of everything that matters about a step: what is run, its risk, its conditions."""
    told = {
        "id": step.id,
        "program": step.program,
        "risk": step.risk,
        "role": step.role,
        "approvals": step.approvals,
        "ttl": step.ttl,
        "timeout": step.timeout,
        "guard": step.guard,
        "verify": step.verify,
        "revert": step.revert,
        "params": dict(step.params),
        "cautions": list(step.cautions),
    }
    told |= {key: look for key, look in (("before", step.before), ("after", step.after)) if look}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_lock(text: str | None) -> tuple[dict[str, Reviewed], list[Diagnostic]]:
    """The reviewed steps by id; a damaged file unlocks nothing and says so."""
    if text is None or not text.strip():
        return {}, []
    try:
        raw = tomllib.loads(text)
        steps = raw.get("step", {})
        found = {
            str(name): Reviewed(str(name), str(row["digest"]), str(row["reviewer"]), str(row["on"]))
            for name, row in steps.items()
        }
    except (tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError, RecursionError) as error:
        message = f"The lock file is damaged, so every step is locked: {error}"
        return {}, [Diagnostic("error", "lock-damaged", 1, 1, message, "Run `ats-bot runbook lock` again.")]
    if raw.get("version") != 1:
        message = (
            f"The lock file has version {raw.get('version')}, which is not known here; every step is locked."
        )
        return {}, [Diagnostic("error", "lock-version", 1, 1, message, "Run `ats-bot runbook lock` again.")]
    return found, []


def lockable(plan: Plan) -> tuple[Step, ...]:
    """The steps that an annotation asks to unlock."""
    return tuple(s for e in plan.entries for s in e.steps if s.role and s.program is not None and not s.never)


def changes(plan: Plan, lock: str | None) -> tuple[Change, ...]:
    """What `runbook lock` would change, in the runbook's order."""
    known, _ = read_lock(lock)
    wanted = lockable(plan)
    found: list[Change] = []
    for step in wanted:
        before = known.get(step.id)
        if before is None:
            found.append(Change(step.id, "new", step, None))
        elif before.digest != step.digest:
            found.append(Change(step.id, "changed", step, before))
    ids = {s.id for s in wanted}
    found += [Change(name, "gone", None, row) for name, row in known.items() if name not in ids]
    return tuple(found)


def write_lock(plan: Plan, lock: str | None, *, reviewer: str, today: date) -> str:
    """The lock file after a review: unchanged steps keep their reviewer."""
    known, _ = read_lock(lock)
    rows: list[Reviewed] = []
    for step in lockable(plan):
        before = known.get(step.id)
        kept = before is not None and before.digest == step.digest
        rows.append(before if kept and before else Reviewed(step.id, step.digest, reviewer, today.isoformat()))
    return _HEAD + "".join(_row(row) for row in _sorted(rows))


def _sorted(rows: Iterable[Reviewed]) -> list[Reviewed]:
    return sorted(rows, key=lambda r: r.step)


def _row(row: Reviewed) -> str:
    values: Mapping[str, str] = {"digest": row.digest, "reviewer": row.reviewer, "on": row.on}
    lines = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
    return f"\n[step.{json.dumps(row.step)}]\n{lines}"
