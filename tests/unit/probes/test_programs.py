"""What is read of PM2, Docker, Kubernetes, Helm, backups, nginx, systemd and log files."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.health import Status
from bot.errors import AtsError, RejectedError, ServerError, UnauthorizedError, UnreachableError
from bot.probes import app_log, backup_logs, backups, containers, gateway, helm, kubernetes, nginx, pm2, systemd
from tests.unit.probes.reading import NOW, read, told


def app(name: str, status: str = "online", **env: Any) -> dict[str, Any]:
    secrets = {"DATABASE_URL": "postgres://a:geheim@db/x", "env": {"API_KEY": "geheim"}}
    return {
        "name": name,
        "pid": 1,
        "pm_id": 1,
        "pm2_env": {"status": status, "restart_time": 0, **secrets, **env},
    }


LATE = {"Event Loop Latency p95": {"value": "311.00", "unit": "ms"}}


@pytest.mark.parametrize(
    ("apps", "status", "value"),
    [
        ([app("api", restart_time=2), app("worker")], "ok", "2 of 2 online, 2 restarts in all"),
        ([app("api"), {**app("worker"), "monit": {"memory": 536_870_912, "cpu": 3}}], "ok",
         "2 of 2 online, 0 restarts in all, most memory: worker 512.0 MB"),
        ([app("api", restart_time=1)], "ok", "1 of 1 online, 1 restart in all"),
        ([app("api"), app("signal-worker", "errored", restart_time=7, exit_code=1)], "critical",
         "signal-worker errored (7 restarts, exit code 1); 1 of 2 online, 7 restarts in all"),
        ([app("api", "stopped")], "warning", "api stopped (0 restarts); 0 of 1 online, 0 restarts in all"),
        ([app("api", "waiting restart", restart_time=16)], "warning",
         "api waiting restart (16 restarts); 0 of 1 online, 16 restarts in all"),
        ([app("api", restart_time=9, unstable_restarts=3)], "warning",
         "api is unstable (9 restarts); 1 of 1 online, 9 restarts in all"),
        ([app("api", axm_monitor=LATE)], "warning",
         "api's event loop is late by 311 ms (p95); 1 of 1 online, 0 restarts in all"),
        ([app(f"a{n}", "stopped") for n in range(7)], "warning",
         "; ".join([*(f"a{n} stopped (0 restarts)" for n in range(5)), "2 more", "0 of 7 online, 0 restarts in all"])),
        ([], "warning", "no applications"),
    ],
)  # fmt: skip
def test_pm2(apps: list[dict[str, Any]], status: str, value: str) -> None:
    """Errored is critical, anything else not online a warning; an empty list is suspicious; no environment is shown."""
    readings = read("pm2", pm2.parse(json.dumps(apps)))
    assert told(readings) == [("PM2", status, value)]
    assert "geheim" not in repr(readings)


@pytest.mark.parametrize(
    ("count", "looks", "status", "value"),
    [
        (9, [], "ok", "1 of 1 online, 9 restarts in all"),
        (9, [(4, 9)], "ok", "1 of 1 online, 9 restarts in all"),
        (9, [(4, 8)], "ok", "1 of 1 online, 9 restarts in all"),
        (9, [(4, 7)], "warning", "api restarted 2 times within 4 min; 1 of 1 online, 9 restarts in all"),
        (9, [(4, 6)], "warning", "api restarted 3 times within 4 min; 1 of 1 online, 9 restarts in all"),
        (9, [(4, 5)], "critical", "api restarted 4 times within 4 min; 1 of 1 online, 9 restarts in all"),
        (9, [(30, 1), (4, 9)], "ok", "1 of 1 online, 9 restarts in all"),
        (0, [(4, 16)], "ok", "1 of 1 online, 0 restarts in all (counted anew: api)"),
        (5, [(4, 16)], "critical",
         "api restarted 5 times within 4 min; 1 of 1 online, 5 restarts in all (counted anew: api)"),
    ],
)  # fmt: skip
def test_pm2_restarts_in_a_window(
    count: int, looks: list[tuple[float, float]], status: str, value: str
) -> None:
    """More than three restarts in five minutes are critical, wherever the counter stands, and if it fell."""
    apps = pm2.parse(json.dumps([app("api", restart_time=count)]))
    (reading,) = read("pm2", apps, history={"PM2 api restarts": looks})
    assert told([reading]) == [("PM2", status, value)]
    assert reading.figures == (("PM2 api restarts", float(count)),)


def test_instances_of_a_cluster_count_together() -> None:
    """Two instances of one name have one counter, that of both."""
    apps = pm2.parse(json.dumps([app("api", restart_time=2), app("api", restart_time=3)]))
    assert read("pm2", apps)[0].figures == (("PM2 api restarts", 5.0),)


def test_pm2_banner_before_the_list() -> None:
    """A banner before the JSON, a warning after it, or pretty-printed JSON, does not matter; no list at all does."""
    banner = "\n>>>> In-memory PM2 is out-of-date, do:\n[PM2] Spawning PM2 daemon\n"
    assert pm2.parse(banner + json.dumps([app("api")], indent=2) + "\n[PM2][WARN] x\n")[0].name == "api"
    for text in ("", "nothing here", "[PM2] only talk", "[broken", "[1, 2]"):
        with pytest.raises(ServerError, match="did not print its list"):
            pm2.parse(text)


@pytest.mark.parametrize(
    ("fields", "status", "value"),
    [
        ("/loki|running|0|false|0|healthy", "ok", "1 of 1 container running"),
        (
            "/loki|running|0|false|3|",
            "warning",
            "loki restarted 1 time within 30 min; 1 of 1 container running",
        ),
        (
            "/loki|running|0|false|6|",
            "critical",
            "loki restarted 4 times within 30 min; 1 of 1 container running",
        ),
        ("/loki|exited|137|true|2|", "critical", "loki was killed for memory (137); 0 of 1 container running"),
        ("/loki|exited|137|false|2|", "ok", "0 of 1 container running"),
        ("/loki|restarting|1|false|2|", "critical", "loki restarting (1); 0 of 1 container running"),
        ("/loki|running|0|false|2|unhealthy", "critical", "loki is unhealthy; 1 of 1 container running"),
        ("", "ok", "none"),
    ],
)
def test_containers(fields: str, status: str, value: str) -> None:
    """Kills for memory, restart loops, health, and restarts since the looks before."""
    history = {"Container loki restarts": [(30.0, 2.0)]}
    assert told(read("containers", containers.parse(fields), history=history)) == [
        ("Docker containers", status, value)
    ]


def test_an_inspection_that_is_none() -> None:
    """Output that is not what was asked for is said, not guessed at."""
    with pytest.raises(ServerError, match="did not print what was asked for"):
        containers.parse("Error response from daemon")


def pod(
    name: str = "api-1", *, ready: bool = True, phase: str = "Running", restarts: int = 0, **more: Any
) -> Any:
    container = {"name": "c", "ready": ready, "restartCount": restarts, "state": {"running": {}}, **more}
    return {"metadata": {"name": name}, "status": {"phase": phase, "containerStatuses": [container]}}


CRASHING: Any = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
}
CREATING: Any = {"state": {"waiting": {"reason": "ContainerCreating"}}}


@pytest.mark.parametrize(
    ("pods", "status", "value"),
    [
        ([pod(), pod("b")], "ok", "2 of 2 pods ready"),
        ([pod(ready=False, restarts=3, **CRASHING), pod("b")], "critical",
         "api-1 CrashLoopBackOff (3 restarts, last exit code 137 (OOMKilled)); 1 of 2 pods ready"),
        ([pod(ready=False, phase="Pending", **CREATING)], "warning",
         "api-1 is not ready (ContainerCreating, 0 restarts); 0 of 1 pod ready"),
        ([pod(ready=False, phase="Failed")], "critical", "api-1 Failed (0 restarts); 0 of 1 pod ready"),
        ([pod(ready=False, phase="Succeeded"), pod("b")], "ok", "1 of 1 pod ready"),
        ([pod(restarts=2)], "warning", "api-1 restarted 2 times within 30 min; 1 of 1 pod ready"),
        ([{"metadata": {"name": "x"}, "status": {"phase": "Pending"}}], "warning",
         "x is not ready (Pending, 0 restarts); 0 of 1 pod ready"),
        ([], "warning", "no pods in trading"),
    ],
)  # fmt: skip
def test_pods(pods: list[Any], status: str, value: str) -> None:
    """A reason to wait other than the creation is critical, with the last exit code; not ready is a warning."""
    found = kubernetes.parse(json.dumps({"items": pods}))
    history = {"Pod api-1 restarts": [(30.0, 0.0)]} if pods == [pod(restarts=2)] else {}
    assert told(read("kubernetes", found, history=history)) == [("Kubernetes pods", status, value)]


def deployment(name: str = "ats-api", *, updated: int = 2, available: int = 2, **more: Any) -> dict[str, Any]:
    status = {"updatedReplicas": updated, "availableReplicas": available, "observedGeneration": 3, **more}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "generation": 3},
        "spec": {"replicas": 2, "paused": bool(more.get("paused"))},
        "status": status,
    }


STUCK = [
    {"type": "Available", "status": "True"},
    {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
]


@pytest.mark.parametrize(
    ("items", "status", "value"),
    [
        ([deployment()], "ok", "1 of 1 deployment rolled out; 1 of 1 pod ready"),
        ([deployment(updated=1), deployment("b")], "warning",
         "the rollout of ats-api is under way: 1 of 2 updated; 1 of 2 deployments rolled out; 1 of 1 pod ready"),
        ([deployment(observedGeneration=2)], "warning",
         "the rollout of ats-api is under way: 2 of 2 updated; 0 of 1 deployment rolled out; 1 of 1 pod ready"),
        ([deployment(available=1)], "warning",
         "ats-api: 1 of 2 available; 0 of 1 deployment rolled out; 1 of 1 pod ready"),
        ([deployment(updated=1, paused=True)], "warning",
         "the rollout of ats-api is paused: 1 of 2 updated; 0 of 1 deployment rolled out; 1 of 1 pod ready"),
        ([deployment(updated=1, conditions=STUCK)], "critical",
         ("the rollout of ats-api has failed (ProgressDeadlineExceeded): 1 of 2 updated; 0 of 1 deployment rolled out; "
         "1 of 1 pod ready")),
    ],
)  # fmt: skip
def test_rollouts(items: list[Any], status: str, value: str) -> None:
    """A rollout that has failed is critical; one under way, paused or short of pods a warning, with how far it is."""
    found = kubernetes.parse(json.dumps({"items": [{"kind": "Pod", **pod()}, *items]}))
    assert told(read("kubernetes", found)) == [("Kubernetes pods", status, value)]


def event(minutes_ago: float, reason: str = "BackOff", **more: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")
    about = {"kind": "Pod", "name": "api-1"}
    return {"reason": reason, "message": "restarting\nfailed container", "lastTimestamp": at, "count": 4,
            "involvedObject": about, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("items", "status", "value"),
    [
        ([], "ok", "1 of 1 pod ready"),
        ([event(20)], "ok", "1 of 1 pod ready"),
        ([event(1)], "warning",
         "event BackOff × 4 (Pod api-1, 60 s ago): restarting failed container; 1 of 1 pod ready"),
        ([event(3), event(2, "Unhealthy"), event(1, "FailedMount", count=None)], "warning",
         ("event FailedMount (Pod api-1, 60 s ago): restarting failed container; event Unhealthy × 4 (Pod api-1, "
         "2 min ago): restarting failed container; 1 more warning event in 15 min; 1 of 1 pod ready")),
        ([event(0, lastTimestamp=None, series={"count": 9, "lastObservedTime": "2026-11-27T03:18:30.000000Z"})],
         "warning", "event BackOff × 9 (Pod api-1, 90 s ago): restarting failed container; 1 of 1 pod ready"),
    ],
)  # fmt: skip
def test_warning_events(items: list[Any], status: str, value: str) -> None:
    """Kubernetes' warnings of the last quarter of an hour are told, the newest first; old ones are not."""
    look = kubernetes.Look(kubernetes.parse(json.dumps({"items": [pod()]})).pods,
                           events=kubernetes.warned(json.dumps({"items": items})))  # fmt: skip
    assert told(read("kubernetes", look)) == [("Kubernetes pods", status, value)]


def test_what_a_role_may_not_list_is_said_and_spoils_nothing() -> None:
    """Pods are judged though events are forbidden."""
    look = kubernetes.Look(
        kubernetes.parse(json.dumps({"items": [pod()]})).pods, untold=("events: no permission: x",)
    )
    expected = [("Kubernetes pods", "ok", "not told: events: no permission: x; 1 of 1 pod ready")]
    assert told(read("kubernetes", look)) == expected


@pytest.mark.parametrize(
    ("said", "kind", "begins"),
    [
        ("The connection to the server 127.0.0.1:6443 was refused", UnreachableError, "refused: the cluster does not"),
        ("Error: Kubernetes cluster unreachable: x", UnreachableError, "refused: the cluster does not answer"),
        ("Error from server (Forbidden): pods is forbidden", UnauthorizedError, "no permission: Error from server"),
        ("error: You must be logged in to the server", UnauthorizedError, "no permission"),
        ("Error: release: not found", ServerError, "`helm history` ended with 1: Error: release: not found"),
    ],
)  # fmt: skip
def test_cluster_refusals(said: str, kind: type[AtsError], begins: str) -> None:
    """What kubectl and helm say instead of an answer becomes the right error."""
    error = kubernetes.refusal(1, said, "helm history")
    assert type(error) is kind
    assert str(error).startswith(begins)


def revision(number: int, status: str, **more: Any) -> dict[str, Any]:
    return {
        "revision": number,
        "status": status,
        "chart": f"ats-1.{number}",
        "updated": "2026-11-27T03:00:00Z",
        **more,
    }


@pytest.mark.parametrize(
    ("rows", "status", "value"),
    [
        ([revision(1, "superseded"), revision(2, "deployed")], "ok", "revision 2 (ats-1.2) deployed, 20 min ago"),
        ([revision(2, "deployed"), revision(3, "failed", description="timed out")], "critical",
         "revision 3 (ats-1.3) failed, 20 min ago: timed out; revision 2 (ats-1.2) is deployed"),
        ([revision(3, "pending-upgrade")], "critical", "revision 3 (ats-1.3) pending-upgrade, 20 min ago: stuck"),
        ([revision(3, "pending-upgrade", updated="2026-11-27T03:19:00+00:00")], "warning",
         "revision 3 (ats-1.3) pending-upgrade, 60 s ago"),
        ([revision(3, "deployed", updated="Mon Nov 3")], "ok", "revision 3 (ats-1.3) deployed"),
        ([], "warning", "no revisions"),
    ],
)  # fmt: skip
def test_helm(rows: list[dict[str, Any]], status: str, value: str) -> None:
    """The last revision decides: failed or stuck is critical, and what runs meanwhile is said."""
    assert told(read("helm", helm.parse(json.dumps(rows)))) == [("Helm release", status, value)]


def stored(day: int, size: int) -> dict[str, Any]:
    return {"Key": f"postgres/db_{day}.dump", "LastModified": f"2026-11-{day}T02:04:00+00:00", "Size": size}


@pytest.mark.parametrize(
    ("rows", "status", "value"),
    [
        ([stored(26, 100), stored(27, 101)], "ok",
         "newest 76 min old (db_27.dump, 101 bytes); 101 % of the size of the one before"),
        ([stored(27, 101), stored(26, 100)], "ok",
         "newest 76 min old (db_27.dump, 101 bytes); 101 % of the size of the one before"),
        ([stored(26, 100), stored(27, 79)], "warning",
         "79 % of the size of the one before; newest 76 min old (db_27.dump, 79 bytes)"),
        ([stored(26, 100), stored(27, 49)], "critical",
         "49 % of the size of the one before; newest 76 min old (db_27.dump, 49 bytes)"),
        ([stored(26, 100), stored(27, 0)], "critical", "it is empty; newest 76 min old (db_27.dump, 0 bytes)"),
        ([stored(27, 5)], "ok", "newest 76 min old (db_27.dump, 5 bytes)"),
        ([stored(25, 100), stored(26, 100)], "ok",
         "newest 25.3 h old (db_26.dump, 100 bytes); 100 % of the size of the one before"),
        ([stored(25, 100)], "warning", "newest 2 days old (db_25.dump, 100 bytes)"),
        ([stored(24, 100)], "critical", "newest 3 days old (db_24.dump, 100 bytes)"),
        ([], "critical", "there is none"),
    ],
)  # fmt: skip
def test_backups(rows: list[dict[str, Any]], status: str, value: str) -> None:
    """Age of the newest, and its size against the one before: a listing alone proves nothing."""
    kind = backups.Kind("postgres/", backups.parse(json.dumps(rows)))
    assert told(read("backups", [kind])) == [("Backup postgres", status, value)]


def test_one_kind_does_not_hide_the_other() -> None:
    """A prefix that cannot be listed is unknown in its own words, beside the one that can."""
    kinds = (backups.Kind("postgres/", trouble="no credentials: x"), backups.Kind("redis/"))
    assert told(read("backups", kinds)) == [
        ("Backup postgres", "unknown", "no credentials: x"),
        ("Backup redis", "critical", "there is none"),
    ]


@pytest.mark.parametrize(
    ("said", "kind", "begins"),
    [
        (
            "Unable to locate credentials. You can configure …",
            UnauthorizedError,
            "no credentials on the target (",
        ),
        (
            "An error occurred (AccessDenied) when calling …: Access Denied",
            UnauthorizedError,
            "no permission: ",
        ),
        ("An error occurred (ExpiredToken) when calling …", UnauthorizedError, "the credentials are refused: "),
        ("An error occurred (NoSuchBucket) when calling …", RejectedError, "there is no such bucket: "),
        ('Could not connect to the endpoint URL: "https://x/"', UnreachableError, "S3 does not answer: "),
        ("odd", ServerError, "`aws s3api` ended with 254: odd"),
    ],
)
def test_refusals_of_aws(said: str, kind: type[AtsError], begins: str) -> None:
    """What the AWS CLI says instead of an answer becomes the right error."""
    error = backups.refusal(254, said)
    assert type(error) is kind
    assert str(error).startswith(begins)


def test_shapes_that_are_not_known() -> None:
    """JSON of another shape, or no JSON, is said."""
    for text in ('[{"Key": 1}]', "not json"):
        with pytest.raises(ServerError, match="Run it by hand"):
            backups.parse(text)
    with pytest.raises(ServerError, match="did not print JSON"):
        kubernetes.parse("No resources found")
    with pytest.raises(ServerError, match="of a shape that is not known"):
        kubernetes.parse('{"items": [{"status": [1]}]}')


@pytest.mark.parametrize(
    ("text", "status", "value"),
    [
        ("[x] Uploaded\n[x] Backup finished, exit code 0\n", "ok",
         "the last run ended with 0: [x] Backup finished, exit code 0"),
        ("exit code 0\n[y] ERROR upload failed\n[y] Backup failed, exit code 1\n", "warning",
         "the last run ended with 1: [y] Backup failed, exit code 1"),
        ("pg_dump: error: connection refused\n\n", "warning",
         "the last run says: pg_dump: error: connection refused"),
        ("Upload completed\n", "ok", "Upload completed"),
        ("starting\n", "unknown", "it tells of no run"),
        ("", "unknown", "it tells of no run"),
    ],
)  # fmt: skip
def test_backup_logs(text: str, status: str, value: str) -> None:
    """The last run's exit code, else its last words that are good or bad."""
    assert told(read("backup-logs", [backup_logs.Log("a.log", text)])) == [("Log a.log", status, value)]


def test_backup_logs_that_cannot_be_read() -> None:
    """A log that is not there is absent; one that may not be read is unknown."""
    logs = (
        backup_logs.Log("a", trouble="tail: No such file", missing=True),
        backup_logs.Log("b", trouble="Permission denied"),
    )
    readings = read("backup-logs", logs)
    assert [(r.absent, r.status) for r in readings] == [(True, Status.UNKNOWN), (False, Status.UNKNOWN)]
    assert readings[1].value == "no permission: Permission denied"


DENIED = (
    'nginx: [alert] could not open error log file: open() "/var/log/nginx/error.log" failed (13: Permission denied)\n'
    '2026/11/27 [emerg] 7#7: open() "/run/nginx.pid" failed (13: Permission denied)\n'
)
BAD = 'nginx: [emerg] unknown directive "x" in /etc/nginx/nginx.conf:3\nnginx: configuration file test failed\n'


@pytest.mark.parametrize(
    ("test", "status", "value"),
    [
        (nginx.Test(0, ""), "ok", "the configuration is good"),
        (nginx.Test(0, "", "Active connections: 12 \nserver accepts"), "ok",
         "the configuration is good; 12 active connections"),
        (nginx.Test(0, "", unheard="refused: x"), "warning", "its status page: refused: x; the configuration is good"),
        (nginx.Test(1, DENIED), "unknown", "no permission to test the configuration as this user"),
        (nginx.Test(1, "sudo: a password is required\n"), "unknown",
         "no permission to test the configuration as this user"),
        (nginx.Test(1, BAD), "critical",
         'the configuration is bad: unknown directive "x" in /etc/nginx/nginx.conf:3'),
        (nginx.Test(1, DENIED + BAD), "critical",
         'the configuration is bad: unknown directive "x" in /etc/nginx/nginx.conf:3'),
        (nginx.Test(7, "odd"), "warning", "the test ended with 7: odd"),
    ],
)  # fmt: skip
def test_nginx(test: nginx.Test, status: str, value: str) -> None:
    """A missing permission is not a bad configuration, and does not hide one."""
    assert told(read("nginx", test)) == [("nginx", status, value)]


def unit(active: str = "active", sub: str = "running", loaded: str = "loaded", **more: str) -> str:
    rows = {
        "LoadState": loaded,
        "ActiveState": active,
        "SubState": sub,
        "Result": "success",
        "NRestarts": "0",
        **more,
    }
    return "".join(f"{k}={v}\n" for k, v in rows.items())


@pytest.mark.parametrize(
    ("text", "status", "value"),
    [
        (f"{unit()}\n{unit()}", "ok", "redis active (running); nginx active (running)"),
        (f"{unit(NRestarts='2')}\n{unit('inactive', 'dead', 'not-found')}", "ok",
         "redis active (running, 2 restarts); not here: nginx"),
        (f"{unit('failed', 'failed', Result='exit-code')}\n{unit()}", "critical",
         "redis failed (failed): exit-code; nginx active (running)"),
        (f"{unit('inactive', 'dead', UnitFileState='enabled')}\n{unit('inactive', 'dead')}", "warning",
         "redis inactive (dead); nginx inactive (dead), not enabled"),
        (f"{unit('activating', 'auto-restart')}\n{unit()}", "warning",
         "redis activating (auto-restart); nginx active (running)"),
    ],
)  # fmt: skip
def test_systemd(text: str, status: str, value: str) -> None:
    """Failed is critical, an enabled unit that does not run a warning; one that does not exist here is named only."""
    assert told(read("systemd", systemd.parse(text, ("redis", "nginx")))) == [("systemd units", status, value)]


def test_systemd_without_any_of_the_units() -> None:
    """None of the units here: absent, no alarm."""
    (reading,) = read("systemd", systemd.parse(unit("inactive", "dead", "not-found"), ("redis",)))
    assert (reading.absent, reading.value) == (True, "no such unit here: redis")
    with pytest.raises(ServerError, match="did not print what was asked for"):
        systemd.parse("odd", ("redis",))


def entry(ago: str, text: str) -> str:
    return f"2026-11-27T{ago}.000Z [ERROR] [api] {text}"


@pytest.mark.parametrize(
    ("lines", "status", "value"),
    [
        ([], "ok", "0 lines with errors in 15 min"),
        ([entry("01:19:00", "old"), entry("03:19:00", "Boom failed")], "ok",
         "1 line with errors in 15 min; the newest (60 s ago): [ERROR] [api] Boom failed"),
        ([entry("03:19:00", "x")] * 6, "warning",
         "6 lines with errors in 15 min; the newest (60 s ago): [ERROR] [api] x"),
        (["error without a time"] * 51, "critical",
         "51 lines with errors in 15 min; the newest: error without a time"),
        (["2026-11-27 03:19:00,123 Unauthorized"] * 2, "ok",
         "2 lines with errors in 15 min; 2 of them unauthorized; the newest (60 s ago): Unauthorized"),
        (["error " + "y" * 400], "ok", f"1 line with errors in 15 min; the newest: error {'y' * 153}…"),
    ],
)  # fmt: skip
def test_application_log(lines: list[str], status: str, value: str) -> None:
    """Errors of the last minutes are counted and the newest is shown; a line without a time counts as new."""
    assert told(read("log", app_log.Tail(tuple(lines)))) == [("Application log", status, value)]


def test_many_refusals_are_a_question_of_security() -> None:
    """Refused again and again: the hint leads to the breach procedure."""
    lines = tuple(entry("03:19:00", "UNAUTHORIZED: token") for _ in range(8))
    assert "Suspected Breach" in read("log", app_log.Tail(lines))[0].hint


def test_times_of_log_lines() -> None:
    """Several ways to write a time are understood, and what only looks like one is not."""
    assert [app_log.stamp(row) for row in ("[2026-11-27 03:20:00] x", "2026-11-27T04:20:00+01:00 x")] == [
        NOW,
        NOW,
    ]
    assert app_log.stamp("2026-99-99T03:20:00Z x") is None
    assert app_log.stamp("no time") is None


def served(*codes: int, ago: float = 1) -> str:
    at = NOW - timedelta(minutes=ago)
    rows = [
        f'127.0.0.1 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET /a\\"b HTTP/1.1" {code} 12 "-" "-"'
        for code in codes
    ]
    return "\n".join(["==> /a <==", *rows, ""])


COMPLAINT = (
    "==> /e <==\n2026/11/27 03:20:00 [error] 8#8: *51 connect() failed (111: Connection refused) while connecting to "
    "upstream, client: 127.0.0.1, server: _\n"
)


@pytest.mark.parametrize(
    ("printed", "said", "status", "value"),
    [
        (served(*[200] * 99, 404), "", "ok", "0.0 % of 100 requests in 5 min answered 5xx"),
        (served(*[200] * 99, 500), "", "ok", "1.0 % of 100 requests in 5 min answered 5xx"),
        (served(*[200] * 97, 500, 502, 502), "", "warning",
         "3.0 % of 100 requests in 5 min answered 5xx (500 × 1, 502 × 2); the configuration is good"),
        (served(*[200] * 90, *[502] * 10) + COMPLAINT, "", "critical",
         ("10.0 % of 100 requests in 5 min answered 5xx (502 × 10); its error log: connect() failed (111: Connection "
         "refused) while connecting to upstream; the configuration is good")),
        (served(200, 502), "", "warning", "50.0 % of 2 requests in 5 min answered 5xx (502 × 1); the configuration is"),
        (served(502, ago=9), "", "ok", "no requests in 5 min"),
        ("==> /a <==\nodd\n", "", "ok", "no requests in 5 min"),
        (COMPLAINT, "tail: cannot open '/a' for reading: Permission denied", "ok",
         "its share of 5xx is not known: no permission to read /a"),
        ("", "tail: cannot open '/a' for reading: No such file or directory", "ok",
         "its share of 5xx is not known: there is no /a"),
    ],
)  # fmt: skip
def test_the_share_of_5xx(printed: str, said: str, status: str, value: str) -> None:
    """The answers of the last minutes; with few requests one is a warning; the cause is nginx's own complaint."""
    test = nginx.Test(0, "", logs=gateway.logs(printed, said, "/a"))
    ((_, word, shown),) = told(read("nginx", test))
    assert word == status
    assert shown.removeprefix("the configuration is good; ").startswith(value)
