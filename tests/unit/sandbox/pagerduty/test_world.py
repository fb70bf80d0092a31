"""The seeded account: who, which ladder, which ids."""

import re

import pytest

from sandbox.pagerduty.seed import default_world
from sandbox.pagerduty.world import Ids


def test_the_ladder_is_the_runbook_s() -> None:
    """Primary at once, secondary after 15 minutes, executive after 60."""
    world = default_world()
    policy = world.policy_named("PD-TRADING-PRIMARY")
    names = [world.schedules[rule.targets[0].id].name for rule in policy.rules]
    assert names == ["PD-TRADING-PRIMARY", "PD-TRADING-SECONDARY", "PD-EXECUTIVE"]
    assert [sum(rule.delay_minutes for rule in policy.rules[:level]) for level in range(3)] == [0, 15, 60]


@pytest.mark.parametrize(
    ("schedule", "email"),
    [
        ("PD-TRADING-PRIMARY", "dana.oncall@ats.example"),
        ("PD-TRADING-SECONDARY", "sam.sre@ats.example"),
        ("PD-EXECUTIVE", "chris.cto@ats.example"),
        ("PD-SECURITY", "sia.security@ats.example"),
    ],
)
def test_each_schedule_has_its_person(schedule: str, email: str) -> None:
    """The demo's people are on call by the schedules of their roles."""
    world = default_world()
    assert world.users[world.schedule_named(schedule).on_call or ""].email == email


def test_the_outsider_is_no_user() -> None:
    """Sales has no PagerDuty account, so acting as them is refused."""
    assert default_world().user_by_email("olli.sales@ats.example") is None


def test_every_start_has_the_same_ids() -> None:
    """The demo's links and tests' ids hold from one start to the next."""
    assert list(default_world().services) == list(default_world().services)


def test_ids_look_like_pagerduty_s() -> None:
    """P or Q and 13 capitals or digits, never the same twice."""
    ids = Ids()
    made = [ids.new("Q") for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(re.fullmatch(r"Q[A-Z0-9]{13}", each) for each in made)


def test_an_unknown_name_says_what_there_is() -> None:
    """A drill that misspells a schedule is told the names."""
    with pytest.raises(KeyError, match="PD-EXECUTIVE"):
        default_world().schedule_named("PD-EXEC")
