"""What is read of PostgreSQL, its statements, TimescaleDB and Redis."""

from typing import Any

import pytest

from bot.domain.health import Status
from bot.probes import postgres, redis, statements, timescale
from tests.unit.probes.reading import NOW, read, told


def connections(used: int = 17, **more: Any) -> postgres.Connections:
    return postgres.Connections(**{"used": used, "most": 103, "kept": 3, "took": 0.012, **more})


@pytest.mark.parametrize(
    ("found", "status", "value"),
    [
        (connections(17), "ok", "17 % of connections used (17 of 100, 3 more are reserved), answers in 12 ms"),
        (connections(80), "warning", "80 % of connections used (80 of 100, 3 more are reserved), answers in 12 ms"),
        (connections(91), "critical", "91 % of connections used (91 of 100, 3 more are reserved), answers in 12 ms"),
        (connections(50, most=100, kept=0), "ok", "50 % of connections used (50 of 100), answers in 12 ms"),
        (connections(103, reserved=True), "critical",
         ("100 % of connections used (103 of 100, 3 more are reserved), answers in 12 ms; "
          "connections exhausted: seen over a reserved connection")),
    ],
)  # fmt: skip
def test_connections(found: postgres.Connections, status: str, value: str) -> None:
    """Clients against what ordinary users can have, by the baseline; one over the reserve means that it is full."""
    first, second = read("database", found)
    assert told([first]) == [("PostgreSQL", status, value)]
    assert (first.normal, first.threshold, first.source) == (
        "< 80 % of max",
        "> 90 % of max",
        "the runbook's baseline",
    )
    assert second.status is Status.OK


def test_no_connection_at_all() -> None:
    """When even the reserve gives none, the line is critical in the server's own words, with what to set."""
    said = "connections exhausted: db:5432 has none left (sorry). Set reserved_database_url under [target]."
    (reading,) = read("database", postgres.Connections(0, 0, exhausted=said))
    assert told([reading]) == [
        ("PostgreSQL", "critical", "connections exhausted: db:5432 has none left (sorry)")
    ]
    assert reading.hint == "Set reserved_database_url under [target]."


@pytest.mark.parametrize(
    ("found", "status", "value"),
    [
        (connections(active=2, idle=14), "ok", "2 active, 14 idle, 0 idle in transaction"),
        (connections(idle_in_transaction=1, longest_idle=300), "ok", "0 active, 0 idle, 1 idle in transaction"),
        (connections(idle_in_transaction=6, longest_idle=720), "warning",
         "a transaction has been idle for 12 min; 0 active, 0 idle, 6 idle in transaction"),
        (connections(active=1, blocked=1, longest_blocked=5, blocking="123"), "warning",
         "1 session waits for a lock for 5 s (held by 123); 1 active, 0 idle, 0 idle in transaction"),
        (connections(active=2, blocked=2, longest_blocked=61), "critical",
         "2 sessions wait for a lock for 61 s (held by one that ended); 2 active, 0 idle, 0 idle in transaction"),
    ],
)  # fmt: skip
def test_sessions(found: postgres.Connections, status: str, value: str) -> None:
    """An old idle transaction is a warning, a session that waits long for a lock critical, with who holds it."""
    assert told(read("database", found)[1:]) == [("PostgreSQL sessions", status, value)]


def test_a_setting_that_waits_for_a_restart() -> None:
    """A changed setting that does not hold yet has a line of its own, which says that PM2 will not help."""
    reading = read("database", connections(pending="max_connections"))[2]
    assert told([reading]) == [
        ("PostgreSQL settings", "warning", "changed, and waiting for a restart: max_connections")
    ]
    assert "restarting the application does not help" in reading.hint


SLOW = statements.Statement("SELECT 'a''secret'\n  FROM trades WHERE id = $1", 1200, 1500.2, 900, 20)


@pytest.mark.parametrize(
    ("found", "status", "value"),
    [
        ((), "ok", "none recorded yet"),
        ((statements.Statement("SELECT 1", 1, 3, 3, 100),), "ok", "slowest 3 ms on average in 1 call (SELECT 1)"),
        ((SLOW, statements.Statement("SELECT 2", 9, 1, 3600, 80)), "warning",
         ("slowest 1500 ms on average in 1,200 calls (SELECT '…' FROM trades WHERE id = $1); "
          "most time in all: 80 % in 9 calls (SELECT 2)")),
        ((statements.Statement("x" * 200, 1, 6000, 6000, 100),), "critical",
         f"slowest 6000 ms on average in 1 call ({'x' * 79}…)"),
    ],
)  # fmt: skip
def test_slow_statements(found: tuple[statements.Statement, ...], status: str, value: str) -> None:
    """The slowest on average and the costliest in all, without their literals."""
    assert told(read("statements", found)) == [("Slow statements", status, value)]


def test_timescale() -> None:
    """Hypertables with their sizes; a job that failed is a warning."""
    tables = (timescale.Hypertable("public.ticks", 12, 5 * 2**30), timescale.Hypertable("public.x", 1, 2**30))
    assert told(read("timescale", timescale.Timescale("2.17.2", tables))) == [
        (
            "TimescaleDB",
            "ok",
            "2.17.2: 2 hypertables in 13 chunks, 6.0 GB, the largest public.ticks with 5.0 GB",
        )
    ]
    failed = timescale.Timescale("2.17.2", (), ("job 1000 (policy_compression of ticks) failed 3 times",))
    assert told(read("timescale", failed)) == [
        (
            "TimescaleDB",
            "warning",
            "job 1000 (policy_compression of ticks) failed 3 times; 2.17.2: 0 hypertables in 0 chunks, 0 bytes",
        )
    ]


INFO = {
    "used_memory": 400 * 2**20,
    "maxmemory": 1000 * 2**20,
    "rdb_last_save_time": int(NOW.timestamp()) - 214,
    "rdb_last_bgsave_status": "ok",
    "rejected_connections": 0,
}


@pytest.mark.parametrize(
    ("answer", "status", "value"),
    [
        (True, "ok", "PONG in 0.4 ms"),
        ("PONG", "ok", "PONG in 0.4 ms"),
        ("LOADING", "critical", "answers “LOADING” to PING"),
    ],
)
def test_redis_ping(answer: object, status: str, value: str) -> None:
    """PONG is well, anything else is not."""
    (reading,) = read("redis", redis.Look(answer, 0.0004))
    assert (*told([reading]), reading.normal) == (("Redis", status, value), "PONG")


def look(slow: tuple[tuple[float, str], ...] = (), **info: Any) -> redis.Look:
    return redis.Look(True, 0.0004, info={**INFO, **info}, slow=slow)


@pytest.mark.parametrize(
    ("found", "status", "value"),
    [
        (look(), "ok", "PONG in 0.4 ms"),
        (look(rejected_connections=7), "warning",
         "4 connections rejected within 10 min (maxclients); PONG in 0.4 ms"),
        (look(errorstat_OOM={"count": 4}, errorstat_ERR={"count": 9}), "warning",
         "has refused commands: OOM × 4; PONG in 0.4 ms"),
        (look(errorstat_MISCONF="count=2"), "warning", "has refused commands: MISCONF × 2; PONG in 0.4 ms"),
        (look(slow=((152_000.0, "KEYS"), (99_000.0, "GET"))), "warning", "slow commands: KEYS 152 ms; PONG in 0.4 ms"),
    ],
)  # fmt: skip
def test_redis_refusals(found: redis.Look, status: str, value: str) -> None:
    """Rejected connections since the look before, refused commands, slow commands."""
    readings = read("redis", found, history={"Redis rejected connections": [(10, 3)]})
    assert told(readings[:1]) == [("Redis", status, value)]


def test_redis_that_cannot_save() -> None:
    """MISCONF is critical in Redis's own words, and the failed snapshot is named beside it."""
    said = "refused by Redis: MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk."
    first, _, third = read("redis", redis.Look(None, 0.0004, said, {**INFO, "rdb_last_bgsave_status": "err"}))
    assert first.status is Status.CRITICAL
    assert first.value.startswith("MISCONF Redis is configured to save RDB snapshots")
    assert told([third]) == [
        ("Redis persistence", "critical", "the last snapshot failed; last snapshot 4 min ago")
    ]


@pytest.mark.parametrize(
    ("info", "status", "value"),
    [
        ({}, "ok", "40 % used (400.0 MB of 1000.0 MB)"),
        ({"used_memory": 810 * 2**20}, "warning", "81 % used (810.0 MB of 1000.0 MB)"),
        ({"used_memory": 960 * 2**20, "evicted_keys": 3}, "critical",
         "96 % used (960.0 MB of 1000.0 MB); 3 keys evicted since it started"),
        ({"maxmemory": 0}, "ok", "400.0 MB used, no maxmemory is set"),
    ],
)  # fmt: skip
def test_redis_memory(info: dict[str, Any], status: str, value: str) -> None:
    """Memory against maxmemory, if there is one."""
    assert told(read("redis", look(**info))[1:2]) == [("Redis memory", status, value)]


@pytest.mark.parametrize(
    ("info", "status", "value"),
    [
        ({}, "ok", "last snapshot 4 min ago"),
        ({"rdb_last_save_time": NOW.timestamp() - 90_000}, "ok", "last snapshot 25.0 h ago"),
        ({"rdb_last_save_time": NOW.timestamp() - 90_000, "rdb_changes_since_last_save": 12}, "warning",
         "last snapshot 25.0 h ago (12 changes since)"),
        ({"aof_last_write_status": "err"}, "critical", "the last log write failed; last snapshot 4 min ago"),
    ],
)  # fmt: skip
def test_redis_persistence(info: dict[str, Any], status: str, value: str) -> None:
    """A failed save is critical; an old one is a warning if there were changes."""
    assert told(read("redis", look(**info))[2:]) == [("Redis persistence", status, value)]


def test_info_as_text_and_as_a_dictionary() -> None:
    """INFO is understood as redis-py parses it and as Redis writes it."""
    text = "# Memory\r\nused_memory:400\r\n\r\n# Errorstats\r\nerrorstat_OOM:count=4\r\n"
    assert redis.parse(text) == {"used_memory": "400", "errorstat_OOM": "count=4"}
    assert redis.parse({"used_memory": 400}) == {"used_memory": 400}


def test_the_slow_log_without_arguments() -> None:
    """Commands' arguments may be secrets: only their names are kept, the slowest first."""
    entries = [[7, 1, 15_210, ["AUTH", "geheim"], "c", "n"], [6, 1, 20_000, "KEYS geheim*"], [5, 1], "odd"]
    assert redis.slowest(entries) == ((20_000.0, "KEYS"), (15_210.0, "AUTH"))
    assert redis.slowest(None) == ()
