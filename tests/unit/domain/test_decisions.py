"""Severity, policy, hash chain: small pure decisions, by table."""

from datetime import UTC, datetime

import pytest

from bot.domain import policy
from bot.domain.policy import Access, Action, Decision, Role
from bot.domain.severity import severity
from bot.domain.timeline import broken, digest

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("priority", "entry", "urgency", "expected"),
    [
        ("P0", "P2", "low", "P0"),
        ("", "P2", "high", "P2"),
        ("", "", "high", "P1"),
        ("", "", "low", "P2"),
        ("", "", "", "P1"),
        ("P4", "P0", "high", "P0"),
        ("p1 - major", "", "low", "P1"),
        ("SEV1", "P1", "", "P1"),
        ("MP3 player", "", "low", "P2"),
    ],
)
def test_severity(priority: str, entry: str, urgency: str, expected: str) -> None:
    """PagerDuty's priority if it is one of the runbook's, else the entry's, else by urgency; unsure pages."""
    assert severity(priority=priority, entry_severity=entry, urgency=urgency) == expected


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("role", [None, *Role])
def test_policy_table(action: Action, role: Role | None) -> None:
    """Reading and declaring need any role; changing one that the ladder can wake; no role may do nothing."""
    access = Access("U1", roles=frozenset({role} if role else ()))
    allowed = policy.decide(action, access).allowed
    if role is None:
        assert not allowed
    elif action in {Action.READ, Action.DECLARE}:
        assert allowed
    else:
        assert allowed is (role is not Role.VIEWER)


def test_the_assignee_of_an_incident_may_act_on_it() -> None:
    """Whoever PagerDuty has assigned it to was woken by it."""
    access = Access("U1", pd_id="PX", roles=frozenset({Role.VIEWER}))
    assert policy.decide(Action.ACKNOWLEDGE, access, assignees=["PX"]).allowed
    assert not policy.decide(Action.ACKNOWLEDGE, access, assignees=["PY"]).allowed
    assert not policy.decide(Action.READ, Access("U1", pd_id="PX"), assignees=["PX"]).allowed


def test_an_unknown_pagerduty_user_is_never_the_assignee() -> None:
    """An empty id matches nothing, not even an empty id."""
    assert not policy.decide(Action.ACKNOWLEDGE, Access("U1"), assignees=[""]).allowed


@pytest.mark.parametrize(
    ("action", "roles", "needed"),
    [
        (Action.READ, (), Role.VIEWER),
        (Action.DECLARE, (), Role.VIEWER),
        (Action.ACKNOWLEDGE, (), Role.RESPONDER),
        (Action.RESOLVE, (Role.VIEWER,), Role.RESPONDER),
        (Action.COMMAND, (Role.VIEWER,), Role.RESPONDER),
    ],
)
def test_a_refusal_says_which_role_is_missing(action: Action, roles: tuple[Role, ...], needed: Role) -> None:
    """The least role that would do, as a value and in words."""
    refused = policy.decide(action, Access("U1", roles=frozenset(roles)))
    assert refused == Decision(False, needed, f"the role {needed} is needed")


def test_a_decision_says_why() -> None:
    """By role: nothing to say. By assignment, and for a bot: said."""
    on_duty = Access("U1", pd_id="PX", roles=frozenset({Role.RESPONDER}))
    assert policy.decide(Action.ACKNOWLEDGE, on_duty, assignees=["PX"]) == Decision(True)
    woken = policy.decide(Action.NOTE, Access("U1", pd_id="PX"), assignees=("PY", "PX"))
    assert woken == Decision(True, reason="the incident is assigned to them")
    bot = policy.decide(Action.READ, Access("B1", pd_id="PX", is_bot=True), assignees=["PX"])
    assert bot == Decision(False, Role.VIEWER, "bots may not act")


def test_bots_may_do_nothing() -> None:
    """Whatever roles they were given."""
    access = Access("U1", roles=frozenset(Role), is_bot=True)
    assert not any(policy.decide(action, access).allowed for action in Action)


def chain(*texts: str) -> list[tuple[int, str, str, dict[str, object]]]:
    rows, previous = [], ""
    for number, text in enumerate(texts, 1):
        fields: dict[str, object] = {"text": text, "at": NOW}
        rows.append((number, previous, digest(previous, fields), fields))
        previous = rows[-1][2]
    return rows


def test_an_untouched_chain_is_whole() -> None:
    """No row is reported."""
    assert broken(chain("a", "b", "c")) == []


def test_an_altered_row_is_found() -> None:
    """Its own hash no longer fits."""
    rows = chain("a", "b", "c")
    rows[1] = (2, rows[1][1], rows[1][2], {"text": "x", "at": NOW})
    assert broken(rows) == [2]


def test_a_removed_row_is_found_by_the_one_after_it() -> None:
    """The link to the previous hash is broken."""
    rows = chain("a", "b", "c")
    assert broken([rows[0], rows[2]]) == [3]
