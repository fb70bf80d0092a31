"""Every probe against the sandbox's platform: its documented endpoints and programs, well and broken."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.health import Reading, Sample, Status, figures
from bot.probes import PROBES, Context, ProbeSettings, examine
from bot.store import embedded
from bot.targets import Target, TargetSettings
from runbook import shipped_path
from runbook.model import BaselineRow
from sandbox.clock import SandboxClock
from sandbox.platform import REDIS_PASSWORD, Platform, troubles
from sandbox.platform.faults import GARBLES, HTTP_SYSTEMS, PROGRAMS, SYSTEMS
from sandbox.platform.model import Unit
from tests.integration.probes.conftest import only, programs_left, until

HOST = ("Disk /", "Disk /var", "Disk /tmp", "Memory", "CPU")  # those of the machine that the tests run on
ABSENT = ("Slow statements", "TimescaleDB", "Certificates")  # not in the embedded PostgreSQL; nothing is https
WELL = frozenset(
    {
        "Trading API", "API response time (p95)", "Trading performance", "API memory", "Models", "WebSocket",
        "Rate gate", "Rate gate quotas", "PostgreSQL", "PostgreSQL sessions", "Redis", "Redis memory",
        "Redis persistence", "PM2", "Docker services", "Docker containers", "Kubernetes pods", "Helm release", "Loki",
        "Prometheus", "Grafana", "MLflow", "Backup postgres", "Backup redis", "Log postgres-backup.log",
        "Log redis-backup.log", "nginx", "systemd units", "Application log", "Clocks",
    }
)  # fmt: skip


@dataclass
class Stage:
    """A platform, and a target that reaches it as the bot does."""

    platform: Platform
    target: Target
    clock: SandboxClock

    @property
    def context(self) -> Context:
        patient = {"websocket": {"warning_seconds": 60.0, "critical_seconds": 90.0}}  # the machine may be busy
        return Context(baseline(), self.clock.now(), settings=ProbeSettings(options=patient))

    async def look(
        self, *names: str, deadline: float = 60.0, context: Context | None = None
    ) -> dict[str, Reading]:
        """The readings by system; no names: of all."""
        report = await examine(self.target, context or self.context, only=names or None, deadline=deadline)
        return {r.system: r for r in report.readings}


def baseline() -> tuple[BaselineRow, ...]:
    """The shipped runbook's table, with room for a busy machine in the response time."""
    from bot.compile_child import compile_here

    rows = compile_here(shipped_path()).baseline
    slow = replace(rows[3].normal, value=60, unit="s"), replace(rows[3].alert, value=90, unit="s")
    return tuple(replace(r, normal=slow[0], alert=slow[1]) if "p95" in r.metric else r for r in rows)


def settings(environment: Mapping[str, str], **more: object) -> TargetSettings:
    """As the bot reads them."""
    given = {name.removeprefix("ATS_TARGET__").lower(): value for name, value in environment.items()}
    return TargetSettings(
        redis_url=given["redis_url"],
        api_token=given["api_token"],
        path=given["path"],
        rewrites=json.loads(given["rewrites"]),
        cwd=Path(given["cwd"]),
        env=json.loads(given["env"]),
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
async def stage(tmp_path: Path, postgres: embedded.EmbeddedPostgres) -> AsyncIterator[Stage]:
    clock = SandboxClock()
    platform = Platform(clock=clock, state_dir=tmp_path / "platform")
    await platform.start()
    target = Target(settings(platform.environment(), database_url=postgres.url))
    yield Stage(platform, target, clock)
    await target.close()
    await platform.close()


async def test_a_healthy_platform_is_all_well(stage: Stage) -> None:
    """On a good day every system of the runbook has a line that is ok, and says what is normal and by whose word."""
    found = await stage.look()
    assert set(found) == {*WELL, *HOST, *ABSENT}
    assert {s: (r.status, r.value) for s, r in found.items() if s in WELL and r.status is not Status.OK} == {}
    assert all(r.normal and r.source for r in found.values())
    assert {s for s, r in found.items() if r.absent} == set(ABSENT)
    assert "sandbox-" not in repr(found), "a password or token is shown"


async def test_looking_changes_nothing(stage: Stage) -> None:
    """Only reading programs were run, with nothing of the bot's own environment, and no request changed anything."""
    await stage.look()
    ran = {
        (call.what[0], *[word for word in call.what[1:3] if word[0] != "-"]) for call in stage.platform.calls
    }
    assert ran == {
        ("pm2", "jlist"), ("docker", "compose", "ps"), ("docker", "ps"), ("docker", "inspect"),
        ("kubectl", "get", "pods,deployments"),
        ("kubectl", "get", "events"), ("nginx-logs", "2000"),
        ("helm", "history", "ats"), ("aws", "s3api", "list-objects-v2"), ("nginx",),
        ("systemctl", "show", "redis"), ("LOGIN", "admin"),
    }  # fmt: skip
    names = {name for call in stage.platform.calls for name in call.environment}
    assert not {n for n in names if n.startswith(("ATS_", "SLACK_", "PAGERDUTY_"))}


Arrange = Callable[[Platform], object]


def faulty(kind: str, system: str, *values: object) -> Arrange:
    return lambda platform: getattr(platform.faults, kind)(system, *values)


def trouble(happens: Callable[..., object], *values: object) -> Arrange:
    return lambda platform: happens(platform.state, *values)


def sets(path: str, value: object) -> Arrange:
    """Set an attribute of the platform's state."""

    def arrange(platform: Platform) -> None:
        *owners, name = path.split(".")
        thing: object = platform.state
        for owner in owners:
            thing = getattr(thing, owner)
        setattr(thing, name, value)

    return arrange


def not_ready(platform: Platform) -> None:
    platform.state.loki_ready_at = platform.state.now + timedelta(minutes=1)


def unit_failed(platform: Platform) -> None:
    platform.state.machine.units[0] = Unit("redis", "failed", "failed", "exit-code", 5)


CASES: list[tuple[str, Arrange, str, str, str, str]] = [
    # a name, what happens, which probe, the line, its status, words in it
    ("api down", faulty("down", "api"), "api", "Trading API", "critical", "refused: nothing listens on 127.0.0.1:"),
    ("rotated token", faulty("unauthorized", "api"), "models", "Models", "warning", "401: the token is missing"),
    ("trading stopped", sets("trading.enabled", False), "api", "Trading API", "warning", "trading is disabled"),
    ("pool exhausted", trouble(troubles.exhaust_pool), "api", "Trading API", "critical", "503: the far side failed"),
    ("strategy loses", trouble(troubles.lose_money), "performance", "Trading performance", "critical", "drawdown 7."),
    ("model drifts", trouble(troubles.lose_money), "models", "Models", "warning", "drifting, drift 0.31"),
    ("slow api", trouble(troubles.slow_down), "performance", "API response time (p95)", "ok", "ms"),
    ("silent market", sets("market_silent", True), "websocket", "WebSocket", "warning", "no message came"),
    ("market down", faulty("down", "api"), "websocket", "WebSocket", "critical", "refused: nothing listens"),
    ("gate blocked", trouble(troubles.exhaust_rate_gate), "rate-gate", "Rate gate", "critical", "blocked: alpha"),
    ("quota used up", trouble(troubles.exhaust_rate_gate), "rate-gate", "Rate gate quotas", "critical", "100 % used"),
    ("gate down", faulty("down", "rate-gate"), "rate-gate", "Rate gate", "critical", "refused: nothing listens"),
    ("redis down", faulty("down", "redis"), "redis", "Redis", "critical", "refused: nothing listens"),
    ("redis NOAUTH", faulty("unauthorized", "redis"), "redis", "Redis", "critical", "NOAUTH: Redis asks"),
    ("redis MISCONF", sets("redis.saving", False), "redis", "Redis", "critical", "MISCONF Redis is configured to save"),
    ("redis not saving", sets("redis.saving", False), "redis", "Redis persistence", "critical", "last snapshot failed"),
    ("redis full", sets("redis.used", 2_100_000_000), "redis", "Redis memory", "critical", "98 % used (2.0 GB"),
    ("pm2 crash loop", trouble(troubles.crash_loop), "pm2", "PM2", "warning", "signal-worker waiting restart"),
    ("pm2 app errored", faulty("down", "api"), "pm2", "PM2", "critical", "trading-api errored"),
    ("pm2 of another user", sets("pm2_of_another_user", True), "pm2", "PM2", "warning", "no applications"),
    ("pm2 down", faulty("down", "pm2"), "pm2", "PM2", "critical", "`pm2 jlist` ended with 1: [PM2][ERROR] connect"),
    ("docker down", faulty("down", "docker"), "docker", "Docker services", "unknown", "the Docker daemon does not run"),
    ("engine down", faulty("down", "docker"), "containers", "Docker containers", "unknown", "daemon does not run"),
    ("container ended", faulty("down", "loki"), "docker", "Docker services", "critical", "loki exited (137)"),
    ("killed for memory", trouble(troubles.kill_for_memory), "containers", "Docker containers", "critical",
     "loki was killed for memory (137)"),
    ("crash loop of a pod", trouble(troubles.fail_release), "kubernetes", "Kubernetes pods", "critical",
     "CrashLoopBackOff (3 restarts, last exit code 3)"),
    ("release failed", trouble(troubles.fail_release), "helm", "Helm release", "critical",
     "revision 4 (ats-1.6.0) failed"),
    ("cluster down", faulty("down", "kubectl"), "kubernetes", "Kubernetes pods", "unknown", "cluster does not answer"),
    ("helm's cluster down", faulty("down", "helm"), "helm", "Helm release", "unknown", "cluster does not answer"),
    ("rollout stuck", sets("rollout_stuck", "ats-api"), "kubernetes", "Kubernetes pods", "critical",
     "the rollout of ats-api has failed (ProgressDeadlineExceeded): 1 of 2 updated"),
    ("cluster warns", sets("cluster_warnings", [("Pod ats-x", "FailedScheduling", "0/3 nodes")]), "kubernetes",
     "Kubernetes pods", "warning", "event FailedScheduling × 4 (Pod ats-x"),
    ("loki lags", trouble(troubles.lag_loki), "loki", "Loki", "critical", " s behind"),
    ("loki not ready", not_ready, "loki", "Loki", "critical", "not ready: 503: the far side"),
    ("loki down", faulty("down", "loki"), "loki", "Loki", "critical", "refused: nothing listens"),
    ("target down", faulty("down", "mlflow"), "prometheus", "Prometheus", "warning",
     "down: mlflow (connect: connection refused)"),
    ("alert fires", trouble(troubles.exhaust_pool), "prometheus", "Prometheus", "critical",
     "alert: DatabasePoolExhausted"),
    ("no such metric", sets("unmeasured", {"loki_ingestion_lag"}), "prometheus", "Prometheus", "warning",
     "no figures: loki_ingestion_lag"),
    ("prometheus down", faulty("down", "prometheus"), "prometheus", "Prometheus", "critical", "refused: nothing"),
    ("default password", sets("grafana_default_password", True), "grafana", "Grafana", "critical",
     "accepts the default password admin/admin"),
    ("grafana down", faulty("down", "grafana"), "grafana", "Grafana", "warning", "refused: nothing listens"),
    ("training failed", sets("training_failed", True), "mlflow", "MLflow", "warning", "is FAILED"),
    ("mlflow down", faulty("down", "mlflow"), "mlflow", "MLflow", "warning", "refused: nothing listens"),
    ("backup missing", trouble(troubles.fail_backup), "backups", "Backup postgres", "warning", "newest "),
    ("backup log", trouble(troubles.fail_backup), "backup-logs", "Log postgres-backup.log", "warning",
     "the last run ended with 1"),
    ("backup shrank", trouble(troubles.shrink_backup), "backups", "Backup postgres", "critical",
     "33 % of the size of the one before"),
    ("no credentials", sets("aws_credentials", False), "backups", "Backup redis", "unknown",
     "no credentials on the target (Unable to locate credentials"),
    ("no permission", faulty("unauthorized", "aws"), "backups", "Backup redis", "unknown", "no permission: An error"),
    ("S3 away", faulty("down", "aws"), "backups", "Backup redis", "unknown", "S3 does not answer"),
    ("nginx answers 502", sets("gateway_failing", 12), "nginx", "nginx", "critical",
     "12.0 % of 100 requests in 5 min answered 5xx (502 × 12); its error log: connect() failed (111"),
    ("nginx broken", sets("machine.nginx_error", 'unknown directive "x"'), "nginx", "nginx", "critical",
     'the configuration is bad: unknown directive "x"'),
    ("nginx as a user", sets("machine.nginx_denied", True), "nginx", "nginx", "unknown",
     "no permission to test the configuration"),
    ("unit failed", unit_failed, "systemd", "systemd units", "critical", "redis failed (failed, 5 restarts)"),
    ("no systemd", faulty("down", "systemctl"), "systemd", "systemd units", "unknown",
     "not installed: this host does not run systemd"),
    ("clock off", sets("clock_skew", 4550.0), "clocks", "Clocks", "critical", "localhost:8000 is 45"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("happens", "probe", "system", "status", "says"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
async def test_each_trouble_in_its_own_words(
    stage: Stage, happens: Arrange, probe: str, system: str, status: str, says: str
) -> None:
    """Each trouble is told in the right line, with the right status and words; its hint says what to do."""
    happens(stage.platform)
    if system == "Backup postgres" and status == "warning":  # whatever hour it is: 30 hours after the last one
        newest = max(o.modified for o in stage.platform.state.backups[0].objects)
        stage.clock.advance(max(newest + timedelta(hours=30) - stage.clock.now(), timedelta()))
    silent = stage.platform.state.market_silent  # nothing comes, however long one waits
    found = (await stage.look(probe, deadline=5.0 if silent else 60.0))[system]
    if system == "API response time (p95)":  # the test's table allows for a busy machine
        assert found.number is not None
        assert found.number > 2000
    else:
        assert (str(found.status), says in found.value) == (status, True), found.value
    assert found.status is Status.OK or found.hint
    assert found.absent == (system == "systemd units" and status == "unknown")


async def test_restarts_since_the_look_before(stage: Stage) -> None:
    """PM2's counters are told as restarts within five minutes, from the figures that the looks before have kept."""
    kept = figures((await stage.look("pm2")).values())
    troubles.crash_loop(stage.platform.state)
    stage.clock.advance(timedelta(minutes=4))
    history = {key: [Sample(stage.clock.now() - timedelta(minutes=4), value)] for key, value in kept.items()}
    found = (await stage.look("pm2", context=replace(stage.context, history=history)))["PM2"]
    assert found.status is Status.CRITICAL
    assert "signal-worker restarted 15 times within 4 min" in found.value
    troubles.reset_counters(stage.platform.state)
    found = (await stage.look("pm2", context=replace(stage.context, history=history)))["PM2"]
    assert found.status is Status.WARNING, "a counter that fell is no restart by itself"
    assert "counted anew: " in found.value


async def test_the_default_password_is_tried_once_an_hour(stage: Stage) -> None:
    """Grafana locks an account after a few wrong passwords: one attempt, whatever is asked meanwhile."""
    for _ in range(3):
        await asyncio.gather(stage.look("grafana"), stage.look("grafana"))
    assert [call.what for call in stage.platform.calls] == [("LOGIN", "admin")]


async def test_redis_with_its_password(stage: Stage) -> None:
    """With the right password the same Redis is well, and the password is in no line."""
    stage.platform.faults.unauthorized("redis")
    url = stage.platform.redis_url.replace("redis://", f"redis://:{REDIS_PASSWORD}@")
    target = Target(replace(stage.target.settings, redis_url=url))
    report = await examine(target, stage.context, only=["redis"], deadline=60)
    await target.close()
    assert [r.status for r in report.readings] == [Status.OK] * 3
    assert REDIS_PASSWORD not in repr(report)


async def test_tls_and_dns(stage: Stage) -> None:
    """An address that does not speak TLS, and a name that does not exist, are told as that."""
    rewrites = dict(stage.target.settings.rewrites)
    rewrites["http://localhost:3100"] = rewrites["http://localhost:3100"].replace("http", "https")
    rewrites["http://localhost:3000"] = "http://no.such.host.invalid"
    target = Target(replace(stage.target.settings, rewrites=rewrites))
    report = await examine(
        target, stage.context, only=["loki", "grafana", "mlflow", "certificates"], deadline=60
    )
    await target.close()
    found = {r.system: r for r in report.readings}
    assert found["Loki"].value.startswith("TLS: 127.0.0.1:")
    assert found["Grafana"].value == "DNS: the name no.such.host.invalid is not known"
    assert found["MLflow"].status is Status.OK
    assert found["Certificates"].status is Status.UNKNOWN
    assert "TLS: 127.0.0.1:" in found["Certificates"].value


# What a garbled answer cannot change: they are not asked through the systems that are garbled, or judge by the exit.
UNHARMED = {"PostgreSQL", "PostgreSQL sessions", *HOST, "Application log", "Log postgres-backup.log",
            "Log redis-backup.log", "nginx", "WebSocket", *ABSENT, "Clocks"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", GARBLES)
async def test_everything_answers_nonsense(stage: Stage, kind: str) -> None:
    """No JSON, 10 MB, binary, terminal escapes, no UTF-8, drips: never ok, never an exception, the others unharmed."""
    for system in SYSTEMS:
        stage.platform.faults.garble(system, kind)
    before = asyncio.all_tasks()
    found = await stage.look(deadline=3.0 if kind == "drip" else 60.0)
    assert {s for s, r in found.items() if r.status is Status.OK} <= UNHARMED
    assert not [r for r in found.values() if "the probe failed" in r.value]
    assert "Application log" in found
    assert found["Application log"].status is Status.OK
    assert all(len(r.value) < 1000 and "\x1b" not in r.value for r in found.values())
    await only(*before)
    await until(nothing_left)


async def test_everything_hangs_at_once(stage: Stage) -> None:
    """Each system that accepts and never answers is timed out; the others answer; no process and no task is left."""
    for system in SYSTEMS:
        stage.platform.faults.hang(system)
    before = asyncio.all_tasks()
    found = await stage.look(deadline=3.0)
    late = {s for s, r in found.items() if "timed out after" in r.value}
    assert late >= {
        "Trading API",
        "Redis",
        "Loki",
        "Prometheus",
        "Grafana",
        "MLflow",
        "Rate gate",
        "PM2",
        "Models",
    }
    assert found["Application log"].status is Status.OK
    await only(*before)
    await until(nothing_left)  # the kernel takes a moment to bury what was killed; what hangs would stay


async def nothing_left() -> bool:
    return programs_left() == []


@pytest.mark.slow
@pytest.mark.parametrize("system", [*HTTP_SYSTEMS, "redis", *PROGRAMS])
async def test_one_that_is_down_harms_no_other(stage: Stage, system: str) -> None:
    """One system down: everything that does not depend on it is as well as before."""
    depend = {
        "api": {"api", "performance", "heap", "models", "websocket", "pm2", "prometheus", "log"},
        "rate-gate": {"api", "rate-gate", "pm2", "prometheus"},
        "redis": {"api", "redis", "docker", "containers", "prometheus"},
        "docker": {"docker", "containers"},
        "kubectl": {"kubernetes"},
        "aws": {"backups"},
        "systemctl": {"systemd"},
        "nginx": {"nginx"},
    }.get(system, {system, "docker", "containers", "prometheus"})
    stage.platform.faults.down(system)
    others = [n for n in PROBES if n not in {*depend, "disk", "memory", "cpu"}]
    found = await stage.look(*others)
    assert {s: r.value for s, r in found.items() if r.status is not Status.OK and not r.absent} == {}


async def test_ages_follow_the_platform_clock(stage: Stage) -> None:
    """A night later without a backup, its age is told by the application's clock."""
    stage.clock.advance(timedelta(days=3))
    found = (await stage.look("backups"))["Backup postgres"]
    assert (found.status, "3 days old" in found.value or "4 days old" in found.value) == (Status.CRITICAL, True)
    assert datetime.now(UTC) < stage.clock.now()
