"""Health and hazards of a real Redis (S20; hazards 27 to 30)."""

import gzip
import os
import shutil
import subprocess

import pytest
import redis as redis_client

from bot.domain.health import Status
from tests.systems.conftest import RedisOf, TargetOf
from tests.systems.daemon import Place, until
from tests.systems.health import line
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
