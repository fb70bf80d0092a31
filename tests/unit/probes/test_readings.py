import json
from typing import Any

import pytest

from bot.domain.health import Status
from bot.errors import AbsentError, AtsError, ServerError, UnauthorizedError, UnreachableError
from bot.probes import Context, api, cpu, disk, docker, memory
from bot.targets import ExecAnswer, HttpAnswer
from runbook.model import BaselineRow, Bound

TABLE = (
    BaselineRow("CPU Usage", Bound("<", 70, "%"), Bound(">", 85, "%"), 1),
    BaselineRow("Memory Usage", Bound("<", 85, "%"), Bound(">", 90, "%"), 1),
    BaselineRow("Disk Usage", Bound("<", 85, "%"), Bound(">", 90, "%"), 1),
    BaselineRow("API Response Time (p95)", Bound("<", 500, "ms"), Bound(">", 2, "s"), 1),
    BaselineRow("Database Connections", Bound("<", 80, "%", "max"), Bound(">", 90, "%", "max"), 1),
)
GIB = 1024**3
CONTEXT = Context(TABLE)


@pytest.mark.parametrize(
    ("body", "took", "status", "value"),
    [
        ('{"status":"healthy"}', 0.034, "ok", "healthy in 34 ms"),
        ("[]", 0.034, "ok", "answers 200 in 34 ms"),
        ('{"status":"ok"}', 0.7, "warning", "ok in 700 ms"),
        ('{"status":"ok"}', 2.1, "critical", "ok in 2100 ms"),
        ('{"status":"degraded"}', 0.1, "warning", "degraded in 100 ms"),
        ('{"status":"degraded"}', 3.0, "critical", "degraded in 3000 ms"),
        (
            '{"status":"ok","services":{"database":"connected","redis":"down"}}',
            0.1,
            "warning",
            "ok: redis down in 100 ms",
        ),
        ('{"status":"ok","services":{"mq":{"status":"up"}}}', 0.1, "ok", "ok in 100 ms"),
        ("<html>proxy</html>", 0.1, "warning", "answers 200, but not JSON: “<html>proxy</html>” in 100 ms"),
    ],
)
def test_trading_api(body: str, took: float, status: str, value: str) -> None:
    """The API's own word and its response time both count; the worse one decides."""
    (reading,) = api.read(HttpAnswer(200, body, took), CONTEXT)
    assert (reading.status, reading.value, reading.normal) == (Status(status), value, "< 500 ms")
    assert bool(reading.hint) == (reading.status is not Status.OK)


def service(name: str, state: str = "running", code: int = 0, health: str = "") -> dict[str, Any]:
    return {
        "Service": name,
        "Name": f"ats-{name}-1",
        "State": state,
        "ExitCode": code,
        "Health": health,
        "Status": "x",
    }


@pytest.mark.parametrize(
    ("services", "status", "value"),
    [
        ([service("api", health="healthy"), service("db")], "ok", "2 of 2 well"),
        ([service("api"), service("worker", "exited", 3)], "critical", "worker exited (3); 1 of 2 well"),
        ([service("migrate", "exited", 0), service("api")], "ok", "2 of 2 well"),
        ([service("api", health="unhealthy")], "critical", "api unhealthy; 0 of 1 well"),
        ([service("api", health="starting")], "warning", "api starting; 0 of 1 well"),
        ([service("api", "restarting", 1)], "warning", "api restarting (1); 0 of 1 well"),
        (
            [service("api", "paused"), service("db", "dead", 137)],
            "critical",
            "db dead (137); api paused; 0 of 2 well",
        ),
        ([], "warning", "no services"),
    ],
)
def test_docker_services(services: list[dict[str, Any]], status: str, value: str) -> None:
    """A failed or unhealthy container is critical, one in between a warning, one that ended with 0 is done."""
    lines = "\n".join(json.dumps(s) for s in services) + "\n"
    assert docker.parse(lines) == docker.parse(json.dumps(services))
    (reading,) = docker.read(docker.parse(lines), CONTEXT)
    assert (reading.status, reading.value) == (Status(status), value)
    assert bool(reading.hint) == (reading.status is not Status.OK)


def test_docker_prints_something_else() -> None:
    """A table instead of JSON is said, not guessed at."""
    for text in ("NAME IMAGE\nx y\n", "[1]", '"x"'):
        with pytest.raises(ServerError, match="did not print JSON"):
            docker.parse(text)


@pytest.mark.parametrize(
    ("said", "kind", "begins"),
    [
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
         UnreachableError, "refused: the Docker daemon does not run"),
        ("permission denied while trying to connect to the Docker daemon socket", UnauthorizedError, "no permission:"),
        ("no configuration file provided: not found", AbsentError, "not configured: no compose file here"),
        ("docker: 'compose' is not a docker command.", AbsentError, "not installed: this docker has no `compose`"),
        ("a\nlast words", ServerError, "`docker compose ps` ended with 1: last words"),
        ("", ServerError, "`docker compose ps` ended with 1: nothing"),
    ],
)  # fmt: skip
def test_docker_refusals(said: str, kind: type[AtsError], begins: str) -> None:
    """What docker says instead of an answer becomes the right error."""
    error = docker.refusal(ExecAnswer(1, "", said, 0.1), said)
    assert type(error) is kind
    assert str(error).startswith(begins)


def test_disks() -> None:
    """Each path has its own line; one that is not there is unknown and does not hide the others."""
    spaces = (
        disk.Space("/", 50 * GIB, 50 * GIB),
        disk.Space("/var", 86 * GIB, 14 * GIB),
        disk.Space("/tmp", 95 * GIB, 5 * GIB),
        disk.Space("/gone", 0, 0, "No such file or directory"),
    )
    readings = disk.read(spaces, CONTEXT)
    assert [(r.system, r.status, r.value) for r in readings] == [
        ("Disk /", Status.OK, "50 % used (50.0 GB free)"),
        ("Disk /var", Status.WARNING, "86 % used (14.0 GB free)"),
        ("Disk /tmp", Status.CRITICAL, "95 % used (5.0 GB free)"),
        ("Disk /gone", Status.UNKNOWN, "not measured: No such file or directory"),
    ]
    assert {r.normal for r in readings} == {"< 85 %"}
    assert readings[1].hint == "Find what grew (`du -xhd1 /var`): logs and old backups first."


@pytest.mark.parametrize(("available", "status"), [(50, "ok"), (15, "warning"), (9, "critical")])
def test_memory(available: int, status: str) -> None:
    """What can be given back counts as free."""
    (reading,) = memory.read(memory.Memory(100 * GIB, available * GIB), CONTEXT)
    assert (reading.status, reading.normal) == (Status(status), "< 85 %")
    assert reading.value == f"{100 - available} % used ({available}.0 of 100.0 GB available)"


@pytest.mark.parametrize(
    ("busy", "idle", "own", "load", "status", "value"),
    [
        (1, 3, 0, 0.5, "ok", "25 % of 2 cores (load 0.5)"),
        (3, 1, 0, 0.5, "warning", "75 % of 2 cores (load 0.5)"),
        (9, 1, 0, 0.5, "critical", "90 % of 2 cores (load 0.5)"),
        (0, 0, 0, 0.5, "ok", "0 % of 2 cores (load 0.5)"),
        (-5, -1, 0, 0.5, "ok", "0 % of 2 cores (load 0.5)"),
        (10, 0, 8, 0.5, "ok", "20 % of 2 cores (load 0.5)"),
        (10, 0, 12, 0.5, "ok", "0 % of 2 cores (load 0.5)"),
        (10, 0, 5, 2.5, "critical", "100 % of 2 cores (load 2.5)"),
        (6, 4, 5, 2.5, "ok", "10 % of 2 cores (load 2.5)"),
    ],
)
def test_cpu(busy: float, idle: float, own: float, load: float, status: str, value: str) -> None:
    """Busy time against all time; our own is left out, unless the host was full before; odd counters are no alarm."""
    found = cpu.Cpu(cpu.Times(100, 100, 7), cpu.Times(100 + busy, 100 + idle, 7 + own), cores=2, load=load)
    (reading,) = cpu.read(found, CONTEXT)
    assert (reading.status, reading.value) == (Status(status), value)
