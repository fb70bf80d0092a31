"""A real TimescaleDB, compiled to WebAssembly: what PostgreSQL's own packages do not have."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.systems.daemon import INSTALLED, Daemon, Place, free_port

_MODULES = INSTALLED / "node" / "node_modules"


@dataclass(frozen=True, slots=True)
class Timescale:
    daemon: Daemon
    url: str  # it serves one connection at a time


def start(place: Place) -> Timescale:
    port = free_port()
    url = f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    script = Path(__file__).with_suffix(".mjs")
    daemon = place.start(
        ["node", str(script), str(_MODULES), str(port)], name="timescale", ready=lambda: _answers(url)
    )
    return Timescale(daemon, url)


def _answers(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=5).close()
        return True
    return False
