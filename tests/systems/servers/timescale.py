"""A real TimescaleDB, compiled to WebAssembly: what PostgreSQL's own packages do not have."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.systems.daemon import INSTALLED, Daemon, Place, free_port, until

_MODULES = INSTALLED / "node" / "node_modules"


@dataclass(frozen=True, slots=True)
class Timescale:
    daemon: Daemon
    url: str  # it serves one connection at a time, and turns away whoever comes before it saw the last one go

    def execute(self, statements: str) -> None:
        """Run these, once it has a moment for us."""
        until(lambda: _execute(self.url, statements), "TimescaleDB serves us", within=30)


def start(place: Place) -> Timescale:
    port = free_port()
    url = f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    script = Path(__file__).with_suffix(".mjs")
    daemon = place.start(
        ["node", str(script), str(_MODULES), str(port)], name="timescale", ready=lambda: _answers(url)
    )
    return Timescale(daemon, url)


def _answers(url: str) -> bool:
    return _execute(url, "select 1")


def _execute(url: str, statements: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())
        return True
    return False
