"""Guided checklists: what there is to do, in which order, and when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runbook
from bot.domain.checklist import (
    Checklist,
    Item,
    Tick,
    TickState,
    choose,
    filled,
    guided,
    items_of,
    refusal,
    target_of,
    ticked,
    way_back_of,
)
from bot.domain.people import Who

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
SAM = Who("U0SRE", "Sam")
PLAN = runbook.compile_text(runbook.shipped_text(), lock=runbook.shipped_lock())
WATCH = Item("watch", "Watch for 15 minutes before blue is taken down.", wait=timedelta(minutes=15))
STATE = Checklist(1, "Swap", (Item("a", "Deploy"), WATCH, Item("c", "Take blue down")), NOW)


def test_the_blue_green_swap_has_its_watch_and_its_way_back() -> None:
    """Its five lines are items, the fifth has the runbook's 15 minutes, and the reverse is said beside them."""
    entry = PLAN.entry("blue-green-deployment-swap")
    assert entry is not None
    items = items_of(entry)
    assert [bool(item.wait) for item in items] == [False, False, False, False, True]
    assert items[4].wait == timedelta(minutes=15)
    assert "reverse the DNS" in way_back_of(entry)
    assert all(item.by_hand for item in items)


def test_numbered_comments_are_items() -> None:
    """Numbered comments, as the team writes them, are items too; the rollback line is none."""
    text = (
        "## Blue/Green\n```bash\n# Deployment with instant rollback\n# 1. Deploy it\n# 2. Monitor for 15 minutes\n\n"
        "# Rollback: reverse DNS (< 30 seconds)\n```\n"
    )
    plan = runbook.compile_text(text)
    entry = next(e for e in plan.entries if e.title.startswith("Blue/Green"))
    items = items_of(entry)
    assert items[-1].wait == timedelta(minutes=15)
    assert not [item for item in items if item.title.startswith("Rollback")]
    assert way_back_of(entry).lower().startswith("reverse")


def test_the_game_day_has_half_an_hour() -> None:
    """The target of 30 minutes is read from the text."""
    entry = PLAN.entry("quarterly-game-day-exercise")
    assert entry is not None
    assert target_of(entry) == timedelta(minutes=30)


@pytest.mark.parametrize(
    "entry_id",
    [
        "database-recovery", "redis-recovery", "application-recovery-clean-deployment", "suspected-breach",
        "api-key-compromise", "blue-green-deployment-swap", "quarterly-game-day-exercise",
        "database-migration-rollback", "data-corruption",
    ],
)  # fmt: skip
def test_every_manual_procedure_is_offered(entry_id: str) -> None:
    """What the runbook leaves to people is a checklist."""
    entry = PLAN.entry(entry_id)
    assert entry is not None
    assert guided(entry)


def test_what_the_bot_can_run_is_not_by_hand() -> None:
    """The emergency stop within the breach procedure is the bot's, the firewall is a person's."""
    entry = PLAN.entry("suspected-breach")
    assert entry is not None
    by_hand = {item.id: item.by_hand for item in items_of(entry)}
    assert by_hand["trading.emergency-stop"] is False
    assert [value for key, value in by_hand.items() if "contain" in key] == [True]


def test_a_recovery_database_must_be_called_so() -> None:
    """The item that overwrites a database asks for its name, and takes only one that ends in _recovery."""
    entry = PLAN.entry("database-recovery")
    assert entry is not None
    item = next(i for i in items_of(entry) if "target_database" in i.params)
    given_values = {"target_database": "trading_db", "backup_file": "a.dump"}
    assert "_recovery" in filled(item, given_values)[1]["target_database"]
    given_values["target_database"] = "trading_db_recovery"
    said, problems = filled(item, given_values)
    assert not problems
    assert "target_database = trading_db_recovery" in said


@pytest.mark.parametrize(
    ("item", "skip", "now", "says"),
    [
        (0, False, NOW, ""),
        (1, False, NOW, "Item 1 comes first"),
        (2, True, NOW, "Item 1 comes first"),
    ],
)
def test_items_are_left_behind_in_order(item: int, skip: bool, now: datetime, says: str) -> None:
    """Neither done nor skipped before its turn."""
    assert says in refusal(STATE, item, now=now, skip=skip)
    assert bool(says) == bool(refusal(STATE, item, now=now, skip=skip))


def test_a_watch_must_be_started_and_be_over() -> None:
    """Not ticked before its time is over; it can be skipped with a reason."""
    state = ticked(STATE, 0, Tick(TickState.DONE, SAM, NOW))
    assert "has not been started" in refusal(state, 1, now=NOW)
    state = Checklist(
        **{**{f: getattr(state, f) for f in state.__slots__}, "waits": {1: NOW + timedelta(minutes=15)}}
    )
    assert "not over before 03:15 UTC" in refusal(state, 1, now=NOW + timedelta(minutes=14))
    assert refusal(state, 1, now=NOW + timedelta(minutes=14), skip=True) == ""
    assert refusal(state, 1, now=NOW + timedelta(minutes=15)) == ""


def test_the_last_item_ends_it() -> None:
    """It is over with the last tick, by that person at that time; nothing can be ticked then."""
    state = STATE
    for i in range(3):
        state = ticked(state, i, Tick(TickState.DONE, SAM, NOW + timedelta(minutes=i)))
    assert state.ended_at == NOW + timedelta(minutes=2)
    assert state.ended_by == SAM
    assert state.current is None
    assert "over" in refusal(state, 2, now=NOW)


@given(st.lists(st.tuples(st.integers(-1, 5), st.booleans()), max_size=12))
def test_whatever_is_pressed_items_go_in_order(presses: list[tuple[int, bool]]) -> None:
    """Any presses: what is left behind is always a beginning of the list, each once."""
    state = Checklist(1, "x", tuple(Item(str(i), f"item {i}") for i in range(4)), NOW)
    for item, skip in presses:
        if not refusal(state, item, now=NOW, skip=skip):
            tick = Tick(TickState.SKIPPED if skip else TickState.DONE, SAM, NOW)
            state = ticked(state, item, tick)
    assert sorted(state.ticks) == list(range(len(state.ticks)))
    assert (state.ended_at is not None) == (len(state.ticks) == 4)


def test_words_choose_one_procedure() -> None:
    """An id, a title, or words that only one title has; nothing when several fit."""
    assert choose(PLAN.entries, "redis recovery") == PLAN.entry("redis-recovery")
    assert choose(PLAN.entries, "breach") == PLAN.entry("suspected-breach")
    assert choose(PLAN.entries, "recovery") is None
    assert choose(PLAN.entries, "") is None
