"""Remediation: a policy decision, from a click to the claim, and a crowd at one Approve button of two replicas."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.line import Line, percentile, spread
from bench.machine import conditions
from bench.process import LOOPBACK, Program, free_port
from bench.slash import CHANNEL, PERSON, NoAckError
from bench.world import SETTINGS, World, world
from bot.domain.policy import Access, Role
from bot.domain.step_policy import Rule, decide
from runbook import compile_text, shipped_lock, shipped_text
from sandbox.platform import troubles
from sandbox.slack.seed import CTO, SRE

CLAIM = {"p99_ms": 50.0}
DECISION = {"p50_us": 50.0}
ONCE = {"executions": 1.0, "unsaid": 0.0}
RESET = ("POST", "/reset")
GLANCE = 0.001  # seconds between two looks into the database
WITHIN = 180.0
CLICK = (
    "a responder's one click on a protective step, typed (/ats run trading.disable) → its row seen as claimed, "
    "which is committed before the side effect; guard, role and policy are looked at twice in between"
)


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


async def click(scene: World, connection: psycopg.AsyncConnection[Any]) -> float:
    """Seconds from a click to its claim."""
    newest = await until(connection, "select coalesce(max(id), 0) from run")
    began = time.perf_counter()
    pressing = asyncio.create_task(scene.sandbox.slack.command(PERSON, CHANNEL, "run trading.disable"))
    seen = "select id from run where id > %s and started_at is not null"
    run = await until(connection, seen, newest[0])
    took = time.perf_counter() - began
    outcome = await pressing
    if not outcome.ok:
        raise NoAckError(f"/ats run: {outcome.error}")
    await until(connection, "select id from run where id = %s and finished_at is not null", run[0])
    return took


async def crowd(scene: World, connection: psycopg.AsyncConnection[Any], presses: int) -> Line:
    """So many presses on one approval, taken by two replicas."""
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
    began = time.perf_counter()
    people = [(SRE, CTO)[i % 2] for i in range(presses)]
    outcomes = await asyncio.gather(*(slack.press(who, CHANNEL, ts, "run_approve") for who in people))
    ended = "select state from run where step_id = 'rate-gate.reset' and finished_at is not null"
    (state,) = await until(connection, ended)
    took = time.perf_counter() - began
    await until(connection, _ALL_LOOKED_AT)
    calls = [c for c in scene.sandbox.platform.state.journal if c.system == "rate-gate" and c.what == RESET]
    values = {
        "executions": len(calls), "unsaid": int(not calls), "state": state, "seconds": round(took, 2),
        "acknowledged": sum(o.ok for o in outcomes),
    }  # fmt: skip
    clock = (
        "presses of two approvers on one button, all at once, over the sockets of two replicas → the run's end"
    )
    return Line("remediation.crowd", presses, values, ONCE, conditions(clock, setup=SETTINGS))


async def bench(clicks: int, presses: int) -> AsyncIterator[Line]:
    """All of it; two replicas on one database."""
    yield decision(max(1000, clicks))
    async with world() as scene:
        port = free_port()
        folder = Path(scene.settings["ATS_DATA_DIR"])
        settings = scene.settings | {"ATS_PORT": str(port)}
        async with await psycopg.AsyncConnection.connect(scene.database_url, autocommit=True) as connection:
            await click(scene, connection)
            took = [await click(scene, connection) for _ in range(clicks)]
            yield Line("remediation.claim", clicks, spread(took), CLAIM, conditions(CLICK, setup=SETTINGS))
            async with Program("bot", "run", settings=settings, log=folder / "second.log") as second:
                await second.answers(f"http://{LOOPBACK}:{port}/readyz")
                await asyncio.sleep(1.0)
                yield await crowd(scene, connection, presses)
