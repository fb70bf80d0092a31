"""Remediation: a policy decision, from a click to the claim, and a crowd at one Approve button of two replicas."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psycopg

from bench.line import Line, percentile, spread
from bench.machine import conditions
from bench.process import LOOPBACK, Program, free_port
from bench.slash import CHANNEL, PERSON, NoAckError
from bench.world import SETTINGS, World, world
from bot.domain.policy import Access, Role
from bot.domain.step_policy import Rule, decide
from bot.ending import end
from runbook import compile_text, shipped_lock, shipped_text
from sandbox.platform import troubles
from sandbox.slack.seed import CTO, SRE

CLAIM = {"p99_ms": 50.0}
DECISION = {"p50_us": 50.0}
ONCE = {"executions": 1.0, "unsaid": 0.0, "not_acknowledged": 0.0, "slowest_ack_s": 3.0}
RESET = ("POST", "/reset")
GLANCE = 0.001  # seconds between two looks into the database
WITHIN = 180.0
WARM_UP = 3  # of each, not counted: connections, and what is remembered of people
CLICK = (
    "a responder's one click on a protective step (/ats run trading.disable, typed) → its claim is committed, as "
    "PostgreSQL notifies of it; in between: kept and acknowledged, roles and policy looked at; it has no guard"
)
APPROVAL = (
    "a second person's press of Approve on rate-gate.reset → its claim is committed, as PostgreSQL notifies of it; "
    "in between: kept and acknowledged, roles asked anew of PagerDuty, and its guard read twice over HTTP, when it "
    "is approved and before it runs: their time is included"
)
CROWD = "presses of two approvers on one button, all at once, over the sockets of two replicas → the run's end"


def decision(n: int) -> Line:
    """One decision about a destructive step, with ten policies in force."""
    plan = compile_text(shipped_text(), lock=shipped_lock())
    step = plan.step("rate-gate.reset")
    person = Access("U1", roles=frozenset({Role.RESPONDER, Role.APPROVER}))
    rules = [Rule(f"policy {i}", steps=("pm2.*", "rate-gate.*"), approvals=1) for i in range(10)]
    now, took = datetime.now(UTC), []
    for _ in range(n):
        began = time.perf_counter()
        decide(person, step, now=now, incident="triggered", rules=rules)
        took.append(time.perf_counter() - began)
    values = {"p50_us": round(percentile(took, 50) * 1e6, 2), "p99_us": round(percentile(took, 99) * 1e6, 2)}
    return Line("remediation.decision", n, values, DECISION, conditions("one call of the policy, ten rules"))


_ALL_LOOKED_AT = """
select 1 where not exists
    (select from procrastinate_jobs where task_name = 'run_press' and status in ('todo', 'doing'))
"""


async def until(connection: psycopg.AsyncConnection[Any], query: str, *values: Any) -> Any:
    """The first row that the query finds."""
    end = time.perf_counter() + WITHIN
    while time.perf_counter() < end:
        row = await (await connection.execute(query.encode(), values)).fetchone()
        if row:
            return row
        await asyncio.sleep(GLANCE)
    raise TimeoutError(f"not found within {WITHIN:g} s: {query}")


_TOLD = (
    """create or replace function bench_claimed() returns trigger language plpgsql as
    $$ begin perform pg_notify('bench_claimed', new.id::text); return null; end $$""",
    """create or replace trigger bench_claimed after update on run for each row
    when (old.state is distinct from 'running' and new.state = 'running') execute function bench_claimed()""",
    "listen bench_claimed",
)


class Claims:
    """Waits for the next claim."""

    def __init__(self, database_url: str) -> None:
        self._told: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
        self._url = database_url

    async def __aenter__(self) -> Self:
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._listen(ready))
        await ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await end([self._task])

    async def _listen(self, ready: asyncio.Event) -> None:
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as listening:
            for statement in _TOLD:
                await listening.execute(statement.encode())
            ready.set()
            async for told in listening.notifies():
                self._told.put_nowait((int(told.payload), time.perf_counter()))

    async def next(self) -> tuple[int, float]:
        """(run, instant) of the next one."""
        async with asyncio.timeout(WITHIN):
            return await self._told.get()


_ENDED = "select id from run where id = %s and finished_at is not null"


async def click(scene: World, connection: psycopg.AsyncConnection[Any], claims: Claims) -> float:
    """Seconds from one click on a protective step to its claim."""
    pressed = scene.sandbox.slack.command(PERSON, CHANNEL, "run trading.disable")
    return await _to_claim(scene, connection, claims, pressed)


async def approval(scene: World, connection: psycopg.AsyncConnection[Any], claims: Claims) -> float:
    """Seconds from the press of Approve to the claim of a destructive step."""
    _, ts = await _asked(scene, connection)
    await scene.stopwatch.quiet(0.1)
    pressed = scene.sandbox.slack.press(SRE, CHANNEL, ts, "run_approve")
    return await _to_claim(scene, connection, claims, pressed)


async def _to_claim(
    scene: World, connection: psycopg.AsyncConnection[Any], claims: Claims, pressed: Coroutine[Any, Any, Any]
) -> float:
    """Press, and wait until the run that it begins has ended; the seconds until its claim."""
    began = time.perf_counter()
    pressing = asyncio.create_task(pressed)
    run, claimed = await claims.next()
    outcome = await pressing
    if not outcome.ok:
        raise NoAckError(f"not acknowledged: {outcome.error}")
    await until(connection, _ENDED, run)
    await scene.stopwatch.quiet(0.1)
    return claimed - began


async def _asked(scene: World, connection: psycopg.AsyncConnection[Any]) -> tuple[int, str]:
    """Somebody asks to reset all quotas, which are used up; the run, and its message that waits for an approval."""
    for provider in scene.sandbox.platform.state.providers:
        troubles.exhaust_rate_gate(scene.sandbox.platform.state, provider.name)
    slack, started = scene.sandbox.slack, time.perf_counter()
    await slack.command(PERSON, CHANNEL, "run rate-gate.reset")
    while not (stack := slack.workspace.stacks.get(PERSON)) or not slack.workspace.views[stack[-1]].data.get(
        "submit"
    ):
        await asyncio.sleep(0.01)
        if time.perf_counter() - started > WITHIN:
            raise TimeoutError("the window did not open")
    await slack.submit(PERSON, stack[-1], {})
    (run,) = await until(connection, "select id::text from run where state = 'awaiting'")
    (ts,) = await until(connection, "select ts from message where kind = 'run' and ref = %s and ts <> ''", run)
    return int(run), str(ts)


async def crowd(scene: World, connection: psycopg.AsyncConnection[Any], presses: int) -> Line:
    """So many presses on one approval, taken by two replicas."""
    done = _resets(scene)
    run, ts = await _asked(scene, connection)
    await scene.stopwatch.quiet(0.5)
    began = time.perf_counter()
    people = [(SRE, CTO)[i % 2] for i in range(presses)]
    acks = await asyncio.gather(*(_acknowledged(scene, who, ts) for who in people))
    (state,) = await until(connection, "select state from run where id = %s and finished_at is not null", run)
    took = time.perf_counter() - began
    await until(connection, _ALL_LOOKED_AT)
    executions = _resets(scene) - done
    values = {
        "executions": executions, "unsaid": int(not executions), "state": state, "seconds": round(took, 2),
        "not_acknowledged": presses - sum(ok for ok, _ in acks),
        "slowest_ack_s": round(max(seconds for _, seconds in acks), 2),
    }  # fmt: skip
    return Line("remediation.crowd", presses, values, ONCE, conditions(CROWD, setup=SETTINGS))


async def _acknowledged(scene: World, who: str, ts: str) -> tuple[bool, float]:
    began = time.perf_counter()
    outcome = await scene.sandbox.slack.press(who, CHANNEL, ts, "run_approve")
    return bool(outcome.ok), time.perf_counter() - began


def _resets(scene: World) -> int:
    """How often all quotas were really reset."""
    return sum(c.system == "rate-gate" and c.what == RESET for c in scene.sandbox.platform.state.journal)


async def bench(clicks: int, presses: int) -> AsyncIterator[Line]:
    """All of it; two replicas on one database."""
    yield decision(max(1000, clicks))
    async with world() as scene, AsyncExitStack() as stack:
        connect = psycopg.AsyncConnection.connect(scene.database_url, autocommit=True)
        connection = await stack.enter_async_context(await connect)
        claims = await stack.enter_async_context(Claims(scene.database_url))
        for name, measure, clock in (("claim", click, CLICK), ("approval", approval, APPROVAL)):
            for _ in range(WARM_UP):
                await measure(scene, connection, claims)
            took = [await measure(scene, connection, claims) for _ in range(clicks)]
            yield Line(f"remediation.{name}", clicks, spread(took), CLAIM, conditions(clock, setup=SETTINGS))
        port = free_port()
        folder = Path(scene.settings["ATS_DATA_DIR"])
        settings = scene.settings | {"ATS_PORT": str(port)}
        async with Program("bot", "run", settings=settings, log=folder / "second.log") as second:
            await second.answers(f"http://{LOOPBACK}:{port}/readyz")
            await asyncio.sleep(1.0)
            yield await crowd(scene, connection, presses)
