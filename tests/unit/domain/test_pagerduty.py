"""PagerDuty's payloads, read into values."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import pagerduty
from bot.domain.lifecycle import Move
from bot.domain.people import Who

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
INCIDENT = {
    "id": "Q1", "type": "incident", "number": 12, "title": "Zebra", "status": "triggered", "urgency": "high",
    "created_at": "2026-11-22T02:59:58Z", "service": {"id": "PS", "summary": "Trading"},
    "priority": {"summary": "P1"}, "assignees": [{"id": "PD", "summary": "Dana", "type": "user_reference"}],
}  # fmt: skip


def wrap(kind: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "event": {
            "id": "E1",
            "event_type": kind,
            "occurred_at": "2026-11-22T02:59:59.250Z",
            "data": data,
            **more,
        }
    }


def test_a_webhook_is_read() -> None:
    """Type, time in UTC, agent, and the incident with number and assignees."""
    agent = {"id": "PD", "summary": "Dana", "type": "user_reference"}
    event = pagerduty.event(wrap("incident.acknowledged", INCIDENT, agent=agent), now=NOW)
    assert event is not None
    assert (event.move, event.agent) == (
        Move("acknowledged", event.at, event.agent),
        Who(name="Dana", pd_id="PD"),
    )
    assert event.at == datetime(2026, 11, 22, 2, 59, 59, 250_000, tzinfo=UTC)
    assert event.snapshot is not None
    assert (event.snapshot.number, event.snapshot.service, event.snapshot.priority) == (12, "Trading", "P1")


def test_rest_names_the_same_things_otherwise() -> None:
    """`incident_number` and `assignments` of the REST API."""
    rest = {
        "id": "Q1", "incident_number": 7, "status": "acknowledged", "title": "T",
        "assignments": [{"assignee": {"id": "PX", "summary": "Sam"}}],
        "last_status_change_at": "2026-11-22T03:00:00Z",
    }  # fmt: skip
    seen = pagerduty.snapshot(rest)
    assert (seen.number, seen.assignees, seen.changed_at) == (7, (Who(name="Sam", pd_id="PX"),), NOW)


def test_a_note_names_its_incident_and_has_no_snapshot() -> None:
    """The data of `incident.annotated` is the note."""
    data = {
        "id": "N1",
        "type": "incident_note",
        "content": "hello",
        "incident": {"id": "Q1", "type": "incident_reference"},
    }
    event = pagerduty.event(wrap("incident.annotated", data), now=NOW)
    assert event is not None
    assert (event.incident_id, event.snapshot, event.text, event.move) == ("Q1", None, "hello", None)


def test_a_merged_incident_says_into_which() -> None:
    """It arrives as resolved, with the reason."""
    reason = {"type": "merge_resolve_reason", "incident": {"id": "Q2"}}
    assert pagerduty.snapshot({**INCIDENT, "resolve_reason": reason}).merged_into == "Q2"


@pytest.mark.parametrize("kind", ["pagey.ping", "service.updated", "workflow.started"])
def test_events_about_no_incident_are_none(kind: str) -> None:
    """Kept by the caller, applied to nothing."""
    assert pagerduty.event(wrap(kind, {"id": "X", "type": "ping"}), now=NOW) is None


@pytest.mark.parametrize("body", [{}, {"event": None}, {"event": {"id": "x"}}, {"event": {"event_type": "y"}}])
def test_what_cannot_be_filed_is_refused(body: dict[str, Any]) -> None:
    """Without an id or a type there is nothing to remember it by."""
    with pytest.raises(ValueError, match="id and a type"):
        pagerduty.event(body, now=NOW)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*INCIDENT, "resolve_reason", "html_url", "assignments"]), json_values))
def test_odd_fields_never_raise(odd: dict[str, Any]) -> None:
    """Anything may stand anywhere in the data; what is odd is an empty value."""
    pagerduty.event(wrap("incident.triggered", {**INCIDENT, **odd}), now=NOW)
    pagerduty.event(wrap("incident.annotated", {**odd, "incident": {"id": "Q1"}, "user": odd}), now=NOW)


@given(json_values)
def test_times_never_raise(value: Any) -> None:
    """Not a time: None; a time without a zone is UTC."""
    parsed = pagerduty.parse_time(value)
    assert parsed is None or parsed.tzinfo is UTC
