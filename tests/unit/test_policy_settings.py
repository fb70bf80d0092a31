"""`[[policies]]`: only stricter, and never ignored."""

import pytest
from pydantic import ValidationError

from bot.app import load_rules
from bot.config import Settings
from bot.errors import ConfigError
from bot.policy_settings import PolicyConfig


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"because": "too loose", "steps": ["rate-gate.reset"], "role": "viewer"}, "lets a viewer run"),
        ({"because": "a typing error", "steps": ["rate-gate.rset"], "deny": True}, "is no step"),
        ({"because": "asks nothing", "steps": ["rate-gate.reset"]}, "asks for nothing"),
    ],
)
def test_a_looser_policy_stops_the_start(policy: dict[str, object], problem: str) -> None:
    """What could only make it less safe, or does nothing, is a wrong setting."""
    settings = Settings(policies=[PolicyConfig.model_validate(policy)])
    with pytest.raises(ConfigError, match=problem):
        load_rules(settings)


@pytest.mark.parametrize(
    "policy",
    [
        {"because": "no zone", "deny": True, "from": "09:00", "to": "17:00"},
        {"because": "half a window", "deny": True, "from": "09:00", "zone": "UTC"},
        {"because": "no such zone", "deny": True, "zone": "Mars/Olympus"},
        {"because": "no such day", "deny": True, "days": ["someday"], "zone": "UTC"},
        {"because": "no such key", "denny": True},
        {"because": "no such role", "role": "boss"},
    ],
)
def test_a_policy_that_is_not_understood_is_an_error(policy: dict[str, object]) -> None:
    """Never ignored: a policy that people believe in must be in force."""
    with pytest.raises(ValidationError):
        PolicyConfig.model_validate(policy)
