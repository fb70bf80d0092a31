"""From the wish to the outcome: confirmation, approval by another person, execution, verification, audit."""

from sandbox.platform import troubles
from tests.rig import CHRIS, DANA, SAM, Rig
from tests.system.remediation.acting import calls, message, press, reaches, request

RESET = ("POST", "/reset")


async def test_a_destructive_step_is_run_once_after_another_person_has_approved(rig: Rig) -> None:
    """Dana asks, nothing happens; Sam approves, it runs once, is verified, and all of it is in one message."""
    for provider in rig.sandbox.platform.state.providers:
        troubles.exhaust_rate_gate(rig.sandbox.platform.state, provider.name)
    asked = await request(rig, DANA, "rate-gate.reset")
    shown = str(asked["blocks"])
    for part in ("Approval needed", "/reset", "Caution", "blocked", SAM, CHRIS, "Dana"):
        assert part in shown, part
    assert not [c for c in calls(rig, "rate-gate") if c.what == RESET]
    assert (await press(rig, SAM, asked, "run_approve")).ok
    run = await reaches(rig, "rate-gate.reset", "succeeded")
    assert len([c for c in calls(rig, "rate-gate") if c.what == RESET]) == 1
    done = await message(rig, "Done and verified", "rate-gate.reset")
    assert done["ts"] == asked["ts"]
    for part in ("Dana", "Sam", "Verification read"):
        assert part in str(done["blocks"]), part
    assert run.exit == 200
