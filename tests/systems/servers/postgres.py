"""A real PostgreSQL under care: small, so that its pool can really be exhausted."""

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.systems.daemon import Daemon, Place, free_port

MOST, RESERVED = 10, 3  # max_connections, and how many of them are the superuser's
OWNER_PASSWORD, APP_PASSWORD = "owner-s3cret-of-postgres", "app-s3cret-of-ats"
_SETTINGS = f"""
listen_addresses = '127.0.0.1'
max_connections = {MOST}
superuser_reserved_connections = {RESERVED}
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = 16MB
max_wal_senders = 0
wal_level = minimal
autovacuum = off
fsync = off
dynamic_shared_memory_type = mmap
unix_socket_directories = ''
"""
_SETUP = f"""
create role ats login password '{APP_PASSWORD}';
create role reporter login password 'reporter-s3cret';
create database trading owner ats;
create database other owner ats;
"""
_TABLES = """
create extension pg_stat_statements;
create table schema_migrations (version text primary key);
insert into schema_migrations select '2026110' || n from generate_series(1, 7) n;
create table orders (id serial primary key, symbol text);
grant all on all tables in schema public to ats;
"""


def programs() -> Path:
    """Where Debian keeps the newest PostgreSQL's own programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: `make test-systems` installs it (package postgresql).")
    return found[-1].parent


@dataclass(frozen=True, slots=True)
class Postgres:
    """The server, and its two ways in."""

    daemon: Daemon
    port: int
    cluster: Path
    offset: Path  # how far the server's clock is ahead of ours, for libfaketime

    def later(self, *, minutes: float) -> None:
        """Move the server's clock forward, as if everybody had waited."""
        self.offset.write_text(f"+{minutes * 60:.0f}s")

    def url(self, user: str = "ats", password: str = APP_PASSWORD, database: str = "trading") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def owner_url(self) -> str:
        """As superuser: has the reserved connections."""
        return self.url("postgres", OWNER_PASSWORD)

    @contextlib.contextmanager
    def owner(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            yield connection

    @contextlib.contextmanager
    def exhausted(self) -> Iterator[list[psycopg.Connection]]:
        """Every connection that the application may have, taken by the application."""
        held: list[psycopg.Connection] = []
        try:
            with contextlib.suppress(psycopg.OperationalError):
                while len(held) < MOST:
                    held.append(psycopg.connect(self.url(), application_name="trading-api"))
            assert 1 <= len(held) <= MOST - RESERVED, "the server still lets the application in"
            yield held
        finally:
            for connection in held:
                connection.close()

    def clean(self) -> None:
        """As after the first start: no other session, no changed setting, no statistics, and our own time."""
        self.offset.write_text("+0s")
        with self.owner() as owner:
            owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
            )
            owner.execute("alter system reset all")
            owner.execute("select pg_reload_conf()")
            owner.execute("select pg_stat_statements_reset()")


def start(place: Place) -> Postgres:
    """initdb and a server as the system user postgres, who has no password and no shell of ours."""
    home = place.make("postgres", user="postgres")
    cluster, port = home / "data", free_port()
    secret = home / "password"
    secret.write_text(OWNER_PASSWORD)
    shutil.chown(secret, "postgres")
    made = subprocess.run(
        [programs() / "initdb", "--no-sync", "--auth=scram-sha-256", f"--pwfile={secret}", "-D", cluster],
        user="postgres", group="postgres", extra_groups=[], cwd=home, env={"LC_ALL": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with (cluster / "postgresql.conf").open("a") as settings:
        settings.write(_SETTINGS)
    offset = home / "offset"
    offset.write_text("+0s")
    daemon = place.start(
        [programs() / "postgres", "-D", cluster, "-p", str(port)],
        name="postgres", ready=lambda: _answers(port), user="postgres", env=_moved_by(offset),
    )  # fmt: skip
    server = Postgres(daemon, port, cluster, offset)
    with psycopg.connect(server.url("postgres", OWNER_PASSWORD, "postgres"), autocommit=True) as owner:
        for statement in filter(str.strip, _SETUP.split(";")):
            owner.execute(statement.encode())
    with server.owner() as owner:
        owner.execute(_TABLES)
    return server


def _moved_by(offset: Path) -> dict[str, str]:
    """The environment of a server whose clock can be moved while it runs."""
    found = list(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise RuntimeError("libfaketime is not installed: `make test-systems` installs it.")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def stop(server: Postgres) -> None:
    server.daemon.stop(signal.SIGQUIT)


def _answers(port: int) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(
            f"postgresql://postgres:{OWNER_PASSWORD}@127.0.0.1:{port}/postgres", connect_timeout=2
        ).close()
        return True
    return False
