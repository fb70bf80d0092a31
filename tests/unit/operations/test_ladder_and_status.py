"""The ladder and the status together: whatever happens to an incident, told in whatever order and however often."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app import runbook_path
from bot.compile_child import compile_here
from bot.config import Settings
from bot.domain import lifecycle
from bot.domain.escalation import Duty, Rung
from bot.domain.lifecycle import Move
from bot.domain.people import Who
from bot.operations import incidents, ladder
from bot.operations.ladder import Rota
from bot.operations.rules import Rules
from bot.store.tables import Incident

START = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
DANA = Who("U1", "Dana", "P1")
MOVES = {  # what may happen, and how PagerDuty tells of it
    "ack": ("acknowledged", "said"), "unack": ("triggered", "said"), "resolve": ("resolved", "said"),
    "raise": ("triggered", "raised"), "seen ack": ("acknowledged", "seen"), "seen open": ("triggered", "seen"),
}  # fmt: skip


@cache
def rules() -> Rules:
    return Rules(compile_here(runbook_path(Settings())), "#ops")


def rota() -> Rota:
    return Rota({rung.key: Duty((DANA,)) for rung in rules().ladder})


@dataclass
class World:
    """One incident's row, as the operations keep it, and every reminder that it gave."""

    now: datetime = START
    incident: Incident = field(
        default_factory=lambda: Incident(
            pd_id="Q1",
            number=1,
            severity="P0",
            status_at=START,
            triggered_at=START,
            seen_at=START,
            created_at=START,
        )
    )
    asked: list[tuple[int, str, datetime]] = field(default_factory=list)  # (which arming, key, when)
    anchors: list[datetime] = field(default_factory=lambda: [START])  # of the armings
    known: set[Move] = field(default_factory=set)

    def begin(self) -> None:
        ladder.arm(rules(), self.incident, ladder.anchor_of(self.incident), self.now)

    def told(self, move: Move) -> None:
        """As a webhook is applied."""
        row = self.incident
        was, was_rearmed, before = (
            row.status,
            row.rearmed_at,
            (row.status, row.due_at, row.fired, row.anchor_at),
        )
        incidents._take_over(row, move)
        if ladder.moved(rules(), row, was, was_rearmed, self.now) and row.status == "triggered":
            self.anchors.append(ladder.anchor_of(row))
        if move in self.known:
            assert (row.status, row.due_at, row.fired, row.anchor_at) == before, "told again, and not the same"
        self.known.add(move)

    def look(self) -> None:
        """As the ticker does, which goes by the time alone here: the status must have set it right."""
        row = self.incident
        while row.due_at is not None and row.due_at <= self.now:
            assert row.status == "triggered", "fired while somebody has it"
            call = ladder._decide(rules(), row, rota(), self.now)
            if call is None:
                break
            keys = [ask.rung.key for ask in call.batch.asks] or [""]
            self.asked += [(len(self.anchors) - 1, key, self.now) for key in keys]
            ladder._go_on(call, rota(), self.now)

    def of(self, arming: int) -> list[tuple[str, datetime]]:
        """The reminders of an arming."""
        return [(key, at) for n, key, at in self.asked if n == arming]


HISTORY = st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(1, 90)), max_size=8)
TOLD = st.lists(st.tuples(st.integers(0, 7), st.sampled_from([0, 1, 7, 16, 40, 100])), max_size=24)


def history(steps: Sequence[tuple[str, int]]) -> list[Move]:
    """What truly happened, in its order."""
    at, moves = START, []
    for what, minutes in steps:
        at += timedelta(minutes=minutes)
        status, how = MOVES[what]
        moves.append(Move(status, at, DANA, how=how))
    return moves


def live(moves: Sequence[Move], told: Sequence[tuple[int, int]], *, rest: bool) -> World:
    """Tell of the moves in that order and as often, with looks in between; at the end (`rest`) of all of them."""
    world = World()
    world.begin()
    order = [(moves[index], wait) for index, wait in told if index < len(moves)]
    for move, wait in [*order, *((move, 0) for move in moves if rest)]:
        world.now = max(world.now, move.at) + timedelta(minutes=wait)
        world.told(move)
        world.look()
    return world


@settings(max_examples=200)
@given(HISTORY, TOLD)
def test_no_order_and_no_repetition_fires_a_rung_twice_early_or_while_somebody_has_it(
    steps: list[tuple[str, int]], told: list[tuple[int, int]]
) -> None:
    """Each arming asks each rung at most once, in order, not before its time; repetitions keep their distance."""
    world, again = live(history(steps), told, rest=True), rules().timing.again
    waits = {rung.key: rung.wait for rung in rules().ladder}
    for arming, anchor in enumerate(world.anchors):
        asked = world.of(arming)
        keys = [key for key, _ in asked if key]
        assert keys == list(waits)[: len(keys)], "twice, or out of order"
        assert all(at >= anchor + waits.get(key, timedelta()) for key, at in asked), "early"
        for (_, before), (key, at) in pairwise(asked):
            assert key or at - before >= again, "asked again too soon"


@settings(max_examples=200)
@given(HISTORY, TOLD)
def test_once_all_is_told_whoever_is_due_was_asked_and_goes_on_being_asked(
    steps: list[tuple[str, int]], told: list[tuple[int, int]]
) -> None:
    """Nobody has it: since it was last taken back all rungs are asked in time, then everybody at the interval."""
    moves = history(steps)
    world, last = live(moves, told, rest=True), lifecycle.fold(lifecycle.joined(moves), triggered_at=START)
    assert world.incident.status == last.status
    if last.status != "triggered":
        assert world.incident.due_at is None
        return
    for _ in range(8):
        assert world.incident.due_at is not None
        world.now = max(world.now, world.incident.due_at)
        world.look()
    assert world.anchors[-1] == (last.rearmed_at or START)
    asked = world.of(len(world.anchors) - 1)
    rungs: list[Rung] = [*rules().ladder]
    assert [key for key, _ in asked][: len(rungs)] == [rung.key for rung in rungs], "not armed anew"
    repeated = [at for key, at in asked if not key]
    assert len(repeated) >= 8 - len(rungs), "exhausted, and silent"
    assert all(b - a == rules().timing.again for a, b in pairwise(repeated[-3:]))
