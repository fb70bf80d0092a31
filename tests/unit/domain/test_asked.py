"""Whose request it was that PagerDuty tells of."""

from bot.domain import asked
from bot.domain.asked import Asked
from bot.domain.people import Who

OLLI = Who("U0OUT", "Olli", "PCHRIS")  # in the name of Chris
PAT = Who("U0PAT", "Pat", "PCHRIS")
DANA = Who("U0ONCALL", "Dana", "PDANA")
WAITING = {
    "m-1": Asked("note", PAT, said="seen").as_json(),
    "m-2": Asked("acknowledge", OLLI, words="Acknowledging for Olli").as_json(),
    "m-3": Asked("resolve", DANA, said="restarted").as_json(),
}


def test_of_two_in_the_same_name_it_is_who_asked_for_that() -> None:
    """Olli's acknowledgement is not Pat's, though PagerDuty names Chris for both."""
    found = asked.behind(WAITING, "incident.acknowledged", "PCHRIS")
    assert found is not None
    assert found.by == OLLI
    noted = asked.behind(WAITING, "incident.annotated", "PCHRIS")
    assert noted is not None
    assert (noted.by, noted.said) == (PAT, "seen")


def test_what_nobody_asked_for_is_whom_pagerduty_names() -> None:
    """Another user, or none, is nobody's request."""
    assert asked.behind(WAITING, "incident.acknowledged", "PSAM") is None
    assert asked.behind(WAITING, "incident.acknowledged", "") is None


def test_the_end_of_one_leaves_the_others() -> None:
    """A note that is done does not take away that an acknowledgement still waits."""
    assert asked.words(asked.without(WAITING, "m-1")) == "Acknowledging for Olli"
    assert asked.words(asked.without(WAITING, "m-2")) == ""


def test_a_status_ends_what_asked_for_it() -> None:
    """Once it is acknowledged nobody's acknowledgement waits, once resolved no resolution; a note still does."""
    assert set(asked.after(WAITING, "triggered")) == {"m-1", "m-2", "m-3"}
    assert set(asked.after(WAITING, "acknowledged")) == {"m-1", "m-3"}
    assert set(asked.after(WAITING, "resolved")) == {"m-1"}


def test_what_an_older_version_kept_is_passed_over() -> None:
    """Its fields stood in the incident itself; the job that is done again writes it anew."""
    older = {
        "slack_id": "U0ONCALL",
        "name": "Dana",
        "pd_id": "PDANA",
        "said": "",
        "text": "Acknowledging for Dana",
    }
    assert asked.behind(older, "incident.acknowledged", "PDANA") is None
    assert asked.words(older) == ""
    assert asked.after(older, "triggered") == {}
