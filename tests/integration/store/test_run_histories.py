"""Any history of wishes, approvals, denials, cancels, time and executions against an oracle, on real PostgreSQL."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bot.domain import step_policy
from bot.domain.people import Who
from bot.domain.policy import Access, Role
from bot.domain.runs import Agreed, State
from bot.domain.step_policy import Allowed, Denied, NeedsApproval, Person, Ruling
from bot.operations import approving, clock, execution, runs
from bot.operations.execution import Outcome
from bot.operations.rules import Rules
from bot.operations.runs import Ask, Looked
from bot.store.session import Store
from runbook.model import Entry, Plan, Risk
from tests.unit.domain.steps import step

T = TypeVar("T")
STEPS = (step("easy"), step("hard", Risk.DESTRUCTIVE), step("hardest", Risk.DESTRUCTIVE, approvals=2))
PLAN = Plan("t", "1", "o", "p", "book", entries=(Entry("e", "E", "alert", steps=STEPS),))
RULES = Rules(PLAN, "#ops")
NEEDED = {"easy": 0, "hard": 1, "hardest": 2}
PEOPLE = {
    "U1": frozenset({Role.RESPONDER}),
    "U2": frozenset({Role.RESPONDER, Role.APPROVER}),
    "U3": frozenset({Role.APPROVER}),
    "U4": frozenset({Role.VIEWER}),
}
TTL = 600.0


@dataclass
class Told:
    """What the oracle thinks of one run."""

    step: str
    by: str
    state: str
    age: float = 0.0
    approved: set[str] = field(default_factory=set)
    executions: int = 0
    asked: int = 0  # when, by the machine's own count
    ended: int = 0


def access(who: str) -> Access:
    return Access(who, name=who, roles=PEOPLE[who])


def looked(step_id: str, who: str, *, holds: bool, edited: bool, lost: bool = False) -> Looked:
    """What a job would have found out; `lost`: whoever asked has lost their role meanwhile."""
    found = PLAN.step(step_id)
    assert found is not None
    person = access("U4" if lost else who)
    ruling: Ruling = step_policy.decide(person, found, now=runs_now())
    agreed = Agreed(step_id, found.digest, "pm2 restart x", "here", {}, "edited" if edited else "book")
    return Looked(access(who), ruling, agreed, "a reading", holds)


def runs_now() -> Any:
    from datetime import UTC, datetime

    return datetime(2026, 11, 27, tzinfo=UTC)


class Histories(RuleBasedStateMachine):
    """The operations on one side, what must be true of them on the other."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = self.do(self._open())
        self.runs: dict[int, Told] = {}
        self.keys = self.ticks = 0

    async def _open(self) -> Store:
        store = Store(self.url, pool_size=2)
        await store.jobs.open_async()
        async with store.transaction() as tx:
            from sqlalchemy import text

            await tx.session.execute(text("delete from approval"))
            await tx.session.execute(text("delete from run"))
        return store

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        async def close() -> None:
            await self.store.jobs.close_async()
            await self.store.close()

        self.do(close())
        self.loop.close()

    def tick(self) -> int:
        """What happens first has the smaller number."""
        self.ticks += 1
        return self.ticks

    def some(self, index: int) -> int:
        return sorted(self.runs)[index % len(self.runs)]

    @rule(who=st.sampled_from(sorted(PEOPLE)), step_id=st.sampled_from(sorted(NEEDED)))
    def ask(self, who: str, step_id: str) -> None:
        """Somebody asks: kept, and nothing is decided yet."""
        self.keys += 1

        async def act() -> int | None:
            async with self.store.transaction() as tx:
                return await runs.submit(tx, RULES, Ask(step_id, who, f"k{id(self)}-{self.keys}"))

        run_id = self.do(act())
        assert run_id is not None
        self.runs[run_id] = Told(step_id, who, "requested", asked=self.tick())

    @precondition(lambda self: self.runs)
    @rule(index=st.integers(0, 9), holds=st.booleans(), at_once=st.integers(1, 2))
    def prepare(self, index: int, holds: bool, at_once: int) -> None:
        """The process that kept it, its job, or both, decide: the answer follows from class, role, guard and time."""
        run_id = self.some(index)
        told = self.runs[run_id]

        async def one() -> bool:
            async with self.store.transaction() as tx:
                found = looked(told.step, told.by, holds=holds, edited=False)
                return await runs.prepared(tx, RULES, run_id, found) is not None

        async def act() -> int:
            return sum(await asyncio.gather(*(one() for _ in range(at_once))))

        decided = self.do(act())
        assert decided == int(told.state == "requested")
        if decided:
            may = Role.RESPONDER in PEOPLE[told.by] and holds and told.age < TTL
            told.state = "denied" if not may else "awaiting" if NEEDED[told.step] else "approved"

    @precondition(lambda self: self.runs)
    @rule(
        index=st.integers(0, 9), who=st.sampled_from(sorted(PEOPLE)), holds=st.booleans(), edited=st.booleans(),
        lost=st.booleans(),
    )  # fmt: skip
    def approve(self, index: int, who: str, holds: bool, edited: bool, lost: bool) -> None:
        """Somebody presses Approve."""
        run_id = self.some(index)
        told = self.runs[run_id]
        refused = step_policy.may_approve(
            access(who), requester=Person(told.by), role=Role.APPROVER, already=map(Person, told.approved)
        )

        async def act() -> None:
            async with self.store.transaction() as tx:
                found = looked(told.step, told.by, holds=holds, edited=edited, lost=lost)
                await approving.approved(tx, RULES, run_id, access(who), found)

        if refused is None:
            self.do(act())
        if refused is not None or told.state != "awaiting":
            return
        if told.age >= TTL:
            told.state = "expired"
        elif edited or lost or not holds:
            told.state = "voided"
        else:
            told.approved.add(who)
            told.state = "approved" if len(told.approved) >= NEEDED[told.step] else "awaiting"

    @precondition(lambda self: self.runs)
    @rule(index=st.integers(0, 9), what=st.sampled_from(["deny", "cancel"]))
    def stop(self, index: int, what: str) -> None:
        """Somebody says no, or calls it off."""
        run_id = self.some(index)
        told = self.runs[run_id]

        async def act() -> None:
            async with self.store.transaction() as tx:
                if what == "deny":
                    await approving.denied(tx, RULES, run_id, access("U3"), "not now")
                else:
                    await approving.cancelled(tx, RULES, run_id, access("U1"))

        self.do(act())
        if told.state in {"awaiting", "approved"} or (what == "cancel" and told.state == "requested"):
            told.state = "denied" if what == "deny" else "cancelled"

    @rule(minutes=st.sampled_from([1, 4, 9, 11]))
    def pass_time(self, minutes: int) -> None:
        """Time goes by; nothing but a look changes a state."""

        async def act() -> None:
            async with self.store.transaction() as tx:
                await clock.advance(tx, timedelta(minutes=minutes))

        self.do(act())
        for told in self.runs.values():
            told.age += 60.0 * minutes

    @precondition(lambda self: self.runs)
    @rule(index=st.integers(0, 9))
    def expire(self, index: int) -> None:
        """The timer fires, early, late or twice."""
        run_id = self.some(index)
        told = self.runs[run_id]

        async def act() -> bool:
            async with self.store.transaction() as tx:
                return await runs.expire(tx, RULES, run_id)

        due = told.state in {"requested", "awaiting", "approved"} and told.age >= TTL
        assert self.do(act()) == due
        told.state = "expired" if due else told.state

    @precondition(lambda self: self.runs)
    @rule(index=st.integers(0, 9), at_once=st.integers(1, 3))
    def execute(self, index: int, at_once: int) -> None:
        """Several replicas begin it at the same moment: at most one may."""
        run_id = self.some(index)
        told = self.runs[run_id]
        busy = any(t.state == "running" for t in self.runs.values())
        same = any(t.ended > told.asked for t in self.runs.values())  # all of them are the same command

        async def one(worker: str) -> bool:
            async with self.store.transaction() as tx:
                run = await runs.hold(tx, run_id)
                assert run is not None
                return await execution.claim(tx, RULES, run, execution.Ready(worker))

        async def act() -> list[bool]:
            return list(await asyncio.gather(*(one(f"w{n}") for n in range(at_once))))

        taken = sum(self.do(act()))
        told.executions += taken
        if told.state == "approved" and told.age >= TTL:
            told.state = "expired"
            assert taken == 0
        elif told.state == "approved" and same:
            told.state = "voided"
            assert taken == 0
        elif told.state == "approved" and not busy:
            told.state = "running"
            assert taken == 1
        else:
            assert taken == 0

    @precondition(lambda self: self.runs)
    @rule(
        index=st.integers(0, 9), state=st.sampled_from(["succeeded", "failed", "ran_not_verified", "unknown"])
    )
    def finish(self, index: int, state: str) -> None:
        """It is over, as reported by the replica that ran it or by one that did not."""
        run_id = self.some(index)
        told = self.runs[run_id]

        async def act() -> State | None:
            async with self.store.transaction() as tx:
                run = await runs.get(tx, run_id)
                worker = run.worker if run else ""
                if told.state != "running":
                    return State(run.state) if run else None
                return await execution.finished(tx, RULES, run_id, worker, Outcome(State(state), ""), None)

        assert self.do(act()) is not None
        if told.state == "running":
            told.state, told.ended = state, self.tick()

    @invariant()
    def agrees(self) -> None:
        """The database says what the oracle says; nothing ran twice; what needed others had them."""

        async def states() -> dict[int, str]:
            async with self.store.transaction() as tx:
                found = [await runs.get(tx, run_id) for run_id in self.runs]
                return {r.id or 0: r.state for r in found if r is not None}

        assert self.do(states()) == {run_id: told.state for run_id, told in self.runs.items()}
        for told in self.runs.values():
            assert told.executions <= 1
            if told.executions:
                assert Role.RESPONDER in PEOPLE[told.by]
                assert len(told.approved - {told.by}) >= NEEDED[told.step]


@pytest.mark.parametrize("kind", [Allowed, NeedsApproval, Denied])
def test_the_oracle_knows_all_rulings(kind: type[Ruling]) -> None:
    """The people and steps above bring about every kind of decision."""
    found = {type(step_policy.decide(access(who), s, now=runs_now())) for who in PEOPLE for s in STEPS}
    assert kind in found
    assert Who("U1")


def test_every_history_agrees_with_the_oracle(database_url: str) -> None:
    """Whatever people, timers and replicas do in whatever order: at most one execution, and only as agreed to."""

    class Machine(Histories):
        url = database_url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=6, stateful_step_count=35, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
