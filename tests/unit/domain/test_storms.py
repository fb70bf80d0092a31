"""Storms and lanes: who joins, who speaks for all, what goes out first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import lane, storms
from bot.domain.storms import Fresh, Member

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def fresh(key: str, count: int, start: int = 0) -> list[Fresh]:
    return [Fresh(start + n, key) for n in range(count)]


@pytest.mark.parametrize(
    ("count", "going_on", "joins"),
    [(5, {}, 0), (6, {}, 6), (1, {"pm2": 9}, 1), (1, {"loki": 9}, 0), (0, {}, 0)],
)
def test_too_many_of_a_kind_are_a_storm_and_later_ones_join_it(
    count: int, going_on: dict[str, int], joins: int
) -> None:
    """Five have a card each, the sixth makes them all one; while it goes on, each further one joins."""
    assert len(storms.gather(fresh("pm2", count), going_on).get("pm2", [])) == joins


def test_kinds_do_not_mix() -> None:
    """Ten of one entry do not take along three of another."""
    assert set(storms.gather(fresh("pm2", 10) + fresh("loki", 3, 50), {})) == {"pm2"}


def test_alike_is_the_entry_else_the_service() -> None:
    """What the runbook knows goes by its entry; what it does not know, by where it comes from."""
    assert storms.key_of("pm2", "S1", "api") == storms.key_of("pm2", "S2", "db")
    assert storms.key_of("", "S1", "api") != storms.key_of("", "S2", "api")


def member(number: int, *, due: bool = False, level: int = 0, minutes: int = 0) -> Member:
    return Member(number, due, level, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("members", "chosen"),
    [
        ([], None),
        ([member(1, minutes=5), member(2, minutes=1)], 2),
        ([member(1, minutes=1), member(2, due=True, minutes=5)], 2),
        ([member(1, due=True), member(2, due=True, level=2, minutes=9)], 2),
    ],
)
def test_the_one_that_was_climbed_furthest_speaks_for_all(members: list[Member], chosen: int | None) -> None:
    """Else the oldest; nobody's ladder begins anew because somebody joined."""
    assert storms.speaker(members) == chosen


@given(
    st.lists(st.builds(Member, st.integers(1, 99), st.booleans(), st.integers(0, 9), st.just(NOW)), min_size=1)
)
def test_there_is_always_exactly_one_speaker(members: list[Member]) -> None:
    """Whatever their state; one that is due if any is, so that no reminder is lost by electing."""
    chosen = [m for m in members if m.id == storms.speaker(members)]
    assert chosen
    assert any(m.due for m in chosen) is any(m.due for m in members)


@pytest.mark.parametrize(("seconds", "flaps"), [(0, True), (600, True), (601, False), (-1, False)])
def test_raised_again_within_ten_minutes_is_the_same_thing(seconds: int, flaps: bool) -> None:
    """Later it is a new one; and what was not resolved before cannot be back."""
    assert storms.is_flap(NOW, NOW + timedelta(seconds=seconds)) is flaps
    assert not storms.is_flap(None, NOW)


def test_the_order_of_a_lane() -> None:
    """What wakes people first, the storms' cards, then cards and words, each by severity."""
    order = [
        lane.rank(lane.REMINDER, "P0"), lane.rank(lane.REMINDER, "P1"), lane.rank(lane.REMINDER, "P2"),
        lane.rank(lane.GROUP, "P0"), lane.rank(lane.GROUP, "P1"), lane.rank(lane.GROUP, "P2"),
        lane.rank(lane.CARD, "P0"), lane.rank(lane.WORD, "P0"), lane.rank(lane.CARD, "P1"),
        lane.rank(lane.WORD, "P1"), lane.rank(lane.CARD, "P2"), lane.rank(lane.WORD, "P2"), lane.LIST,
    ]  # fmt: skip
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    assert lane.rank(lane.CARD, "") == lane.rank(lane.CARD, "P1")
