"""Which stretch of the log is read next, and what its entries say."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import catchup, pagerduty_log
from bot.domain.catchup import FIRST, OVERLAP, WIDEST, Stretch

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_a_first_look_goes_back_a_little() -> None:
    """Not to the beginning of the account."""
    assert catchup.next_stretch(None, NOW) == Stretch(NOW - FIRST - OVERLAP, NOW)


@given(st.integers(0, 3_000_000))
def test_stretches_follow_on_each_other_without_a_hole(seconds: int) -> None:
    """Each begins before the last ended, none is wider than allowed, and the present is reached."""
    cursor, looks = NOW - timedelta(seconds=seconds), 0
    while cursor < NOW:
        stretch = catchup.next_stretch(cursor, NOW)
        assert stretch.since <= cursor
        assert stretch.until - stretch.since <= WIDEST
        assert stretch.until > cursor
        cursor, looks = stretch.until, looks + 1
    assert looks <= seconds // (WIDEST - OVERLAP).total_seconds() + 1


def test_half_of_a_stretch_is_never_nothing() -> None:
    """Down to a second, which is then read whole."""
    stretch = Stretch(NOW, NOW + timedelta(hours=6))
    while not stretch.narrow:
        stretch = stretch.halved()
    assert stretch.until - stretch.since == timedelta(seconds=1)


def entry(
    kind: str, at: str = "2026-11-22T03:00:00Z", agent: str = "user_reference", **more: Any
) -> dict[str, Any]:
    return {
        "id": f"R{kind}{at}", "type": f"{kind}_log_entry", "created_at": at, "summary": f"{kind} by Sam",
        "agent": {"id": "PSAM", "type": agent, "summary": "Sam"}, "incident": {"id": "Q1"}, **more,
    }  # fmt: skip


def test_an_assignment_that_belongs_to_an_acknowledgement_is_not_told() -> None:
    """Who acknowledges becomes the assignee; a reassignment by itself is told."""
    both = pagerduty_log.telling([entry("acknowledge"), entry("assign", assignees=[])])
    assert [e.type for e in both] == ["acknowledge"]
    alone = entry("assign", assignees=[{"id": "P1", "type": "user_reference", "summary": "Dana"}])
    (told,) = pagerduty_log.telling([alone])
    assert told.happening is not None
    assert told.happening.head == "Reassigned to Dana"


def test_notifications_are_nobodys_business() -> None:
    """A page sent, a limit reached, a type of next year."""
    assert pagerduty_log.telling([entry("notify"), entry("reach_ack_limit"), entry("frobnicate")]) == []


def test_a_service_acts_in_nobodys_name() -> None:
    """A timeout takes an acknowledgement back: no person did."""
    (told,) = pagerduty_log.telling([entry("unacknowledge", agent="service_reference")])
    assert not told.agent
    assert told.move is not None
    assert (told.move.status, told.move.exact) == ("triggered", False)


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ("channel", "agent", "note", "assignees", "summary", "created_at", "incident", "id")
_TYPES = ("annotate", "field_value_change", "assign", "trigger", "snooze", "delegate", "x")


@given(st.sampled_from(_TYPES), st.dictionaries(st.sampled_from(_FIELDS), odd))
def test_odd_entries_never_raise(kind: str, fields: dict[str, Any]) -> None:
    """Anything may stand anywhere."""
    pagerduty_log.telling(
        [{**entry(kind), **fields}, {**entry(kind), "channel": {"changeset": fields, **fields}}]
    )
