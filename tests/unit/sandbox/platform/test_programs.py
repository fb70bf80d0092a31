"""What each program prints and changes, without a process."""

import json
from datetime import timedelta

import pytest

from sandbox.clock import SandboxClock
from sandbox.platform import cluster, docker, pm2, storage, troubles
from sandbox.platform.shell import Program
from sandbox.platform.state import PlatformState

PROGRAMS: dict[str, Program] = {
    "pm2": pm2.run,
    "docker": docker.run,
    "helm": cluster.helm,
    "kubectl": cluster.kubectl,
    "aws": storage.aws,
}


def restarts(state: PlatformState) -> dict[str, int]:
    listed = json.loads(pm2.run(state, ["jlist", "--silent"]).out)
    return {p["name"]: p["pm2_env"]["restart_time"] for p in listed}


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("pm2", ""),
        ("pm2", "frobnicate"),
        ("pm2", "delete all"),
        ("pm2", "logs --lines many --nostream"),
        ("pm2", "status --wat"),
        ("docker", "compose down -v"),
        ("docker", "rm -f loki"),
        ("docker", "compose ps --wat"),
        ("helm", "uninstall"),
        ("kubectl", "delete pods --all"),
        ("kubectl", "get secrets -n trading"),
        ("aws", "s3 rm s3://ai-trading-backups/postgres/"),
        ("aws", "s3api list-objects-v2 --bucket ai-trading-backups --query Contents"),
    ],
)
def test_unknown_usage_fails_and_changes_nothing(state: PlatformState, program: str, arguments: str) -> None:
    """What is not understood ends non-zero with a usage line, and nothing has happened."""
    before = (restarts(state), [c.state for c in state.containers], len(state.pods), state.backups[0].objects)
    result = PROGRAMS[program](state, arguments.split())
    assert result.code == 64
    assert f"Usage: {program} " in result.err
    assert before == (
        restarts(state),
        [c.state for c in state.containers],
        len(state.pods),
        state.backups[0].objects,
    )


@pytest.mark.parametrize(
    ("program", "arguments", "text"),
    [
        ("pm2", ["status"], "ENOENT"),
        ("docker", ["ps"], "Is the docker daemon running?"),
        ("helm", ["history", "ats", "-n", "trading"], "cluster unreachable"),
        ("kubectl", ["get", "pods"], "was refused"),
        ("aws", ["s3", "ls", storage.BUCKET], "Could not connect"),
    ],
)
def test_a_program_whose_daemon_is_down_says_so(
    state: PlatformState, program: str, arguments: list[str], text: str
) -> None:
    """The real programs' own words, on standard error, with a status that is not 0."""
    state.faults.down(program)
    result = PROGRAMS[program](state, arguments)
    assert result.code != 0
    assert text in result.err
    assert result.out == ""


def test_restart_counts_and_ends_the_crash_loop(state: PlatformState, clock: SandboxClock) -> None:
    """Restart counters rise while the process crashes, once more by hand, and then stand still."""
    troubles.crash_loop(state)
    first = restarts(state)["signal-worker"]
    clock.advance(timedelta(minutes=2))
    second = restarts(state)["signal-worker"]
    assert second == first + 3
    assert pm2.run(state, ["restart", "ecosystem.config.cjs", "--update-env"]).code == 0
    assert restarts(state)["signal-worker"] == second + 1
    clock.advance(timedelta(minutes=10))
    assert restarts(state)["signal-worker"] == second + 1


def test_jlist_holds_each_process_environment_twice(state: PlatformState) -> None:
    """As the real one does: whoever shows it must take the secrets out."""
    process = json.loads(pm2.run(state, ["jlist"]).out)[0]["pm2_env"]
    assert process["env"]["ATS_API_TOKEN"] == process["ATS_API_TOKEN"] != ""


def test_logs_end_only_with_nostream(state: PlatformState) -> None:
    """`pm2 logs` follows for ever unless told not to."""
    troubles.crash_loop(state)
    assert pm2.run(state, ["logs", "--lines", "50"]).follow
    result = pm2.run(state, ["logs", "signal-worker", "--lines", "2", "--nostream"])
    assert not result.follow
    assert result.out.count(troubles.HEAP_ERROR) == 1


def test_stopping_a_served_process_takes_its_port_down(state: PlatformState) -> None:
    """`pm2 stop trading-api` is what makes the API refuse; a restart brings it back."""
    assert pm2.run(state, ["stop", "trading-api"]).code == 0
    assert state.faults.of("api").down
    assert "stopped" in pm2.run(state, ["describe", "trading-api"]).out
    pm2.run(state, ["restart", "trading-api"])
    assert not state.faults.of("api").down


def test_unknown_names_are_errors(state: PlatformState) -> None:
    """A process, container or revision that does not exist is the program's own error."""
    assert pm2.run(state, ["describe", "nobody"]).code == 1
    assert pm2.run(state, ["restart", "nobody"]).code == 1
    assert "No such container: nobody" in docker.run(state, ["restart", "nobody"]).err
    assert "release has no 9 version" in cluster.helm(state, ["rollback", "ats", "9", "-n", "trading"]).err
    assert cluster.helm(state, ["history", "ats", "-n", "other"]).code == 1


def test_compose_lists_stopped_containers_only_with_all(state: PlatformState) -> None:
    """A container that is gone is missing from `ps`, and shown with its exit code by `ps -a`."""
    state.faults.down("loki")
    plain = docker.run(state, ["compose", "ps"]).out
    rows = [
        json.loads(line)
        for line in docker.run(state, ["compose", "ps", "-a", "--format", "json"]).out.splitlines()
    ]
    assert "loki" not in plain
    loki = next(row for row in rows if row["Service"] == "loki")
    assert (loki["State"], loki["ExitCode"]) == ("exited", 137)
    assert loki["Status"].startswith("Exited (137) ")
    assert docker.run(state, ["restart", "loki"]).out == "loki\n"
    assert "loki" in docker.run(state, ["compose", "ps"]).out
    assert not state.faults.of("loki").down


def test_docker_ps_and_inspect_agree(state: PlatformState) -> None:
    """Both views show one truth."""
    rows = [
        json.loads(line) for line in docker.run(state, ["ps", "-a", "--format", "{{json .}}"]).out.splitlines()
    ]
    assert {row["Names"] for row in rows} == {c.name for c in state.containers}
    inspected = json.loads(docker.run(state, ["inspect", "loki"]).out)
    assert inspected[0]["State"]["Status"] == next(r for r in rows if r["Names"] == "loki")["State"]


def test_rollback_adds_a_revision_and_new_pods(state: PlatformState, clock: SandboxClock) -> None:
    """A rollback never rewrites history: it is a revision of its own."""
    clock.advance(timedelta(minutes=1))
    assert cluster.helm(state, ["rollback", "ats", "1", "-n", "trading", "--wait", "--timeout", "5m"]).code == 0
    history = json.loads(cluster.helm(state, ["history", "ats", "-n", "trading", "-o", "json"]).out)
    assert [(r["revision"], r["status"]) for r in history] == [
        (1, "superseded"),
        (2, "failed"),
        (3, "superseded"),
        (4, "deployed"),
    ]
    assert history[-1]["description"] == "Rollback to 1"
    assert "REVISION: 4" in cluster.helm(state, ["status", "ats", "-n", "trading"]).out
    assert "0s" in cluster.kubectl(state, ["get", "pods", "-n", "trading"]).out


def test_broken_pods_are_listed_with_status_0(state: PlatformState) -> None:
    """`kubectl get pods` succeeds whatever state the pods are in; `helm test` does not."""
    pod = state.pods[2]
    pod.ready, pod.waiting, pod.restarts, pod.last_exit_code = False, "CrashLoopBackOff", 3, 3
    listed = cluster.kubectl(state, ["get", "pods", "-n", "trading", "-o", "json"])
    assert listed.code == 0
    status = json.loads(listed.out)["items"][2]["status"]["containerStatuses"][0]
    assert status["state"] == {"waiting": {"reason": "CrashLoopBackOff"}}
    assert status["lastState"] == {"terminated": {"exitCode": 3}}
    assert cluster.helm(state, ["test", "ats", "-n", "trading"]).code == 1


def test_backup_failure_and_a_run_by_hand(state: PlatformState) -> None:
    """The night's object is missing until the script is run by hand; the log tells both."""
    newest = ["s3api", "list-objects-v2", "--bucket", "ai-trading-backups", "--prefix", "postgres/"]
    newest += ["--query", "max_by(Contents,&LastModified).LastModified", "--output", "text"]
    before = storage.aws(state, newest).out
    troubles.fail_backup(state)
    assert storage.aws(state, newest).out < before
    backup = troubles.backup_of(state, "postgres")
    assert backup.last_exit_code.at(state.now) == 1
    assert "exit code 1" in backup.log[-1]
    dumped = storage.backup_postgres(state, [])
    assert (dumped.code, dumped.next) == (0, ("--upload",))
    assert storage.aws(state, newest).out < before, "nothing is uploaded before the dump is done"
    result = storage.backup_postgres(state, dumped.next)
    assert (result.code, "exit code 0" in result.out) == (0, True)
    assert storage.aws(state, newest).out.strip() == state.now.replace(microsecond=0).isoformat()


def test_listing_a_bucket_without_permission(state: PlatformState) -> None:
    """A refused listing is AccessDenied with the real exit status, and a backup cannot be uploaded then."""
    state.faults.unauthorized("aws")
    result = storage.aws(state, ["s3", "ls", f"{storage.BUCKET}postgres/"])
    assert (result.code, "AccessDenied" in result.err) == (254, True)
    assert storage.backup_redis(state, ["--upload"]).code == 1


def test_an_empty_listing_is_exit_1(state: PlatformState) -> None:
    """`aws s3 ls` on a prefix without objects prints nothing and fails."""
    result = storage.aws(state, ["s3", "ls", f"{storage.BUCKET}nothing/"])
    assert (result.code, result.out) == (1, "")
