"""Health and hazards of a real Redis (S20; hazards 27 to 30)."""

import gzip
import os
import shutil
import subprocess
from datetime import timedelta

import pytest
import redis as redis_client

from bot.domain.health import Status
from tests.systems.conftest import RedisOf, TargetOf
from tests.systems.daemon import Place, until
from tests.systems.health import line, look, sampled
from tests.systems.servers import redis as servers
from tests.systems.servers.redis import Redis

PASSWORD = "redis-s3cret-word"


async def test_a_server_that_answers_is_ok(redis_of: RedisOf, target: TargetOf) -> None:
    """PONG, and how long it took."""
    found = await line(target(redis_url=redis_of().url), "redis")
    assert found.status is Status.OK, found
    assert "PONG" in found.value


async def test_noauth_is_a_failure_though_redis_cli_exits_0(redis_of: RedisOf, target: TargetOf) -> None:
    """Hazard 27: without the password `redis-cli ping` ends with 0; the line is critical and says NOAUTH."""
    server = redis_of(password=PASSWORD)
    said = server.cli("ping")
    assert said.returncode == 0
    assert "NOAUTH" in said.stdout
    found = await line(target(redis_url=f"redis://127.0.0.1:{server.port}/0"), "redis")
    assert found.status is Status.CRITICAL, found
    assert found.value.startswith("NOAUTH")


async def test_the_password_in_the_url_is_used_and_never_shown(redis_of: RedisOf, target: TargetOf) -> None:
    """The right one opens; a wrong one is told from none, and neither is in the text."""
    server = redis_of(password=PASSWORD)
    assert (await line(target(redis_url=server.url), "redis")).status is Status.OK
    found = await line(target(redis_url=f"redis://:not-{PASSWORD}@127.0.0.1:{server.port}/0"), "redis")
    assert found.status is Status.CRITICAL, found
    assert found.value.startswith("no permission: Redis says “invalid username-password pair")
    assert PASSWORD not in repr(found)


async def test_a_server_that_is_gone_is_refused(redis_of: RedisOf, target: TargetOf) -> None:
    """Refused after a kill, with the address."""
    server = redis_of()
    server.daemon.kill()
    found = await line(target(redis_url=server.url), "redis")
    assert found.value == f"refused: nothing listens on 127.0.0.1:{server.port}"


async def test_a_server_that_hangs_costs_its_deadline_only(redis_of: RedisOf, target: TargetOf) -> None:
    """SIGSTOP: the port accepts, nobody answers, and the deadline ends it."""
    server = redis_of()
    server.daemon.pause()
    found = await line(target(redis_url=server.url), "redis", deadline=1)
    server.daemon.go_on()
    assert found.value == "timed out after 1 s"


async def test_no_free_connection_is_said(redis_of: RedisOf, target: TargetOf) -> None:
    """With maxclients reached the server refuses, and the line says how."""
    server = redis_of(maxclients="2")
    held = [redis_client.Redis.from_url(server.url) for _ in range(2)]
    for client in held:
        client.ping()
    found = await line(target(redis_url=server.url), "redis")
    for client in held:
        client.close()
    assert found.status is Status.CRITICAL, found
    assert "max number of clients" in found.value


def _dump_with(redis_of: RedisOf, value: str) -> bytes:
    """A snapshot as `backup-redis.sh` uploads it, gzipped."""
    server = redis_of()
    server.call("SET", "position", value)
    server.call("SAVE")
    return gzip.compress((server.folder / "dump.rdb").read_bytes())


def test_with_append_only_on_a_restored_snapshot_is_ignored(redis_of: RedisOf, place: Place) -> None:
    """Hazard 28, shown: the restored dump.rdb is not loaded beside an append-only file."""
    snapshot = gzip.decompress(_dump_with(redis_of, "from-the-backup"))
    live = redis_of(appendonly="yes")
    live.call("SET", "position", "live")
    live.daemon.stop()
    (live.folder / "dump.rdb").write_bytes(snapshot)
    again = _restarted(place, live)
    try:
        assert again.call("GET", "position") == b"live"
    finally:
        again.daemon.kill()


def test_a_snapshot_that_belongs_to_root_stops_redis(redis_of: RedisOf, place: Place) -> None:
    """Hazard 29, shown: after `gunzip` as root the server cannot read its dump and does not start."""
    snapshot = gzip.decompress(_dump_with(redis_of, "from-the-backup"))
    live = redis_of()
    live.daemon.stop()
    dump = live.folder / "dump.rdb"
    dump.write_bytes(snapshot)
    dump.chmod(0o600)
    os.chown(dump, 0, 0)
    with pytest.raises(RuntimeError, match="Permission denied"):
        _restarted(place, live)
    shutil.chown(dump, "redis", "redis")
    again = _restarted(place, live)
    try:
        assert again.call("GET", "position") == b"from-the-backup"
    finally:
        again.daemon.kill()


def test_the_runbooks_restore_keeps_the_dump_that_it_replaces(redis_of: RedisOf) -> None:
    """Hazard 30: the checklist's first copy is made before anything is overwritten, and a second run keeps it."""
    live = redis_of()
    live.call("SET", "position", "live")
    live.call("SAVE")
    dump, before = live.folder / "dump.rdb", live.folder / "dump.rdb.before"
    original = dump.read_bytes()
    for restored in (b"first restore", b"second restore"):
        subprocess.run(["cp", "--no-clobber", dump, before], check=False)
        dump.write_bytes(restored)
    assert before.read_bytes() == original


def _restarted(place: Place, server: Redis) -> Redis:
    until(lambda: not server.daemon.running, "the server has stopped")
    daemon = place.start(
        ["redis-server", str(server.folder / "redis.conf")], name="redis",
        ready=lambda: servers._answers(server.port), user="redis",
    )  # fmt: skip
    return Redis(daemon, server.port, server.folder, server.password)


async def test_a_redis_that_cannot_save_is_critical_though_it_answers_info(
    redis_of: RedisOf, target: TargetOf
) -> None:
    """MISCONF: its directory is not writable, the snapshot fails, and it refuses writes and PING."""
    server = redis_of(save="3600 1000000")
    server.call("SET", "position", "1")
    server.folder.chmod(0o500)
    shutil.chown(server.folder, "root", "root")
    server.call("BGSAVE")
    until(lambda: server.call("INFO", "persistence")["rdb_last_bgsave_status"] == "err", "the save failed")
    found = {r.system: r for r in await look(target(redis_url=server.url), "redis")}
    assert found["Redis"].status is Status.CRITICAL, found
    assert "MISCONF" in found["Redis"].value
    assert found["Redis persistence"].status is not Status.OK, found


async def test_memory_at_its_limit_is_seen_before_writes_are_refused(
    redis_of: RedisOf, target: TargetOf
) -> None:
    """Nearly all of maxmemory is used: no longer ok; refused writes are counted by their error."""
    server = redis_of(maxmemory="3mb", maxmemory_policy="noeviction")
    with pytest.raises(redis_client.exceptions.OutOfMemoryError):
        _fill(server)
    found = {r.system: r for r in await look(target(redis_url=server.url), "redis")}
    assert found["Redis memory"].status is not Status.OK, found
    assert "of 3" in found["Redis memory"].value
    assert "OOM × 1" in found["Redis"].value


def _fill(server: Redis) -> None:
    for n in range(1000):
        server.call("SET", f"key-{n}", b"x" * 50_000)


async def test_rejected_connections_are_counted_against_the_look_before(
    redis_of: RedisOf, target: TargetOf
) -> None:
    """Connections that maxclients refused since the last look are a warning; without any there is none."""
    server = redis_of(maxclients="3")
    reached = target(redis_url=server.url)
    history = sampled(await look(reached, "redis"), ago=timedelta(minutes=1))
    held = [redis_client.Redis.from_url(server.url) for _ in range(3)]
    for client in held:
        client.ping()
    with pytest.raises(redis_client.exceptions.ConnectionError):
        server.call("PING")
    for client in held:
        client.close()
    found = {r.system: r for r in await look(reached, "redis", history=history)}
    assert found["Redis"].status is Status.WARNING, found
    assert "rejected" in found["Redis"].value


async def test_slow_commands_are_named_without_their_arguments(redis_of: RedisOf, target: TargetOf) -> None:
    """The slow log holds values; the command's name is enough."""
    server = redis_of(slowlog_log_slower_than="0")
    server.call("DEBUG", "SLEEP", "0.15")
    server.call("SET", "session", "secret-of-a-customer")
    found = await look(target(redis_url=server.url), "redis")
    assert "DEBUG" in found[0].value, found
    assert "secret-of-a-customer" not in repr(found)
