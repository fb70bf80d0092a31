"""The status of an incident from its history."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.lifecycle import KEPT, Move, Progress, fold, joined
from bot.domain.people import NOBODY, Who

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DANA, SAM = Who(pd_id="PDANA", name="Dana"), Who(pd_id="PSAM", name="Sam")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def after(*moves: Move) -> Progress:
    return fold(joined((), *moves), triggered_at=START)


def ack(seconds: float, by: Who = DANA, *, exact: bool = True) -> Move:
    return Move("acknowledged", at(seconds), by, exact=exact)


def resolve(seconds: float, by: Who = SAM, *, exact: bool = True) -> Move:
    return Move("resolved", at(seconds), by, exact=exact)


def back(seconds: float, how: str = "said") -> Move:
    return Move("triggered", at(seconds), how=how)


def test_the_newest_event_decides() -> None:
    """Acknowledged then resolved is resolved, with both moments and people."""
    done = after(ack(60), resolve(120))
    assert (done.status, done.acked_at, done.acked_by) == ("resolved", at(60), DANA)
    assert (done.resolved_at, done.resolved_by) == (at(120), SAM)


def test_a_late_event_fills_in_what_was_unknown_and_moves_nothing_back() -> None:
    """An acknowledgement that arrives after the resolution keeps its moment; the status stays."""
    assert after(resolve(120), ack(60)) == after(ack(60), resolve(120))


def test_taking_back_forgets_the_acknowledgement() -> None:
    """Un-acknowledged means nobody has it."""
    done = after(ack(60), back(90))
    assert (done.status, done.acked_at, done.acked_by, done.rearmed_at) == ("triggered", None, NOBODY, at(90))


def test_an_acknowledgement_older_than_its_taking_back_does_not_count() -> None:
    """Order of arrival is not order of time."""
    done = after(back(90), ack(60))
    assert (done.status, done.acked_at) == ("triggered", None)


def test_reopened_forgets_who_had_it_and_who_closed_it() -> None:
    """It begins anew, at the moment of reopening."""
    done = after(resolve(120), ack(60), back(150), ack(200, SAM))
    assert (done.status, done.acked_by, done.resolved_at, done.rearmed_at) == (
        "acknowledged",
        SAM,
        None,
        at(150),
    )


def test_an_alert_that_comes_again_reopens_only_what_was_resolved() -> None:
    """It neither takes an acknowledgement back nor begins the ladder anew."""
    assert after(ack(60), back(90, "raised")) == after(ack(60))
    assert after(back(90, "raised")).rearmed_at is None
    assert after(resolve(60), back(90, "raised")).rearmed_at == at(90)


def test_what_was_seen_is_news_only_if_it_differs() -> None:
    """An escalation shows the incident triggered: nothing new, unless somebody had it."""
    assert after(back(90, "seen")) == after()
    assert after(ack(60), back(90, "seen")).status == "triggered"


moves = st.builds(
    Move,
    st.sampled_from(["triggered", "acknowledged", "resolved"]),
    st.integers(0, 8000).map(lambda ms: at(ms / 1000)),
    st.sampled_from([NOBODY, DANA, SAM]),
    st.sampled_from(["said", "seen", "raised"]),
    st.booleans(),
).map(lambda m: m if m.exact else Move(m.status, m.at.replace(microsecond=0), m.by, m.how, exact=False))


@given(st.lists(moves, max_size=12), st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_a_history_ends_in_the_state_of_the_ordered_one(
    history: list[Move], chance: Random
) -> None:
    """Shuffled, repeated, one by one or all at once: the same set, the same progress, field by field."""
    ordered = joined((), *sorted(history, key=lambda m: m.at))
    told = [*history, *history]
    chance.shuffle(told)
    known: tuple[Move, ...] = ()
    for move in told:
        known = joined(known, move)
    assert known == ordered
    assert fold(known, triggered_at=START) == fold(ordered, triggered_at=START)


@given(st.lists(moves, max_size=12))
def test_the_fields_agree_with_the_status(history: list[Move]) -> None:
    """Nobody has what is triggered; what is not resolved was resolved by nobody."""
    done = fold(joined((), *history), triggered_at=START)
    assert (done.acked_at is None) or done.status != "triggered"
    assert (done.acked_at is not None) or done.status != "acknowledged"
    assert (done.resolved_at is not None) == (done.status == "resolved")


@given(moves)
def test_a_move_survives_being_stored(move: Move) -> None:
    """As JSON and back."""
    assert Move.from_json(move.as_json()) == move


@pytest.mark.parametrize(
    ("known", "answer", "expected"),
    [
        (back(5.9), ack(5, exact=False), "acknowledged"),
        (ack(5.9), resolve(5, exact=False), "resolved"),
        (resolve(5.9), ack(5, exact=False), "resolved"),
    ],
)
def test_a_time_cut_to_whole_seconds_moves_forward_only(known: Move, answer: Move, expected: str) -> None:
    """REST times have no fraction: within the same second the status may go forward, never back."""
    assert after(known, answer).status == expected


def test_the_log_repeats_the_webhook() -> None:
    """The same acknowledgement in milliseconds and in whole seconds is one, with the exact moment."""
    both = joined((), ack(60, exact=False), ack(60.75))
    assert both == (ack(60.75),)
    assert joined((), ack(61, exact=False), ack(60.999)) == (ack(60.999),)
    assert len(joined((), ack(60, SAM, exact=False), ack(60.75, DANA))) == 2


def test_what_was_asked_for_in_anothers_name_stays_theirs_who_asked() -> None:
    """Our answer names Olli, the webhook Chris in whose name it was done: Olli acknowledged, whichever comes first."""
    olli, chris = Who("U0OUT", "Olli", "PCHRIS"), Who(pd_id="PCHRIS", name="Chris")
    answer, webhook = ack(60, olli, exact=False), ack(60.75, chris)
    for moves in ((answer, webhook), (webhook, answer), (answer, webhook, webhook, answer)):
        known: tuple[Move, ...] = ()
        for move in moves:
            known = joined(known, move)
        assert known == (ack(60.75, olli),)


def test_a_flapping_incident_keeps_the_newest() -> None:
    """A thousand moves do not pile up."""
    many = [ack(n) if n % 2 else back(n) for n in range(1000)]
    kept = joined((), *many)
    assert (len(kept), kept[-1]) == (KEPT, many[-1])
