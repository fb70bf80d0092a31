"""Health of a real Docker with Compose (S28)."""

from datetime import timedelta
from pathlib import Path

from bot.domain.health import Status
from tests.systems.conftest import TargetOf
from tests.systems.daemon import Place, until
from tests.systems.health import line, look, sampled
from tests.systems.servers.docker import Docker

STEADY = {"command": ["sleep", "600"]}


def _exited(docker: Docker, name: str) -> None:
    until(lambda: docker.state(name)["Status"] == "exited", f"{name} has exited")


async def test_services_that_run_are_ok(docker: Docker, tmp_path: Path, target: TargetOf) -> None:
    """Two services of the project, both running."""
    docker.compose(tmp_path, {"db": STEADY, "worker": STEADY}, "up", "-d")
    found = await line(target(env=docker.environment, cwd=tmp_path), "docker")
    assert found.status is Status.OK, found
    assert "2 of 2" in found.value


async def test_a_service_that_ended_is_named_with_its_exit_code(
    docker: Docker, tmp_path: Path, target: TargetOf
) -> None:
    """Exit code 3 of one service is seen, though `docker compose ps` without -a would hide it."""
    docker.compose(tmp_path, {"db": STEADY, "worker": {"command": ["sh", "-c", "exit 3"]}}, "up", "-d")
    _exited(docker, "ats-worker-1")
    found = await line(target(env=docker.environment, cwd=tmp_path), "docker")
    assert found.status is Status.CRITICAL, found
    assert "worker" in found.value
    assert "3" in found.value
    assert docker.run("compose", "ps", "--format", "json", cwd=tmp_path).count('"Service"') == 1


async def test_a_service_that_was_killed_for_its_memory_is_critical(
    docker: Docker, tmp_path: Path, target: TargetOf
) -> None:
    """Out of memory: the kernel's kill shows as exit code 137."""
    eats = {"command": ["sh", "-c", "x=a; while true; do x=$$x$$x; done"], "mem_limit": "12m"}
    docker.compose(tmp_path, {"engine": eats}, "up", "-d")
    _exited(docker, "ats-engine-1")
    assert docker.state("ats-engine-1")["OOMKilled"] is True
    found = await line(target(env=docker.environment, cwd=tmp_path), "docker")
    assert found.status is Status.CRITICAL, found
    assert "137" in found.value


async def test_a_failing_health_check_is_seen_in_a_running_container(
    docker: Docker, tmp_path: Path, target: TargetOf
) -> None:
    """Running and unhealthy is no success."""
    check = {"test": ["CMD", "false"], "interval": "0.1s", "timeout": "5s", "retries": 1}
    docker.compose(tmp_path, {"engine": STEADY | {"healthcheck": check}}, "up", "-d")
    until(lambda: docker.state("ats-engine-1")["Health"]["Status"] == "unhealthy", "it is unhealthy")
    found = await line(target(env=docker.environment, cwd=tmp_path), "docker")
    assert found.status is not Status.OK, found
    assert "engine" in found.value
    assert "unhealthy" in found.value


async def test_a_directory_without_a_compose_file_is_a_setting_that_is_missing(
    docker: Docker, tmp_path: Path, target: TargetOf
) -> None:
    """Not configured, and which setting to look at; never “0 services, all well”."""
    found = await line(target(env=docker.environment, cwd=tmp_path), "docker")
    assert found.status is not Status.OK, found
    assert "no compose file" in found.value
    assert "working directory" in found.hint


async def test_a_daemon_that_does_not_run_is_refused(tmp_path: Path, docker: Docker, target: TargetOf) -> None:
    """No socket: refused, and where to look."""
    (tmp_path / "compose.yaml").write_text('{"services": {"db": {"image": "x"}}}')
    env = docker.environment | {"DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    found = await line(target(env=env, cwd=tmp_path), "docker")
    assert found.status is not Status.OK, found
    assert found.value.startswith("refused"), found


def test_the_daemon_touches_no_firewall_and_makes_no_bridge(docker: Docker, place: Place) -> None:
    """It was started without iptables, bridge and forwarding, and has made no network of its own but none and host."""
    del place
    networks = docker.run("network", "ls", "--format", "{{.Driver}}").split()
    assert sorted(networks) == ["host", "null"]
    assert not Path("/sys/class/net/docker0").exists()


async def test_a_container_that_the_kernel_killed_is_told_from_one_that_failed(
    docker: Docker, target: TargetOf
) -> None:
    """OOM kill is critical and named so; exit code 3 of another is not called that."""
    docker.container("engine", "sh", "-c", "x=a; while true; do x=$x$x; done", options=("--memory", "12m"))
    docker.container("job", "sh", "-c", "exit 3")
    _exited(docker, "engine")
    _exited(docker, "job")
    found = await line(target(env=docker.environment), "containers")
    assert found.status is Status.CRITICAL, found
    assert "engine was killed for memory (137)" in found.value
    assert "job was killed" not in found.value


async def test_restarts_by_docker_are_counted_between_two_looks(docker: Docker, target: TargetOf) -> None:
    """A container that Docker starts again and again is seen by the difference of its counter."""
    crash = ("sh", "-c", "sleep 0.1; exit 1")
    docker.container("worker", *crash, options=("--restart", "always"))
    reached = target(env=docker.environment)
    history = sampled(await look(reached, "containers"), ago=timedelta(minutes=2))
    until(lambda: int(docker.run("inspect", "--format", "{{.RestartCount}}", "worker")) >= 2, "two restarts")
    found = await line(reached, "containers", history=history)
    assert found.status is not Status.OK, found
    assert "worker" in found.value


async def test_no_environment_of_a_container_is_shown(docker: Docker, target: TargetOf) -> None:
    """`docker inspect` has every secret; the probe asks for named fields only."""
    docker.container("engine", "sleep", "600", options=("-e", "API_KEY=sk-live-0123456789"))
    found = await look(target(env=docker.environment), "containers")
    assert found[0].status is Status.OK, found
    assert "sk-live" not in repr(found)
