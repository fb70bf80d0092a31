"""nginx, systemd, and what is confirmed without being done."""

import json
from collections.abc import Callable

import pytest

from sandbox.platform import cluster, docker, garbage, host, pm2, prometheus, storage, troubles
from sandbox.platform.faults import GARBLES, Faults
from sandbox.platform.shell import Result
from sandbox.platform.state import PlatformState


def test_nginx_tells_a_bad_configuration_from_a_missing_permission(state: PlatformState) -> None:
    """As the real one: exit 1 for both, in different words; quiet when all is well and -q is given."""
    assert host.nginx(state, ["-t", "-q"]) == Result()
    assert "test is successful" in host.nginx(state, ["-t"]).err
    state.machine.nginx_denied = True
    denied = host.nginx(state, ["-t", "-q"])
    assert (denied.code, "(13: Permission denied)" in denied.err) == (1, True)
    state.machine.nginx_error = 'unknown directive "x"'
    bad = host.nginx(state, ["-t", "-q"])
    assert (bad.code, '[emerg] unknown directive "x" in /etc/nginx/nginx.conf' in bad.err) == (1, True)
    assert host.nginx(state, ["-s", "reload"]).code == 64


def test_units_are_shown_and_changed(state: PlatformState) -> None:
    """A stopped unit is inactive, and Redis really refuses then; starting it brings it back."""
    shown = host.systemctl(state, ["show", "redis", "gone", "-p", "Id,ActiveState", "--no-pager"]).out
    assert [block.splitlines()[2] for block in shown.split("\n\n")] == [
        "ActiveState=active",
        "ActiveState=inactive",
    ]
    assert host.systemctl(state, ["stop", "redis"]).code == 0
    assert state.faults.of("redis").down
    status = host.systemctl(state, ["status", "redis"])
    assert (status.code, "Active: inactive (dead)" in status.out) == (3, True)
    host.systemctl(state, ["start", "redis"])
    assert not state.faults.of("redis").down
    assert host.systemctl(state, ["status", "gone"]).code == 4
    state.faults.down("systemctl")
    refused = host.systemctl(state, ["show", "redis", "-p", "Id"])
    assert (refused.code, "not been booted with systemd" in refused.err) == (1, True)


def _restarts(state: PlatformState) -> object:
    return [a.restarts.at(state.now) for a in state.apps]


@pytest.mark.parametrize(
    ("system", "act", "look"),
    [
        ("pm2", lambda s: pm2.run(s, ["restart", "ecosystem.config.cjs"]), _restarts),
        ("docker", lambda s: docker.run(s, ["restart", "loki"]), lambda s: s.container("loki").started),
        (
            "helm",
            lambda s: cluster.helm(s, ["rollback", "ats", "1", "-n", "trading"]),
            lambda s: len(s.revisions),
        ),
        (
            "aws",
            lambda s: storage.backup_postgres(s, ["--upload"]),
            lambda s: max(o.modified for o in s.backups[0].objects),
        ),
        ("systemctl", lambda s: host.systemctl(s, ["stop", "redis"]), lambda s: s.machine.units[0].active),
    ],
)
def test_deaf_programs_confirm_and_do_nothing(
    state: PlatformState,
    system: str,
    act: Callable[[PlatformState], Result],
    look: Callable[[PlatformState], object],
) -> None:
    """Exit status 0 and the usual words, and nothing is different: only verifying afterwards tells."""
    state.faults.deaf(system)
    before = look(state)
    assert act(state).code == 0
    assert look(state) == before
    state.faults.up(system)
    assert act(state).code == 0
    assert look(state) != before


def test_another_users_pm2_is_empty_with_status_0(state: PlatformState) -> None:
    """The wrong user sees an empty list, and no error."""
    state.pm2_of_another_user = True
    assert pm2.run(state, ["jlist", "--silent"]) == Result("[]\n")
    assert "signal-worker" not in pm2.run(state, ["status"]).out


def test_named_fields_of_containers(state: PlatformState) -> None:
    """One line for each container, by id; any other template than the one that is known is refused."""
    ids = docker.run(state, ["ps", "-aq", "--no-trunc"]).out.split()
    told = docker.run(state, ["inspect", "--type", "container", "--format", docker._FIELDS, *ids])
    assert told.out.splitlines()[2] == "/loki|running|0|false|0|"
    assert docker.run(state, ["inspect", "--format", "{{json .}}", ids[0]]).code == 64
    gone = docker.run(state, ["inspect", "--format", docker._FIELDS, "nobody"])
    assert (gone.code, "No such container: nobody" in gone.err) == (1, True)


def test_the_newest_objects_and_their_sizes(state: PlatformState) -> None:
    """The three newest, oldest first, as the AWS CLI's query gives them; no credentials are said."""
    asked = [
        "s3api",
        "list-objects-v2",
        "--bucket",
        "ai-trading-backups",
        "--prefix",
        "redis/",
        "--output",
        "json",
    ]
    asked += [
        "--query",
        "sort_by(Contents || `[]`, &LastModified)[-3:].{Key: Key, LastModified: LastModified, Size: Size}",
    ]
    rows = json.loads(storage.aws(state, asked).out)
    assert len(rows) == 3
    assert [r["LastModified"] for r in rows] == sorted(r["LastModified"] for r in rows)
    state.aws_credentials = False
    assert "Unable to locate credentials" in storage.aws(state, asked).err


@pytest.mark.parametrize(
    ("trouble", "alert"),
    [
        (troubles.crash_loop, "PM2HighRestartRate"),
        (troubles.exhaust_pool, "DatabasePoolExhausted"),
        (troubles.exhaust_rate_gate, "RateGateExhaustion"),
        (troubles.lag_loki, "LokiIngestionLag"),
        (troubles.lose_money, "NegativeSharpe"),
        (troubles.slow_down, "HighApiLatency"),
        (troubles.fail_backup, "BackupFailure"),
    ],
)
def test_prometheus_fires_what_is_wrong(
    state: PlatformState, trouble: Callable[[PlatformState], None], alert: str
) -> None:
    """Each of the seven troubles fires its own alert at once, and none fires on a good day."""
    assert prometheus._alerts(state) == []
    trouble(state)
    assert [a["labels"]["alertname"] for a in prometheus._alerts(state)] == [alert]
    troubles.heal(state)
    assert alert not in [a["labels"]["alertname"] for a in prometheus._alerts(state)] or alert in {
        "PM2HighRestartRate", "RateGateExhaustion", "NegativeSharpe",  # they look back for some minutes
        "BackupFailure",  # until somebody runs it
    }  # fmt: skip


def test_garbage_is_what_it_is_called() -> None:
    """Ten megabytes are ten, binary is no text, and only what drips pauses."""
    assert len(garbage.data("huge")) > 10_000_000
    for kind in ("binary", "utf8"):
        with pytest.raises(UnicodeDecodeError):
            garbage.data(kind).decode()
    assert [kind for kind in GARBLES if garbage.pause(kind)] == ["drip"]
    with pytest.raises(ValueError, match='no way "nicely" to garble'):
        Faults().garble("api", "nicely")


def test_healing_takes_every_trouble_away(state: PlatformState) -> None:
    """Pods, containers, Redis, nginx, the password: all as on the first day; counters of rejected connections stay."""
    troubles.fail_release(state)
    troubles.kill_for_memory(state)
    state.redis.saving, state.redis.rejected = False, 7
    state.machine.nginx_error, state.grafana_default_password, state.clock_skew = "x", True, 40.0
    troubles.heal(state)
    assert all(pod.ready and not pod.waiting for pod in state.pods)
    assert not any(c.oom_killed for c in state.containers)
    assert (state.redis.saving, state.redis.rejected, state.machine.nginx_error) == (True, 7, "")
    assert (state.grafana_default_password, state.clock_skew) == (False, 0.0)
