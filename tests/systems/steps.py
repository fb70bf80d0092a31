"""The shipped runbook's own steps, run as the bot runs them."""

from bot.targets import Target
from bot.targets.checks import Verdict, evaluate
from bot.targets.steps import StepResult, run_step
from runbook.model import Step
from tests.systems.health import plan


def step(step_id: str) -> Step:
    """The step of that id; a runbook without it fails the test."""
    found = plan().step(step_id)
    assert found is not None, f"the shipped runbook has no step {step_id}"
    return found


async def run(target: Target, step_id: str, *, deadline: float = 30.0, **parameters: str) -> StepResult:
    return await run_step(target, step(step_id), parameters, deadline=deadline)


async def guard(target: Target, step_id: str) -> Verdict:
    """The step's guard, read now."""
    assert step(step_id).guard, f"{step_id} has no guard"
    return await evaluate(target, step(step_id).guard)


async def verified(target: Target, step_id: str) -> Verdict:
    """The step's verification, waited for as after a run."""
    assert step(step_id).verify, f"{step_id} has no verification"
    return await evaluate(target, step(step_id).verify, patient=True)


def output(result: StepResult) -> str:
    """What all parts printed, and their errors."""
    return "\n".join(f"{part.output}\n{part.error}" for part in result.parts)
