"""The life of a run, and what its digest holds together."""

from dataclasses import asdict, replace

import pytest

from bot.domain.runs import (
    MOVES,
    OPEN,
    Agreed,
    State,
    changed,
    deployed_before,
    digest,
    ended,
    may_move,
    system_of,
)
from runbook.model import Entry, Kind, Plan, Risk
from tests.unit.domain.steps import step

AGREED = Agreed("s", "d1", "pm2 restart x", "this host", {"a": "1"}, "book")


def test_nothing_leads_back_to_running() -> None:
    """What has run or ended cannot be reached again from anywhere: a run runs once."""
    assert [s for s in State if may_move(s, State.RUNNING)] == [State.APPROVED]
    over = [s for s in State if ended(s)]
    assert set(over) == set(State) - OPEN - {State.RUNNING}
    reached = {s for s in over for after in State if may_move(s, after)}
    assert not reached
    assert State.REQUESTED not in {after for moves in MOVES.values() for after in moves}


@pytest.mark.parametrize(
    "other",
    [
        replace(AGREED, step="t"), replace(AGREED, step_digest="d2"), replace(AGREED, resolved="pm2 restart y"),
        replace(AGREED, target="elsewhere"), replace(AGREED, parameters={"a": "2"}),
        replace(AGREED, parameters={}), replace(AGREED, runbook="another"), replace(AGREED, seal="another"),
    ],
)  # fmt: skip
def test_the_digest_changes_with_anything_that_was_agreed_to(other: Agreed) -> None:
    """Step, review, resolved command, target, parameters, runbook."""
    assert digest(other) != digest(AGREED)
    if other.step == AGREED.step:
        assert changed(AGREED, other)


def test_what_another_version_kept_is_read() -> None:
    """Replicas of two versions stand side by side during an upgrade: neither stumbles over the other's rows."""
    row = asdict(AGREED)
    assert Agreed.of(row | {"a_later_word": "x"}) == AGREED
    assert Agreed.of({k: v for k, v in row.items() if k != "seal"}) == AGREED


def test_the_same_is_the_same() -> None:
    """The order of parameters does not matter."""
    one, two = (
        replace(AGREED, parameters={"a": "1", "b": "2"}),
        replace(AGREED, parameters={"b": "2", "a": "1"}),
    )
    assert digest(one) == digest(two)
    assert changed(one, two) == ""


@pytest.mark.parametrize(
    ("argv", "kind", "system"),
    [
        ((("pm2", "restart", "ecosystem.config.cjs"),), Kind.EXEC, "PM2"),
        ((("git", "checkout", "HEAD~1", "--", "ecosystem.config.cjs"),), Kind.EXEC, "PM2"),
        ((("helm", "rollback", "ats"),), Kind.EXEC, "Kubernetes"),
        ((("./scripts/backup-redis.sh",),), Kind.EXEC, "backup-redis.sh"),
        ((), Kind.SQL, "PostgreSQL"),
    ],
)
def test_steps_that_change_the_same_system_share_its_name(
    argv: tuple[tuple[str, ...], ...], kind: Kind, system: str
) -> None:
    """One change at a time on each system."""
    assert system_of(step(argv=argv, kind=kind)) == system


def test_an_emergency_stop_waits_for_no_other_change() -> None:
    """Two protective steps of one system do not wait for each other."""
    assert system_of(step("stop", Risk.PROTECTIVE)) != system_of(step("disable", Risk.PROTECTIVE))


HISTORY = """REVISION UPDATED STATUS CHART
1 Mon superseded ats-1
2 Tue failed ats-2
3 Wed deployed ats-3
"""


def test_the_way_back_of_a_rollback_is_the_revision_of_now() -> None:
    """Read from the list of choices before the change; nothing when the list does not say."""
    back = step("ats.rollback", params={"REVISION": "int from ats.history"}, revert="ats.rollback")
    plan = Plan(
        "t", "1", "o", "p", "d", entries=(Entry("e", "E", "procedure", steps=(back, step("ats.history"))),)
    )
    assert deployed_before(plan, back, HISTORY) == {"REVISION": "3"}
    assert deployed_before(plan, back, "nothing") == {}
    assert deployed_before(plan, replace(back, revert=""), HISTORY) == {}
