"""Steps and people for tests of the policy."""

from typing import Any

from bot.domain.policy import Access, Role
from runbook.model import Kind, Risk, Step


def step(step_id: str = "s", risk: Risk = Risk.MUTATING, **more: Any) -> Step:
    """An unlocked step of that class, as the compiler would make it."""
    given: dict[str, Any] = {
        "id": step_id, "title": f"Do {step_id}", "kind": Kind.EXEC, "risk": risk, "reason": "because",
        "source": "pm2 restart x", "line_start": 1, "line_end": 1, "argv": (("pm2", "restart", "x"),),
        "program": {"op": "exec"}, "unlocked": risk is not Risk.READ, "role": "responder", "digest": "d",
        "approvals": int(risk is Risk.DESTRUCTIVE),
    }  # fmt: skip
    return Step(**(given | more))


def person(*roles: Role, slack_id: str = "U1", **more: Any) -> Access:
    """Somebody with these roles."""
    return Access(slack_id, name="Somebody", roles=frozenset(roles), **more)
