"""The ladder: by table, and by hypothesis for any order of what may happen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import escalation
from bot.domain.escalation import Batch, Rung, Standing
from runbook.model import Contact, Entry

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
AGAIN = timedelta(minutes=15)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


CONTACTS = [
    Contact("Management", "@cto", "cto", timedelta(hours=1), "PD-EXECUTIVE"),
    Contact("Primary On-Call", "@devops-lead", "devops-lead", timedelta(0), "PD-TRADING-PRIMARY"),
    Contact("Secondary", "@sre-team", "sre-team", timedelta(minutes=15), "PD-TRADING-SECONDARY"),
    Contact("Security Incident", "@security-team", "security-team", None, "PD-SECURITY", kind="security",
            stated_wait=timedelta(0)),
    Contact("Vendor", "a phone", "", None, ""),
]  # fmt: skip
LADDER = escalation.ladder(CONTACTS)
PRIMARY, SECONDARY, EXECUTIVE = (rung.key for rung in LADDER)


def test_the_ladder_is_the_tables_rows_by_their_waiting_time_without_security() -> None:
    """Soonest first; rows without a waiting time, and the security row, are no rungs."""
    assert [r.schedule for r in LADDER] == ["PD-TRADING-PRIMARY", "PD-TRADING-SECONDARY", "PD-EXECUTIVE"]


def test_security_incidents_go_to_the_security_team_at_once_besides() -> None:
    """Its row is a rung then, due with the first; nobody else is left out."""
    rungs = escalation.ladder(CONTACTS, security=True)
    assert {r.schedule for r in rungs if not r.wait} == {"PD-TRADING-PRIMARY", "PD-SECURITY"}
    assert len(rungs) == 4


@pytest.mark.parametrize(
    ("service", "path", "kind", "expected"),
    [
        ("AI Trading System", (), "", False),
        ("Security", (), "", True),
        ("", ("🛡️ Security Incident Response",), "", True),
        ("", ("Operations Runbook", "Critical Alerts"), "", False),
        ("AI Trading System", (), "security", True),
        ("Cybersecurityish", (), "", False),
    ],
)
def test_what_makes_an_incident_the_security_teams(
    service: str, path: tuple[str, ...], kind: str, expected: bool
) -> None:
    """Its service, its section of the runbook, or what it was declared as."""
    entry = Entry("e", "An entry", "procedure", path=path) if path else None
    assert escalation.concerns_security(service, entry, {"kind": kind}) is expected


# ladder since NOW: what was fired, when somebody was asked last (minutes), now (minutes) -> what is due
@pytest.mark.parametrize(
    ("fired", "last", "now", "due"),
    [
        ((), None, 0, [PRIMARY]),
        ((), None, -0.001, []),
        ((PRIMARY,), 0, 14.999, []),
        ((PRIMARY,), 0, 15, [SECONDARY]),
        ((PRIMARY, SECONDARY), 15, 59.999, []),
        ((PRIMARY, SECONDARY), 15, 60, [EXECUTIVE]),
        ((), None, 16, [PRIMARY, SECONDARY]),  # the bot was down: each once, in order
        ((PRIMARY,), 0, 300, [SECONDARY, EXECUTIVE]),
        ((PRIMARY, SECONDARY, EXECUTIVE), 60, 74.999, []),
        ((PRIMARY, SECONDARY, EXECUTIVE), 60, 75, "again"),
        ((PRIMARY, SECONDARY, EXECUTIVE), 75, 89.999, []),
        ((PRIMARY, SECONDARY, EXECUTIVE), 75, 500, "again"),  # missed ones are one
        (("PD-OF-YESTERDAY", PRIMARY), 0, 15, [SECONDARY]),  # a rung that the runbook no longer has
    ],
)
def test_what_is_due(fired: tuple[str, ...], last: float | None, now: float, due: Sequence[str] | str) -> None:
    """Each rung at its time, counted from the anchor; after the last everybody again, at the interval."""
    standing = Standing(NOW, fired, None if last is None else NOW + minutes(last))
    batch = escalation.due(LADDER, standing, NOW + minutes(now), again=AGAIN)
    assert batch.again is (due == "again")
    assert [ask.rung.key for ask in batch.asks] == ([] if due == "again" else due)


@pytest.mark.parametrize(
    ("empty", "now", "due"),
    [
        ({PRIMARY}, 0, [PRIMARY, SECONDARY]),
        ({PRIMARY, SECONDARY}, 0, [PRIMARY, SECONDARY, EXECUTIVE]),
        ({SECONDARY}, 0, [PRIMARY]),
        ({PRIMARY, SECONDARY, EXECUTIVE}, 0, [PRIMARY, SECONDARY, EXECUTIVE]),
    ],
)
def test_after_a_schedule_nobody_is_on_the_next_is_asked_at_once(
    empty: set[str], now: float, due: list[str]
) -> None:
    """Nobody waits for somebody who is not there."""
    batch = escalation.due(
        LADDER, Standing(NOW), NOW + minutes(now), again=AGAIN, nobody=lambda rung: rung.key in empty
    )
    assert [ask.rung.key for ask in batch.asks] == due


def test_a_runbook_without_a_table_still_asks_the_channel() -> None:
    """No rungs: nobody is named, but it is asked again and again all the same."""
    assert escalation.next_due((), Standing(NOW), AGAIN) == (NOW + AGAIN, None)
    assert escalation.due((), Standing(NOW), NOW + AGAIN, again=AGAIN) == Batch(again=True)


@pytest.mark.parametrize(("sev", "wakes"), [("P0", True), ("P1", True), ("P2", False), ("", True)])
def test_p0_and_p1_wake_people_and_so_does_not_knowing(sev: str, wakes: bool) -> None:
    """P2 only posts."""
    assert escalation.pages(sev) is wakes


# Any interleaving


@dataclass
class World:
    """One incident as the bot keeps it, and what was really asked."""

    now: datetime = NOW
    standing: Standing | None = field(default_factory=lambda: Standing(NOW))  # None: nothing is due
    anchors: list[datetime] = field(default_factory=lambda: [NOW])
    asked: list[tuple[int, str, datetime]] = field(default_factory=list)  # (arming, key, when)
    empty: frozenset[str] = frozenset()

    def look(self) -> None:
        """What the ticker does."""
        while self.standing is not None:
            batch = escalation.due(LADDER, self.standing, self.now, again=AGAIN, nobody=self.nobody)
            if not batch:
                return
            keys = [ask.rung.key for ask in batch.asks] or ["again"]
            self.asked += [(len(self.anchors), key, self.now) for key in keys]
            self.standing = escalation.after(self.standing, batch, self.now)

    def nobody(self, rung: Rung) -> bool:
        return rung.key in self.empty

    def open(self) -> None:
        """Taken back, reopened, or an acknowledgement that timed out."""
        if self.standing is None:
            self.anchors.append(self.now)
            self.standing = Standing(self.now)


def rung(key: str) -> Rung:
    return next(r for r in LADDER if r.key == key)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 90)),
        st.tuples(st.sampled_from(["look", "ack", "open", "die", "nobody"]), st.sampled_from([0, 1, 2])),
    ),
    max_size=40,
)


def play(steps: Sequence[tuple[str, int]], *, empties: bool) -> World:
    """Let it all happen; "die" and "wait" without "look" are a bot that is down."""
    world = World()
    for what, how in steps:
        match what:
            case "wait":
                world.now += minutes(how)
            case "look":
                world.look()
            case "ack":
                world.standing = None
            case "open":
                world.open()
            case "nobody" if empties:
                world.empty = world.empty ^ {LADDER[how].key}
            case _:
                continue
    world.look()
    return world


@given(STEPS)
def test_whatever_happens_no_rung_is_asked_twice_early_or_never(steps: list[tuple[str, int]]) -> None:
    """Any interleaving of acknowledging, taking back, time and outages: each arming asks each due rung once."""
    world = play(steps, empties=False)
    for arming, anchor in enumerate(world.anchors, 1):
        rungs = [(key, at) for n, key, at in world.asked if n == arming and key != "again"]
        assert len({key for key, _ in rungs}) == len(rungs), "twice"
        assert [key for key, _ in rungs] == [r.key for r in LADDER][: len(rungs)], "out of order"
        assert all(at >= anchor + rung(key).wait for key, at in rungs), "early"
    if world.standing is not None:
        owed = {r.key for r in LADDER if world.anchors[-1] + r.wait <= world.now}
        assert owed <= {key for n, key, _ in world.asked if n == len(world.anchors)}, "missing"


@given(STEPS)
def test_repetitions_keep_their_distance_and_go_on_for_ever(steps: list[tuple[str, int]]) -> None:
    """Never sooner than the interval after somebody was asked last, and never later than it plus one look."""
    world = play(steps, empties=False)
    for arming in range(1, len(world.anchors) + 1):
        asked = [(key, at) for n, key, at in world.asked if n == arming]
        for (_, before), (key, at) in pairwise(asked):
            assert key != "again" or at - before >= AGAIN
    if world.standing is not None:
        at, _ = escalation.next_due(LADDER, world.standing, AGAIN)
        assert at > world.now


@given(STEPS)
def test_with_schedules_that_run_empty_nobody_is_asked_twice_either(steps: list[tuple[str, int]]) -> None:
    """People come and go on the schedules: a rung is asked once, and early only after one without anybody."""
    world = play(steps, empties=True)
    for arming in range(1, len(world.anchors) + 1):
        keys = [key for n, key, _ in world.asked if n == arming and key != "again"]
        assert keys == [r.key for r in LADDER][: len(keys)]
