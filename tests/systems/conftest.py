"""Real systems for the `systems` tier: each is started when a test first asks for it, and ended whatever happens."""

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.targets import Target, TargetSettings
from tests.systems.daemon import PROGRAMS, Place
from tests.systems.keeper import Keeper
from tests.systems.servers import docker as docker_server
from tests.systems.servers import mlflow as mlflow_server
from tests.systems.servers import pm2 as pm2_server
from tests.systems.servers import postgres as postgres_server
from tests.systems.servers import redis as redis_server
from tests.systems.servers import s3 as s3_server
from tests.systems.servers import ssh as ssh_server
from tests.systems.servers import timescale as timescale_server
from tests.systems.servers.docker import Docker
from tests.systems.servers.mlflow import MlFlow
from tests.systems.servers.pm2 import Pm2
from tests.systems.servers.postgres import Postgres
from tests.systems.servers.redis import Redis
from tests.systems.servers.s3 import S3
from tests.systems.servers.ssh import Ssh
from tests.systems.servers.timescale import Timescale

HERE = Path(__file__).parent
TargetOf = Callable[..., Target]
RedisOf = Callable[..., Redis]
_LOGS = pytest.StashKey[dict[Path, int]]()
_places: list[Place] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is of the tier, whatever it forgets to say."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.systems)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """What the real systems wrote during a test is shown with its failure."""
    report: Any = yield
    if report.when == "setup":
        item.stash[_LOGS] = _sizes()
    if report.failed:
        before = item.stash.get(_LOGS, {})
        for path, size in _sizes().items():
            new = path.read_bytes()[before.get(path, 0) :] if size > before.get(path, 0) else b""
            if new:
                report.sections.append((f"log of {path.parent.name}", new[-3000:].decode(errors="replace")))
    return report  # type: ignore[no-any-return]  # the wrapper's result is the report


def _sizes() -> dict[Path, int]:
    return {path: path.stat().st_size for place in _places for path in place.logs if path.exists()}


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """The session's folder and the process that starts everything in it."""
    folder = Path(tempfile.mkdtemp(prefix="ats-systems-"))
    folder.chmod(0o755)  # the servers run as users of their own
    place = Place(folder, Keeper(folder))
    _places.append(place)
    yield place
    _places.remove(place)
    place.keeper.close()


@pytest.fixture
async def target() -> AsyncIterator[TargetOf]:
    """Make a target from settings, with the installed programs on its path; closed afterwards."""
    made: list[Target] = []

    def make(**settings: object) -> Target:
        made.append(Target(TargetSettings(**({"path": PROGRAMS} | settings))))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture(scope="session")
def _postgres(place: Place) -> Iterator[Postgres]:
    server = postgres_server.start(place)
    yield server
    postgres_server.stop(server)


@pytest.fixture
def trading(_postgres: Postgres) -> Iterator[Postgres]:
    """The trading platform's PostgreSQL, as after its first start."""
    _postgres.clean()
    yield _postgres
    _postgres.clean()


@pytest.fixture
def pm2(place: Place) -> Iterator[Pm2]:
    """A PM2 of its own."""
    made = pm2_server.make(place)
    yield made
    made.close()


@pytest.fixture
def redis_of(place: Place) -> Iterator[RedisOf]:
    """Start a Redis with settings."""
    made: list[Redis] = []

    def start(**settings: Any) -> Redis:
        made.append(redis_server.start(place, **settings))
        return made[-1]

    yield start
    for server in made:
        server.daemon.kill()


@pytest.fixture(scope="session")
def _docker(place: Place) -> Iterator[Docker]:
    server = docker_server.start(place)
    yield server
    docker_server.stop(server)


@pytest.fixture
def docker(_docker: Docker) -> Iterator[Docker]:
    """A Docker daemon with one image and no container."""
    _docker.clean()
    yield _docker
    _docker.clean()


@pytest.fixture
def s3(place: Place) -> Iterator[S3]:
    """An S3 server with an empty bucket for the backups."""
    server = s3_server.start(place)
    yield server
    server.daemon.kill()


@pytest.fixture(scope="session")
def ssh(place: Place) -> Iterator[Ssh]:
    """An SSH server that lets us in with a key."""
    server = ssh_server.start(place)
    yield server
    server.daemon.stop()


@pytest.fixture(scope="session")
def mlflow(place: Place) -> Iterator[MlFlow]:
    """An MLflow server without models."""
    server = mlflow_server.start(place)
    yield server
    server.daemon.stop()


@pytest.fixture(scope="session")
def timescale(place: Place) -> Iterator[Timescale]:
    """A TimescaleDB."""
    server = timescale_server.start(place)
    yield server
    server.daemon.stop()


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer has set for PM2, Docker or AWS is nobody's business here."""
    for name in [n for n in os.environ if n.startswith(("PM2_", "DOCKER_", "AWS_", "PG"))]:
        monkeypatch.delenv(name)
