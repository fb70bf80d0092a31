"""Guards and verifications, read from real systems."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.targets import Target
from bot.targets.checks import Verdict, evaluate
from tests.integration.probes.conftest import Serve, TargetOf, http_answer, silent

STATUS = {"blocked": True, "backoff": 0, "providers": {"a-b": {"list": [1, "x"]}}, "none": None}


@pytest.fixture
async def at(serve: Serve) -> str:
    """An HTTP system with a known answer."""
    port = await serve(http_answer("200 OK", json.dumps(STATUS).encode()))
    return f"http://127.0.0.1:{port}/status"


@pytest.mark.parametrize(
    ("condition", "holds", "reading"),
    [
        (".blocked == true", True, ".blocked is true"),
        (".blocked == false", False, ".blocked is true, not == false"),
        (".backoff == 0", True, ".backoff is 0"),
        (".backoff > 0", False, ".backoff is 0, not > 0"),
        (".providers.a-b.list[1] == 'x'", True, ".providers.a-b.list[1] is x"),
        (".missing == 1", False, "the answer has no .missing"),
        (".providers.a-b.list[7] == 1", False, "the answer has no .providers.a-b.list[7]"),
        ("contains 'providers'", True, "contains providers"),
        ("contains 'nothing'", False, "does not contain nothing"),
        ("", True, None),
    ],
)
async def test_http_conditions(
    target: TargetOf, at: str, condition: str, holds: bool, reading: str | None
) -> None:
    """A path of a JSON answer is compared; what was read, and where, is said in words."""
    verdict = await evaluate(target(), f"http GET {at} {condition}")
    assert verdict.holds is holds
    where = (
        ""
        if str(reading).startswith("the answer")
        else f"GET {at} "
        if "contain" in str(reading)
        else f"GET {at}: "
    )
    assert reading is None or verdict.reading.startswith(f"{where}{reading}")


async def test_what_cannot_be_read_does_not_hold(target: TargetOf, serve: Serve, closed_port: int) -> None:
    """Down, hanging, not JSON, an error status, no database, a wrong condition: False, with the reason."""
    reached = target()
    hanging = await serve(silent)
    text = await serve(http_answer("200 OK", b"hello"))
    broken = await serve(http_answer("500 Oops", b""))

    async def reading(condition: str) -> str:
        verdict = await evaluate(reached, condition, deadline=0.5)
        assert verdict.holds is False
        return verdict.reading

    assert "refused: nothing listens" in await reading(
        f"http GET http://127.0.0.1:{closed_port}/status .a != 1"
    )
    assert "timed out after 0.5 s" in await reading(f"http GET http://127.0.0.1:{hanging}/status .a != 1")
    assert "did not answer with JSON: hello" in await reading(
        f"http GET http://127.0.0.1:{text}/status .a != 1"
    )
    assert "500: the far side failed" in await reading(f"http GET http://127.0.0.1:{broken}/status")
    assert "DATABASE_URL is not set" in await reading("sql 'SELECT 1' != 2")
    assert "not understood" in await reading("http POST http://x/ .a == 1")
    assert "not installed" in await reading("exec 'pm2 describe api' == 'x'")


async def test_sql_and_exec_conditions(trading: Target) -> None:
    """A query's first value and a program's status or output are compared."""
    many = await evaluate(trading, "sql 'SELECT count(*) FROM schema_migrations' >= 5")
    assert many.holds
    few = await evaluate(trading, "sql 'SELECT count(*) FROM schema_migrations' < 5")
    assert few.reading == "SELECT count(*) FROM schema_migrations is 6, not < 5"
    nothing = await evaluate(trading, "sql 'SELECT version FROM schema_migrations WHERE version = ''x''' == 1")
    assert (nothing.holds, nothing.reading.endswith("gave no row")) == (False, True)
    assert (await evaluate(trading, "exec 'pm2 describe trading-api'")).holds
    gone = await evaluate(trading, "exec 'pm2 describe nobody'")
    assert not gone.holds
    assert "ended with status 1" in gone.reading
    both = await evaluate(trading, "exec 'pm2 describe trading-api' && sql 'SELECT 1' == 2")
    assert not both.holds


async def test_ages(trading: Target) -> None:
    """`age` is the time since a program's answer, measured by the clock that is given."""
    condition = (
        "exec 'aws s3api list-objects-v2 --bucket ai-trading-backups --prefix postgres/ "
        "--query max_by(Contents,&LastModified).LastModified --output text' age < 15m"
    )
    old = await evaluate(trading, condition)
    assert not old.holds
    assert ": age is " in old.reading
    assert old.reading.endswith("not < 15 min")
    newest = datetime.now(UTC) - timedelta(days=2)
    assert (await evaluate(trading, condition, now=newest)).holds


async def test_patience(target: TargetOf, tmp_path: Path) -> None:
    """A patient look goes on until the condition holds; an impatient one, and one whose time is over, does not."""
    reached = target(cwd=tmp_path)
    condition = "exec 'cat state.txt' == 'ready' within 30s"
    (tmp_path / "state.txt").write_text("starting\n")
    assert not (await evaluate(reached, condition)).holds
    task = asyncio.create_task(evaluate(reached, condition, patient=True))
    await asyncio.sleep(0.3)
    assert not task.done()
    (tmp_path / "state.txt").write_text("ready\n")
    assert (await task).holds
    (tmp_path / "state.txt").write_text("starting\n")
    late = await evaluate(reached, "exec 'cat state.txt' == 'ready' within 1s", patient=True)
    assert late.reading == "cat state.txt is starting, not == ready, still after 1 s"


async def test_nothing_to_check_holds(target: TargetOf) -> None:
    """No condition is no obstacle."""
    assert await evaluate(target(), "") == Verdict(holds=True, reading="", took=0.0)
