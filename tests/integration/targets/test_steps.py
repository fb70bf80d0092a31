"""Steps as the compiler makes them, really run."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

import runbook
from bot.targets import Target
from bot.targets.steps import Outcome, StepResult, resolve, run_step, sealed
from runbook import FillError, Step
from sandbox.platform import Platform
from tests.integration.probes.conftest import Serve, TargetOf, gone, http_answer, silent, written
from tests.unit.runbook.support import steps_of

Write = Callable[[str, str], Path]
PLAN = runbook.compile_text(runbook.shipped_text(), path="operations.md")


def step_of(commands: str) -> Step:
    """The one step that a block of commands makes."""
    (step,) = steps_of(commands)
    return step


async def ran(target: Target, commands: str, deadline: float = 30, **parameters: str) -> StepResult:
    return await run_step(target, step_of(commands), parameters, deadline=deadline)


READS = [s for e in PLAN.entries for s in e.steps if s.program is not None and s.risk is runbook.Risk.READ]
GIVEN = {"process_name": "trading-api"}
ELSEWHERE = {
    "nginx.test",
    "postgres.slowest",
    "postgres.slow-queries",
    "timescale.hypertables",
    "timescale.sizes",
}


@pytest.mark.parametrize("step", [s for s in READS if s.id not in ELSEWHERE], ids=lambda s: s.id)
async def test_every_reading_step_of_the_runbook_runs(trading: Target, step: Step) -> None:
    """Each provable read of the shipped runbook runs against the platform as written, and ends well."""
    result = await run_step(trading, step, {n: GIVEN[n] for n in step.params}, deadline=30)
    assert result.ok, result
    assert result.where == "this host"
    assert all(part.command and not part.error and part.output for part in result.parts)


@pytest.mark.parametrize("step_id", sorted(ELSEWHERE - {"nginx.test"}))
async def test_what_the_database_lacks_is_said(trading: Target, step_id: str) -> None:
    """Without its extension a query fails in PostgreSQL's own words, and is no unknown outcome."""
    step = PLAN.step(step_id)
    assert step is not None
    result = await run_step(trading, step)
    assert result.outcome is Outcome.FAILED
    assert "does not exist" in result.parts[0].error


async def test_requests_carry_the_token_and_fail_on_any_status_but_2xx(
    trading: Target, platform: Platform
) -> None:
    """A stop counts when the API says 2xx; 503 is a failure with its status and the beginning of its body."""
    stop = PLAN.step("trading.emergency-stop")
    assert stop is not None
    result = await run_step(trading, stop)
    assert (result.outcome, result.parts[0].exit) == (Outcome.OK, 200)
    assert platform.state.trading.emergency_stop
    trades = await ran(trading, "curl -sSf http://localhost:8000/api/nothing")
    assert (trades.outcome, trades.parts[0].exit) == (Outcome.FAILED, 404)
    assert trades.parts[0].error.startswith("404: the request was refused")


async def test_a_wrong_token_is_401(platform: Platform, trading: Target) -> None:
    """The API's 401 fails the step, and the token stands nowhere in the result."""
    wrong = Target(replace(trading.settings, api_token="wrong-token-123"))
    stop = PLAN.step("trading.emergency-stop")
    assert stop is not None
    result = await run_step(wrong, stop)
    await wrong.close()
    assert (result.outcome, result.parts[0].exit) == (Outcome.FAILED, 401)
    assert result.parts[0].error == "401: the token is missing or wrong"
    assert "wrong-token" not in repr(result)
    assert not platform.state.trading.emergency_stop


async def test_a_lost_answer_to_a_change_is_unknown(serve: Serve, target: TargetOf, closed_port: int) -> None:
    """A request that was sent and never answered may have happened; one that found nobody has not."""
    port = await serve(silent)
    lost = await ran(target(), f"curl -sSf -X POST http://127.0.0.1:{port}/reset", deadline=0.5)
    assert (lost.outcome, lost.parts[0].error) == (Outcome.UNKNOWN, "timed out after 0.5 s")
    refused = await ran(target(), f"curl -sSf -X POST http://127.0.0.1:{closed_port}/reset")
    assert refused.outcome is Outcome.FAILED
    assert refused.parts[0].error == f"refused: nothing listens on 127.0.0.1:{closed_port}"
    read = await ran(target(), f"curl -sSf http://127.0.0.1:{port}/status", deadline=0.5)
    assert read.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("status", "outcome"), [(500, Outcome.FAILED), (502, Outcome.UNKNOWN), (504, Outcome.UNKNOWN)]
)
async def test_a_gateway_that_lost_the_line(
    serve: Serve, target: TargetOf, status: int, outcome: Outcome
) -> None:
    """502 and 504 are said by somebody in between: what the far side did is not known. 500 is its own word."""
    port = await serve(http_answer(f"{status} Oops", b"no"))
    result = await ran(target(), f"curl -sSf -X POST http://127.0.0.1:{port}/reset")
    assert (result.outcome, result.parts[0].exit) == (outcome, status)


async def test_what_curl_sends(serve: Serve, target: TargetOf) -> None:
    """Method, headers, body, query and login arrive as curl would send them."""
    got: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ),
            0,
        )
        got.append(head + await reader.readexactly(size))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\nConnection: close\r\n\r\nok")
        await writer.drain()

    port = await serve(handler)
    at = f"http://127.0.0.1:{port}"
    reached = target(env={"T": "abc"})
    assert (await ran(reached, f'curl -sSf -X PUT -H "X-Key: $T" -d "a=1" {at}/x')).ok
    assert (await ran(reached, f"curl -sSf -G -d limit=3 {at}/y")).ok
    assert (await ran(reached, f"curl -sSf -u 'jo:pw' --json '{{}}' {at}/z")).ok
    assert (await ran(reached, f"curl -sSf -X POST --data-urlencode 'q=a b' {at}/w")).ok
    head = await ran(reached, f"curl -sSfI {at}/h")
    assert "x-a: b" in head.parts[0].output
    put, query, json, form = got[0].lower(), got[1], got[2].lower(), got[3].lower()
    assert put.startswith(b"put /x ")
    assert b"x-key: abc" in put
    assert b"application/x-www-form-urlencoded" in put
    assert put.endswith(b"a=1")
    assert query.startswith(b"GET /y?limit=3 ")
    assert b"authorization: basic am86chc=" in json
    assert b"application/json" in json
    assert form.endswith(b"q=a+b")


async def test_each_variable_is_one_argument(target: TargetOf, programs: Write, path: str) -> None:
    """Spaces, quotes, stars and separators in a parameter or variable stay inside one argument."""
    programs("pm2", 'for a in "$@"; do echo "<$a>"; done')
    reached = target(path=path, env={"NAME": "a b; touch /tmp/x * $(id)"})
    result = await ran(reached, "pm2 describe $NAME")
    assert result.parts[0].output.splitlines() == ["<describe>", "<a b; touch /tmp/x * $(id)>"]
    asked = step_of("pm2 describe [process_name]")
    assert (await run_step(reached, asked, {"process_name": "api"})).parts[0].output == "<describe>\n<api>\n"
    with pytest.raises(FillError, match="must be a name"):
        await run_step(reached, asked, {"process_name": "api; id"})
    with pytest.raises(FillError, match="missing"):
        await run_step(reached, asked)


async def test_an_unset_variable_is_no_empty_argument(target: TargetOf) -> None:
    """A variable that the target lacks is refused before anything runs, never taken from the bot's environment."""
    with pytest.raises(FillError, match="HOME_OF_NOBODY is not set in the target's environment"):
        await ran(target(), "pm2 describe $HOME_OF_NOBODY")
    with pytest.raises(FillError, match="DATABASE_URL is not set"):
        await ran(target(), 'psql "$DATABASE_URL" -c "SELECT 1"')


async def test_and_or_not_and_sequences(target: TargetOf, programs: Write, path: str) -> None:
    """&&, || and ! go by the exit status; lines of a step stop at the first failure."""
    programs("uptime", "echo up")
    programs("df", "echo full; exit 1")
    reached = target(path=path)

    async def outputs(commands: str) -> tuple[bool, list[str]]:
        result = await ran(reached, commands)
        return result.ok, [p.output.strip() for p in result.parts]

    assert await outputs("uptime && df -h") == (False, ["up", "full"])
    assert await outputs("df -h && uptime") == (False, ["full"])
    assert await outputs("df -h || uptime") == (True, ["full", "up"])
    assert await outputs("! df -h") == (True, ["full"])
    assert await outputs("! uptime") == (False, ["up"])
    assert await outputs("df -h\nuptime") == (False, ["full"])
    assert await outputs("uptime\ndf -h") == (False, ["up", "full"])


async def test_grep_without_a_match_is_good_news(target: TargetOf, tmp_path: Path) -> None:
    """Status 1 of grep is "no match", alone and in a pipe; a missing file is a failure, also in front of tail."""
    (tmp_path / "app.log").write_text("all quiet\n")
    reached = target(cwd=tmp_path)
    alone = await ran(reached, "grep -i error app.log")
    assert (alone.ok, alone.parts[0].exit, alone.parts[0].output) == (True, 1, "no match")
    piped = await ran(reached, "grep -i error app.log | tail -n 100")
    assert (piped.ok, piped.parts[0].output) == (True, "no match")
    both = await ran(reached, "grep -i error app.log\ngrep -i quiet app.log")
    assert [p.output for p in both.parts] == ["no match", "all quiet\n"]
    missing = await ran(reached, "grep -i error nothing.log | tail -n 100")
    assert (missing.outcome, missing.parts[0].exit) == (Outcome.FAILED, 2)
    assert "No such file" in missing.parts[0].output
    assert missing.parts[0].error == "ended with status 2"


async def test_a_producer_that_is_cut_off_is_no_failure(target: TargetOf, tmp_path: Path) -> None:
    """`… | head` ends its producer by SIGPIPE; the answer is head's, and nothing is left running."""
    (tmp_path / "big.log").write_text("a line of the log\n" * 200_000)
    result = await ran(target(cwd=tmp_path), "cat big.log | head -n 2")
    assert (result.ok, result.parts[0].output) == (True, "a line of the log\n" * 2)
    assert result.parts[0].command == "cat big.log | head -n 2"


async def test_redirects_to_nowhere(target: TargetOf, programs: Write, path: str) -> None:
    """2>/dev/null hides errors, 2>&1 keeps them, >/dev/null 2>&1 hides both."""
    programs("uptime", "echo out; echo err >&2")
    reached = target(path=path)
    outputs = [
        (await ran(reached, f"uptime {redirect}")).parts[0].output
        for redirect in ("2>/dev/null", "2>&1", ">/dev/null 2>&1", "")
    ]
    assert outputs == ["out\n", "out\nerr\n", "", "out\nerr\n"]


async def test_a_request_into_a_program(serve: Serve, target: TargetOf) -> None:
    """`curl … | grep` sends the whole answer through the program, longer ones than are kept, too."""
    body = b"loki_other 1\n" * 20_000 + b"loki_ingester_lag 7\n"
    port = await serve(http_answer("200 OK", body))
    result = await ran(target(), f"curl -sSf http://127.0.0.1:{port}/metrics | grep loki_ingester")
    assert result.parts[0].output == "loki_ingester_lag 7\n"
    port = await serve(http_answer("503 Not Ready", b"starting"))
    down = await ran(target(), f"curl -sSf http://127.0.0.1:{port}/metrics | grep loki_ingester")
    assert (down.ok, down.parts[0].exit, down.parts[0].output) == (False, 503, "")


async def test_sql_rows_and_changes(trading: Target, database_url: str) -> None:
    """Reads come as a table; a change runs outside a transaction and says what it did."""
    rows = await ran(
        trading, 'psql "$DATABASE_URL" -c "SELECT version, name FROM schema_migrations ORDER BY 1 LIMIT 2;"'
    )
    part = rows.parts[0]
    assert part.columns == ("version", "name")
    assert part.rows[0] == ("20250103090000", "create_trades")
    assert part.command.startswith("SELECT version")
    altered = await ran(
        trading,
        'psql "$DATABASE_URL" -c "ALTER SYSTEM SET log_min_duration_statement = 1000;"\n'
        'psql "$DATABASE_URL" -c "SELECT pg_reload_conf();"\n'
        'psql "$DATABASE_URL" -c "ALTER SYSTEM RESET log_min_duration_statement;"',
    )
    assert altered.ok, altered
    assert [p.output for p in altered.parts] == ["ALTER SYSTEM", "1 row", "ALTER SYSTEM"]
    assert altered.parts[1].rows == (("true",),)


async def test_a_read_cannot_write(trading: Target, database_url: str) -> None:
    """A step that is classed as a read runs in a read-only transaction, whatever a function does."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION lower(x int) RETURNS int LANGUAGE sql AS 'DELETE FROM trades; SELECT 1'"
        )
    try:
        result = await ran(trading, 'psql "$DATABASE_URL" -c "SELECT lower(1)"')
        assert result.outcome is Outcome.FAILED
        assert "read-only transaction" in result.parts[0].error
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DROP FUNCTION lower(int)")


async def test_the_bots_own_database_settings_do_not_leak_in(
    trading: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PG… variables of the bot's environment mean another database: a step's connection ignores them."""
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere")
    monkeypatch.setenv("PGDATABASE", "bots_own")
    monkeypatch.setenv("PGPASSWORD", "bots-own")
    result = await ran(trading, 'psql "$DATABASE_URL" -c "SELECT current_setting(\'search_path\')"')
    assert "nowhere" not in result.parts[0].rows[0][0]


async def test_a_password_never_stands_in_an_argument(target: TargetOf, programs: Write, path: str) -> None:
    """psql gets its password from the environment; a secret in any other program's arguments is refused."""
    programs("psql", 'echo "$@"; echo "pw $PGPASSWORD" | sed s/h/H/')
    programs("pm2", 'echo "$@"')
    reached = target(
        path=path, database_url="postgresql://app:geheim1@db.example:5432/ats", env={"APP": "geheim1"}
    )
    listing = await ran(reached, 'psql "$DATABASE_URL" -c "\\d"')
    assert listing.parts[0].output == "postgresql://app@db.example:5432/ats -c \\d\npw geHeim1\n"
    refused = await ran(reached, 'pm2 describe "$APP"')  # by its value: its name says nothing
    assert not refused.ok
    assert refused.parts[0].error.startswith("refused: a secret would stand in an argument of `pm2`")
    assert "geheim1" not in repr(refused)


async def test_redis_steps(trading: Target) -> None:
    """PING goes to the target's Redis, with its password, whatever port the runbook defaults to."""
    ping = await ran(trading, 'redis-cli -p "${REDIS_PORT:-6379}" ping')
    assert (ping.ok, ping.parts[0].output, ping.parts[0].command) == (True, "OK", "redis: ping")
    info = await ran(trading, "redis-cli info memory")
    assert "maxmemory" in info.parts[0].output


async def test_a_look_at_a_websocket(trading: Target, serve: Serve, target: TargetOf, closed_port: int) -> None:
    """It reports how long the connection and the first message took, or the refusal; silence is a failure."""
    step = PLAN.step("trading.market-stream")
    assert step is not None
    good = await run_step(trading, step)
    assert good.ok
    assert good.parts[0].output.startswith("connected in ")
    assert "first message after" in good.parts[0].output
    assert '"type": "tick"' in good.parts[0].output
    down = await ran(target(), f"wscat -c ws://127.0.0.1:{closed_port}/ws")
    assert down.parts[0].error == f"refused: nothing listens on 127.0.0.1:{closed_port}"
    port = await serve(http_answer("403 Forbidden", b""))
    assert (await ran(target(), f"wscat -c ws://127.0.0.1:{port}/ws")).parts[0].error.startswith("403: ")
    port = await serve(silent)
    hanging = await ran(target(), f"wscat -c ws://127.0.0.1:{port}/ws", deadline=0.5)
    assert hanging.parts[0].error == "timed out after 0.5 s"


async def test_a_timed_out_change_is_unknown_and_gone(
    target: TargetOf, programs: Write, path: str, tmp_path: Path
) -> None:
    """At the deadline the whole process group is killed, and nobody claims to know what it did."""
    programs("pm2", f"sleep 300 & echo $! >'{tmp_path / 'child'}'; echo $$ >'{tmp_path / 'pid'}'; wait")
    result = await ran(target(path=path), "pm2 restart api", deadline=1)
    assert (result.outcome, result.parts[0].error) == (Outcome.UNKNOWN, "timed out after 1 s")
    await gone(int((tmp_path / "pid").read_text()), int((tmp_path / "child").read_text()))


async def test_cancelling_a_step_kills_its_programs(
    target: TargetOf, programs: Write, path: str, tmp_path: Path
) -> None:
    """Both ends of a pipe are gone when a step is given up."""
    programs("cat", f"echo $$ >'{tmp_path / 'one'}'; sleep 300")
    programs("head", f"echo $$ >'{tmp_path / 'two'}'; sleep 300")
    task = asyncio.create_task(ran(target(path=path), "cat x.log | head -n 1"))
    pids = [int(await written(tmp_path / name)) for name in ("one", "two")]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(*pids)


async def test_progress_tells_lines_without_secrets(target: TargetOf, programs: Write, path: str) -> None:
    """Each line of a long step is told as it comes; a known secret and a private key are not."""
    programs(
        "pm2",
        "echo begun; echo token $((1000000+1))x; echo -----BEGIN RSA PRIVATE KEY-----; echo MIIE; "
        "echo -----END RSA PRIVATE KEY-----; echo done",
    )
    lines: list[str] = []
    step = step_of("pm2 restart api")
    reached = target(path=path, secrets=("1000001x",))
    result = await run_step(reached, step, progress=lines.append)
    assert lines == ["begun", "token [redacted]", "[redacted]", "[redacted]", "[redacted]", "done"]
    assert "MIIE" not in result.parts[0].output


@pytest.mark.parametrize(
    ("commands", "shown"),
    [
        ("pm2 describe [process_name]", "pm2 describe trading-api"),
        ('psql "$DATABASE_URL" -c "SELECT 1;"', "SELECT 1"),
        ("ps aux | head -n 10", "ps aux | head -n 10"),
        ("LC_ALL=C df -h 2>/dev/null || free -m", "LC_ALL=C df -h 2>/dev/null || free -m"),
        (
            'curl -sSf -H "Authorization: Bearer $API_TOKEN" http://h/users/$WHO',
            "GET http://h/users/[redacted]",
        ),
        ("grep -E '(a|b)' x.log", "grep -E '(a|b)' x.log"),
        ("! pgrep nginx", "! pgrep nginx"),
        ("wscat -c ws://h/ws", "WebSocket ws://h/ws"),
    ],
)
async def test_what_people_are_shown(target: TargetOf, commands: str, shown: str) -> None:
    """The resolved command is exact and can be copied, without its secrets."""
    reached = target(database_url="postgresql://u:geheim@h/x", env={"API_TOKEN": "tok-123456", "WHO": "geheim"})
    step = step_of(commands)
    given: Mapping[str, str] = dict.fromkeys(step.params, "trading-api")
    assert resolve(reached, step, given) == shown


STOP = 'curl -sSf -H "Authorization: Bearer $TRADING_API_TOKEN" -X POST http://localhost:8000/api/trading/emergency-stop'


def test_a_later_version_that_knows_more_switches_seals_the_same(target: TargetOf) -> None:
    """What is off may as well be absent, so that a request outlives an upgrade; an empty argument is something."""
    step = step_of("curl -sSf -X POST http://localhost:3001/reset")
    assert step.program is not None
    more = replace(step, program={**step.program, "new_switch": False, "options": [], "other": None})
    assert sealed(target(), step) == sealed(target(), more)
    on = replace(step, program={**step.program, "insecure": True})
    assert sealed(target(), step) != sealed(target(), on)
    assert sealed(target(), step_of("pm2 restart a")) != sealed(target(), step_of("pm2 restart a ''"))


def test_two_secrets_that_are_redacted_alike_are_told_apart(target: TargetOf) -> None:
    """People see the same words; what they agree to is sealed over what would really be sent."""
    tokens = ("token-of-yesterday-1", "token-of-today-2222")
    step = step_of(STOP)
    one, two = (target(api_token=token) for token in tokens)
    assert resolve(one, step) == resolve(two, step)
    assert sealed(one, step) != sealed(two, step)
    assert sealed(one, step) == sealed(target(api_token=tokens[0]), step)  # as another replica would
    assert not any(token in resolve(one, step) + sealed(one, step) for token in tokens)
    assert sealed(one, step_of("pm2 restart a")) != sealed(
        two, step_of("pm2 restart a")
    )  # nothing to try out with
