"""Severity, ladder, policy, hash chain: small pure decisions, by table."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import escalation, policy
from bot.domain.policy import Access, Action, Role
from bot.domain.severity import severity
from bot.domain.timeline import broken, digest
from runbook.model import Contact

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


CONTACTS = [
    Contact("Management", "@cto", "cto", timedelta(hours=1), "PD-EXECUTIVE"),
    Contact("Primary On-Call", "@devops-lead", "devops-lead", timedelta(0), "PD-TRADING-PRIMARY"),
    Contact("Secondary", "@sre-team", "sre-team", timedelta(minutes=15), "PD-TRADING-SECONDARY"),
    Contact("Security Incident", "@security-team", "security-team", timedelta(0), "PD-SECURITY"),
    Contact("Vendor", "a phone", "", None, ""),
]


def test_the_ladder_is_the_tables_rows_by_their_waiting_time_without_security() -> None:
    """Soonest first; rows without a waiting time, and the security row, are no rungs."""
    assert [r.schedule for r in escalation.ladder(CONTACTS)] == [
        "PD-TRADING-PRIMARY", "PD-TRADING-SECONDARY", "PD-EXECUTIVE",
    ]  # fmt: skip


@pytest.mark.parametrize(("level", "minutes"), [(0, 0), (1, 15), (2, 60)])
def test_each_rung_is_due_its_wait_after_the_anchor(level: int, minutes: int) -> None:
    """Counted from the moment the incident became unacknowledged."""
    assert escalation.due(escalation.ladder(CONTACTS), level, NOW) == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize("level", [-1, 3, 99])
def test_beyond_the_ladder_nothing_is_due(level: int) -> None:
    """No rung, no time."""
    assert escalation.due(escalation.ladder(CONTACTS), level, NOW) is None


@pytest.mark.parametrize(("sev", "wakes"), [("P0", True), ("P1", True), ("P2", False), ("", True)])
def test_p0_and_p1_wake_people_and_so_does_not_knowing(sev: str, wakes: bool) -> None:
    """P2 only posts."""
    assert escalation.pages(sev) is wakes


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("role", [None, *Role])
def test_policy_table(action: Action, role: Role | None) -> None:
    """Reading needs any role; changing needs one that the ladder can wake; no role may do nothing."""
    access = Access("U1", roles=frozenset({role} if role else ()))
    allowed = policy.decide(action, access).allowed
    if role is None:
        assert not allowed
    elif action is Action.READ:
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
