"""A changed runbook beside the one in use: swapped only when it has no errors, and never silently."""

from dataclasses import dataclass
from datetime import date

from runbook.compiler import compile_text
from runbook.model import Diagnostic, Plan, Step

_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Reload:
    """Which plan to use from now on, and what to tell the channel."""

    plan: Plan
    swapped: bool
    messages: tuple[str, ...]


def reload(
    old: Plan, text: str, *, lock: str | None = None, path: str | None = None, today: date | None = None
) -> Reload:
    """Compile a changed text beside the plan in use, and say which of the two holds.

    A text with errors changes nothing. A step whose text changed without a review is locked in the new plan at once.
    """
    new = compile_text(text, path=path or old.path, lock=lock, today=today)
    if new.errors:
        return _kept(old, new)
    if new == old:
        return Reload(old, swapped=False, messages=())
    return Reload(new, swapped=True, messages=tuple(_told(old, new)))


def _kept(old: Plan, new: Plan) -> Reload:
    count = len(new.errors)
    first = f"{new.path} has {count} error{'s' if count > 1 else ''}; the last good version stays in use."
    told = [where(new.path, d) for d in new.errors[:_MOST_TOLD]]
    more = [f"… and {count - _MOST_TOLD} more."] if count > _MOST_TOLD else []
    return Reload(old, swapped=False, messages=(first, *told, *more))


def where(path: str, problem: Diagnostic) -> str:
    """A diagnostic on one line, as compilers write it."""
    hint = f" {problem.hint}" if problem.hint else ""
    return (
        f"{path}:{problem.line}:{problem.column}: {problem.severity}: {problem.message}{hint} [{problem.code}]"
    )


def _steps(plan: Plan) -> dict[str, Step]:
    return {s.id: s for e in plan.entries for s in e.steps}


def _told(old: Plan, new: Plan) -> list[str]:
    before, after = _steps(old), _steps(new)
    messages = [f"{new.path} was changed and is in use now: {len(new.entries)} entries, {len(after)} steps."]
    for step_id, step in after.items():
        was = before.get(step_id)
        if was is not None and was.unlocked and not step.unlocked:
            messages.append(f"{step_id} is locked again: {step.locked or 'its annotation is gone'}.")
        if step.unlocked and (was is None or not was.unlocked):
            messages.append(f"{step_id} is unlocked: its text is as it was reviewed.")
    gone = [step_id for step_id, step in before.items() if step.unlocked and step_id not in after]
    return [*messages, *(f"{step_id} is gone." for step_id in gone)]
